"""Shapes in which libvirt itself would lose other snapshots' bytes, or end: refused, nothing changes."""

import contextlib
import errno
import os

from lib import daemon, reading
from lib.command import must
from lib.domain import MIB, SYSTEM, Disk, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, errno_name, fail, holds, refused, run, test, true
from lib.wait import until


class Watch:
    """What must not change: the snapshots, their bytes, the live disks' files, the daemon."""

    def __init__(self, domain, mount, names=None):
        self.domain, self.mount = domain, mount
        self.names = names or domain.snapshots()
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
    """The verb fails with one of the errnos, the log says so, and nothing has changed."""
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


@test
def deleting_an_external_one_whose_overlay_holds_a_tag(directory):
    with prepared(directory, "tagged", "e1", "i2") as (domain, mount):
        refuses(mount, domain, rmdir, "e1", errno.ENOTEMPTY)
        domain.delete("i2", "--metadata")
        refuses(mount, domain, rmdir, "e1")
        equal(reading.tags(domain.live_source("vda")[0]), ["i2"], "tags of the overlay")


@test
def reverting_to_an_internal_one_below_external_ones(directory):
    for start in (True, False):
        with prepared(directory, f"below-{start}", "i1", "e2", "e3", start=start) as (domain, mount):
            refuses(mount, domain, revert, "i1")


@test
def names_that_are_ids(directory):
    for start in (True, False):
        with prepared(directory, f"ids-{start}", start=start) as (domain, mount):
            for number, name in enumerate(("a", "1", "b"), 1):
                domain.write(number)
                domain.snapshot(name)
            refuses(mount, domain, revert, "1")
            domain.revert("b")
            domain.delete("b")
            refuses(mount, domain, rmdir, "1")


@test
def reverting_after_the_current_mark_was_moved(directory):
    with prepared(directory, "moved", "e1", "e2", "e3", start=False) as (domain, mount):
        domain.virsh("snapshot-current", domain.name, "e1")
        refuses(mount, domain, revert, "e2", errno.EBUSY, errno.EOPNOTSUPP)


@test
def reverting_to_an_external_one_while_none_is_current(directory):
    with prepared(directory, "none", "e1", start=False) as (domain, mount):
        document = os.path.join(directory, "e1.xml")
        with open(document, "w", encoding="utf-8") as file:
            file.write(domain.snapshot_xml("e1"))
        domain.delete("e1", "--metadata")
        domain.virsh("snapshot-create", domain.name, document, "--redefine")
        equal(domain.current(), None, "the current snapshot")
        refuses(mount, domain, revert, "e1", errno.EBUSY, errno.EOPNOTSUPP)


@test
def deleting_an_internal_one_whose_disk_was_detached(directory):
    both = {"vda": "qcow2", "vdb": "qcow2"}
    with prepared(directory, "detached", "i1", disks=both) as (domain, mount):
        domain.destroy()
        domain.virsh("detach-disk", domain.name, domain.disks.pop().target, "--config")
        domain.start()
        refuses(mount, domain, rmdir, "i1")


@contextlib.contextmanager
def clone_on(domain, directory, base, format):
    """Another domain whose disk stands on a file."""
    path = os.path.join(directory, "clone.qcow2")
    must("qemu-img", "create", "-q", "-f", "qcow2", "-F", format, "-b", base, path)
    other = Domain(f"{domain.name}-clone", directory, {"vda": "qcow2"})
    other.disks = [Disk("vda", path, "qcow2")]
    other.define()
    try:
        yield other
    finally:
        other.remove()
        os.unlink(path)


def clone_bytes(path):
    copy = "/run/clone"
    reading.convert(path, "qcow2", copy)
    digest = must("sha256sum", copy).split()[0]
    os.unlink(copy)
    return digest


@test
def deleting_an_external_one_that_another_domain_stands_on(directory):
    for start in (True, False):
        with prepared(directory, f"base-{start}", "e1", "e2", start=start) as (domain, mount):
            for base, format in (domain.live_source("vda"), domain.snapshot_source("e2", "vda")):
                domain_was_running = domain.running()
                with clone_on(domain, directory, base, format) as other:
                    before = clone_bytes(other.disks[0].path)
                    refuses(mount, domain, rmdir, "e2")
                    equal(clone_bytes(other.disks[0].path), before, "bytes of the other domain")
                    equal(domain.running(), domain_was_running)


@test
def reverting_to_an_internal_one_that_another_domain_stands_on(directory):
    with prepared(directory, "stood-on", "i1", start=False) as (domain, mount):
        with clone_on(domain, directory, domain.disks[0].path, "qcow2") as other:
            before = clone_bytes(other.disks[0].path)
            refuses(mount, domain, revert, "i1")
            equal(clone_bytes(other.disks[0].path), before, "bytes of the other domain")


@test
def deleting_a_snapshot_that_a_clone_through_the_mount_uses(directory):
    with prepared(directory, "through", "i1", start=False) as (domain, mount):
        image = mount.path("through/by-name/i1/vda.raw")
        with clone_on(domain, directory, image, "raw"):
            refuses(mount, domain, rmdir, "i1")
        rmdir(mount, domain, "i1")
        equal(domain.snapshots(), [])


@test
def reverting_a_domain_with_a_managed_save(directory):
    with prepared(directory, "saved", "i1") as (domain, mount):
        domain.virsh("managedsave", domain.name)
        refuses(mount, domain, revert, "i1", errno.EBUSY, errno.EPERM)
        refuses(mount, domain, force, "i1", errno.EBUSY, errno.EPERM)
        holds(domain.virsh("dominfo", domain.name), "Managed save:   yes")


@test
def while_a_block_job_runs(directory):
    with prepared(directory, "copying", "e1") as (domain, mount):
        copy = os.path.join(directory, "copying.copy")
        domain.virsh("blockcopy", domain.name, "vda", copy, "--transient-job", "--wait")
        watched = domain.parents()
        # A libvirt that cannot delete an external snapshot at all has that said.
        refuses(mount, domain, rmdir, "e1", errno.EBUSY, errno.EOPNOTSUPP)
        refused(errno.EBUSY, os.mkdir, mount.path("copying/current/new"))
        equal(domain.parents(), watched)
        domain.virsh("blockjob", domain.name, "vda", "--abort")


with scratch() as directory:
    run(directory)
