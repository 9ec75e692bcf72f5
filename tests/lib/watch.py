# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that has to be refused, and everything that must stay the same."""

import contextlib
import errno
import os

from lib import daemon, reading
from lib.command import must
from lib.domain import MIB, SYSTEM, Disk, Domain
from lib.mount import Mount
from lib.tap import equal, errno_name, fail, holds, true
from lib.wait import until


class Watch:
    """Returns everything that must not change: the snapshots, their bytes, the live disks' files, the daemon."""

    def __init__(self, domain, mount, names=None):
        self.domain, self.mount = domain, mount
        self.names = domain.snapshots() if names is None else names
        self.before = self.look()

    def look(self):
        domain = self.domain
        return {
            "snapshots": domain.parents(),
            "current": domain.current(),
            "state": domain.state(),
            "disks": [domain.live_source(disk.target) for disk in domain.disks],
            "files": sorted(os.listdir(domain.directory)),
            "daemon": daemon.pid(),
            "bytes": [self.bytes(name, disk.target) for name in self.names for disk in domain.disks],
        }

    def bytes(self, name, target):
        path = os.path.join("/run", "reading")
        reading.by_qemu(self.domain, name, target, path)
        digest = must("sha256sum", path).split()[0]
        os.unlink(path)
        return name, target, digest

    def unchanged(self):
        after = self.look()
        for what, before in self.before.items():
            equal(after[what], before, what)
        with open(f"/proc/{daemon.pid()}/comm", encoding="ascii") as file:
            equal(file.read().strip(), "libvirtd", "the process of the daemon")


@contextlib.contextmanager
def prepared(directory, name, *kinds, start=True, disks=None):
    """A domain with snapshots in a line, KIND-NAME by KIND-NAME, and a mount that shows them."""
    with Domain(name, directory, disks or {"vda": "qcow2"}) as domain:
        if start:
            domain.start()
        for number, kind in enumerate(kinds, 1):
            word = "internal" if kind.startswith("i") else "external"
            domain.write(number, number * MIB)
            domain.snapshot(kind, word)
        domain.write(0xEE, 9 * MIB)
        with Mount(SYSTEM) as mount:
            yield domain, mount


def revert(mount, domain, name, words=""):
    descriptor = os.open(mount.path(domain.name, "by-name", name, "revert"), os.O_WRONLY)
    try:
        os.write(descriptor, f"{words}\n".encode())
    finally:
        os.close(descriptor)


def force(mount, domain, name):
    revert(mount, domain, name, "force")


def rmdir(mount, domain, name):
    os.rmdir(os.path.realpath(mount.path(domain.name, "by-name", name)))


def refuses(mount, domain, verb, name, *numbers):
    """Checks that the verb fails with one of the errnos, that the log says so, and that nothing has changed."""
    numbers = numbers or (errno.EBUSY,)
    watch = Watch(domain, mount)
    until(lambda: os.path.isdir(mount.path(domain.name, "by-name", name)), f"{name} is seen")
    try:
        verb(mount, domain, name)
    except OSError as error:
        true(error.errno in numbers, f"{verb.__name__} of {name}: {error}")
        watch.unchanged()
        with open(mount.path(domain.name, "log"), encoding="utf-8") as log:
            holds(log.read().splitlines()[-1], errno_name(error.errno))
        return
    watch.unchanged()
    fail(f"{verb.__name__} of {name} was done")


def deletes(mount, domain, name):
    """Checks that the snapshot goes, and nothing else does."""
    watch = Watch(domain, mount, [one for one in domain.snapshots() if one != name])
    rmdir(mount, domain, name)
    after = watch.look()
    equal(name in after["snapshots"], False, f"{name} is there")
    for what in ("state", "disks", "daemon", "bytes"):
        equal(after[what], watch.before[what], what)


@contextlib.contextmanager
def clone_on(domain, directory, base, format, kind=Domain):
    """Another domain whose disk has the file as its backing file."""
    path = os.path.join(directory, "clone.qcow2")
    must("qemu-img", "create", "-q", "-f", "qcow2", "-F", format, "-b", base, path)
    other = kind(f"{domain.name}-clone", directory, {"vda": "qcow2"})
    other.disks = [Disk("vda", path, "qcow2")]
    other.define()
    try:
        yield other
    finally:
        other.remove()
        os.unlink(path)


def clone_bytes(path, tag=None):
    copy = "/run/clone"
    reading.convert(path, "qcow2", copy, tag)
    digest = must("sha256sum", copy).split()[0]
    os.unlink(copy)
    return digest
