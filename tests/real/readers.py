# SPDX-License-Identifier: GPL-3.0-or-later
"""Readers of every snapshot go on over each delete, merge and revert of another one."""

import contextlib
import errno
import os
import select
import shutil
import signal
import subprocess
import sys

from lib import reading
from lib.caller import Caller
from lib.command import must
from lib.control import write
from lib.domain import MIB, SYSTEM, Domain
from lib.mount import Mount
from lib.people import UID, libvirt_group, user
from lib.readers import Readers
from lib.scratch import scratch
from lib.tap import equal, fail, holds, refused, run, test, true
from lib.watch import clone_on, revert, rmdir

SIZE = 8 * MIB


class Chain:
    """A domain with snapshots in a line, what QEMU reads of each, and processes that read them."""

    def __init__(self, directory, name, kinds, start, disks=None):
        self.directory = os.path.join(directory, name)
        os.mkdir(self.directory)
        self.domain = Domain(name, self.directory, disks or {"vda": "qcow2"}, SIZE)
        self.kinds, self.start = kinds, start
        self.expected = {}

    def __enter__(self):
        self.domain.__enter__()
        if self.start:
            self.domain.start()
        for number, (name, kind) in enumerate(self.kinds.items(), 1):
            self.domain.write(number, number % 7 * MIB)
            self.domain.write(0x80 + number, 7 * MIB)
            self.domain.snapshot(name, kind)
        self.domain.write(0xEE, 5 * MIB)
        for name in self.kinds:
            path = os.path.join(self.directory, f"expected-{name}")
            reading.by_qemu(self.domain, name, "vda", path)
            for other in self.expected.values():
                true(not reading.same(other, path), "two snapshots do not differ")
            self.expected[name] = path
        return self

    def __exit__(self, *what):
        self.domain.__exit__(*what)

    def images(self, mount, names):
        top = mount.path(self.domain.name, "by-name")
        return {name: (f"{top}/{name}/vda.raw", self.expected[name]) for name in names}

    def read(self, images, prefix=()):
        return Readers(images, os.path.join(self.directory, "plan"), prefix)


def delete(mount, domain, name, words):
    if words:
        write(mount.path(domain.name, "by-name", name, "delete"), f"{words}\n")
    else:
        rmdir(mount, domain, name)


def read_over(mount, chain, readers, steps, check=lambda left: None):
    """Takes the steps while the readers read, checks after each, and returns the snapshots that are left."""
    left = dict(chain.kinds)
    for verb, one, words in steps:
        if verb is delete:
            readers.close(one)
            del left[one]
        verb(mount, chain.domain, one, words)
        readers.round()
        check(left)
    return left


def goes_on(directory, name, kinds, steps, start, disks=None):
    """The readers are there from before the first step to after the last."""
    with Chain(directory, name, kinds, start, disks) as chain, Mount(SYSTEM, f"domain={name}") as mount:
        inodes = {one: os.stat(path).st_ino for one, (path, _) in chain.images(mount, kinds).items()}

        def check(left):
            for other in left:
                path = mount.path(name, "by-name", other, "vda.raw")
                reading.check(path, chain.expected[other])
                equal(os.stat(path).st_ino, inodes[other], f"the number of {other}")

        with chain.read(chain.images(mount, kinds)) as readers:
            left = read_over(mount, chain, readers, steps, check)
        equal(chain.domain.snapshots(), sorted(left))


EXTERNAL = {f"e{number}": "external" for number in range(1, 7)}
INTERNAL = {f"i{number}": "internal" for number in range(1, 6)}
MIXED = {"i1": "internal", "e1": "external", "i2": "internal", "e2": "external", "e3": "external", "i3": "internal"}
MEMORY = {"m1": "memory", "e1": "external", "m2": "memory", "e2": "external"}

EXTERNAL_STEPS = [
    (delete, "e1", "merge"), (delete, "e3", "merge"), (revert, "e4", "force"), (delete, "e2", "merge"),
    (delete, "e6", ""), (delete, "e5", "children"),
]
INTERNAL_STEPS = [
    (delete, "i2", "merge"), (revert, "i3", "force"), (delete, "i1", "merge"), (delete, "i5", ""),
]
MIXED_STEPS = [
    (delete, "i1", "merge"), (delete, "e1", "merge"), (revert, "e2", "force"), (delete, "i2", "merge"), (delete, "i3", ""),
]
MEMORY_STEPS = [(delete, "m1", "merge"), (revert, "m2", "force"), (delete, "e1", "merge")]


@test
def external_running(directory):
    goes_on(directory, "external-on", EXTERNAL, EXTERNAL_STEPS, True)


@test
def external_shut_off(directory):
    goes_on(directory, "external-off", EXTERNAL, EXTERNAL_STEPS, False)


@test
def internal_running(directory):
    goes_on(directory, "internal-on", INTERNAL, INTERNAL_STEPS, True)


@test
def internal_shut_off(directory):
    goes_on(directory, "internal-off", INTERNAL, INTERNAL_STEPS, False)


@test
def mixed_running(directory):
    goes_on(directory, "mixed-on", MIXED, MIXED_STEPS, True)


@test
def mixed_shut_off(directory):
    goes_on(directory, "mixed-off", MIXED, MIXED_STEPS, False)


@test
def with_memory(directory):
    goes_on(directory, "with-memory", MEMORY, MEMORY_STEPS, True)


@contextlib.contextmanager
def loops(images):
    """Yields the images as loop devices, which read past the kernel's cache."""
    devices = {}
    try:
        for name, (path, expected) in images.items():
            devices[name] = must("losetup", "-r", "-f", "--direct-io=on", "--show", path).strip(), expected
        yield devices
    finally:
        for device, _ in devices.values():
            must("losetup", "-d", device)


@test
def by_loop_devices(directory):
    kinds = dict(list(EXTERNAL.items())[:4])
    with Chain(directory, "loops", kinds, True) as chain, Mount(SYSTEM, "domain=loops") as mount:
        images = chain.images(mount, kinds)
        del images["e1"], images["e3"]
        with loops(images) as devices, chain.read(devices) as readers:
            delete(mount, chain.domain, "e1", "merge")
            readers.round()
            revert(mount, chain.domain, "e2", "force")
            readers.round()
            delete(mount, chain.domain, "e3", "merge")
            readers.round()


@test
def a_file_that_grows_by_a_merge(directory):
    """QEMU then moves the first table of the file that it merges into."""
    with Domain("grows", directory, {"vda": "qcow2"}, MIB) as domain, Mount(SYSTEM, "domain=grows") as mount:
        must("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=512", domain.disks[0].path, MIB)
        domain.start()
        images = {}
        for number, (name, size) in enumerate((("e1", MIB), ("e2", 8 * MIB), ("e3", 16 * MIB), ("e4", 16 * MIB)), 1):
            domain.virsh("blockresize", domain.name, "vda", f"{size}B")
            domain.write(number, number * MIB // 8)
            domain.write(0x80 + number, size - MIB // 2)
            domain.snapshot(name, "external")
            expected = os.path.join(directory, f"grows-{name}")
            reading.by_qemu(domain, name, "vda", expected)
            images[name] = mount.path("grows/by-name", name, "vda.raw"), expected
        del images["e1"]
        with Readers(images, os.path.join(directory, "plan")) as readers:
            delete(mount, domain, "e1", "merge")
            readers.round()
            readers.close("e2")
            delete(mount, domain, "e2", "merge")
            readers.round()


@test
def of_a_domain_on_another_domains_file(directory):
    """A tag of that domain is deleted, which writes to the file."""
    with Domain("base", directory, {"vda": "qcow2"}, SIZE) as domain, Mount(SYSTEM, f"allow={directory}") as mount:
        for number in (1, 2):
            domain.write(number, number * MIB)
            domain.snapshot(f"i{number}")
        below = os.path.join(directory, "below")
        os.mkdir(below)
        with clone_on(domain, below, domain.disks[0].path, "qcow2") as clone:
            clone.snapshot("e1", "external")
            expected = os.path.join(directory, "base-expected")
            reading.by_qemu(clone, "e1", "vda", expected)
            images = {"e1": (mount.path(clone.name, "by-name/e1/vda.raw"), expected)}
            with Readers(images, os.path.join(directory, "plan")) as readers:
                delete(mount, domain, "i1", "merge")
                readers.round()
                delete(mount, domain, "i2", "")
                readers.round()


READ = """
import os, sys
image = os.open(sys.argv[1], os.O_RDONLY | int(sys.argv[2]))
print(flush=True)
sys.stdin.readline()
if int(sys.argv[2]):
    import mmap
    data = mmap.mmap(-1, 4096)
    os.preadv(image, [data], 1 << 20)
else:
    data = os.pread(image, 4096, 1 << 20)
print(data[0], flush=True)
"""


class Reader:
    """Reads a piece of an image once it is told to."""

    def __init__(self, path, flags=0):
        self.process = subprocess.Popen([sys.executable, "-c", READ, path, str(flags)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.process.stdout.readline()

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def waits(self):
        return not select.select([self.process.stdout], [], [], 0.3)[0]

    def end(self):
        return self.process.communicate(timeout=20)


def qemu(domain):
    with open(f"/run/libvirt/qemu/{domain.name}.pid", encoding="ascii") as pid:
        return int(pid.read())


def stopped_in_merge(mount, domain, name):
    """Stops QEMU in the middle of a merge; yields the delete with the merge."""
    file = domain.snapshot_source(name, "vda")[0]
    before = os.stat(file).st_mtime_ns
    caller = Caller("write", mount.path(domain.name, "by-name", name, "delete"), "merge\n")
    while caller.running() and os.stat(file).st_mtime_ns == before:
        pass
    os.kill(qemu(domain), signal.SIGSTOP)
    return caller


@test
def a_read_that_waits_for_a_merge(directory):
    """It can be interrupted and killed, keeps nobody else waiting, and gives the right bytes in the end."""
    with Domain("waits", directory, {"vda": "qcow2"}, 512 * MIB) as domain:
        domain.start()
        domain.write(7)
        for number in range(1, 4):
            domain.snapshot(f"e{number}", "external")
            domain.write(number, 64 * MIB, 96 * MIB)
        with Mount(SYSTEM, "domain=waits") as mount:
            image = mount.path("waits/by-name/e2/vda.raw")
            readers = [Reader(image, os.O_DIRECT), Reader(image, os.O_DIRECT), Reader(image), Reader(image)]
            caller = stopped_in_merge(mount, domain, "e1")
            try:
                true(caller.running(), "the merge has ended before")
                for reader in readers:
                    reader.go()
                true(all([reader.waits() for reader in readers]), "a read does not wait")
                readers[0].process.send_signal(signal.SIGINT)
                holds(readers[0].end()[1], "KeyboardInterrupt")
                readers[3].process.kill()
                readers[3].end()
                readers[1].process.send_signal(signal.SIGURG)
                if not readers[1].waits():
                    fail(f"it has ended: {readers[1].end()}")
                true(os.statvfs(mount.point).f_blocks > 0, "blocks")
            finally:
                os.kill(qemu(domain), signal.SIGCONT)
            equal([reader.end()[0] for reader in readers[1:3]], ["7\n", "7\n"], "bytes")
            equal(caller.outcome(), "ok")


@test
def through_another_mount(directory):
    """The readers are another snapfs process's."""
    with Chain(directory, "beside", MIXED, True) as chain, Mount(SYSTEM, "domain=beside") as mount:
        with Mount(SYSTEM, "domain=beside", "ro", "cache=0") as other:
            with chain.read(chain.images(other, MIXED)) as readers:
                read_over(mount, chain, readers, MIXED_STEPS)


@test
def through_the_mount_of_a_member_of_the_group(directory):
    """The mounts of root and of that user see each other's opens and operations."""
    shutil.rmtree("/run/snapfs", ignore_errors=True)  # another group's
    with libvirt_group() as group, user(groups=(group,)) as (be, _):
        with Chain(directory, "member", EXTERNAL, True) as chain, Mount(SYSTEM, "domain=member") as mount:
            for file in os.scandir(chain.directory):
                os.chmod(file, 0o644)
            with Mount(SYSTEM, "domain=member", prefix=be, owner=UID) as member:
                with chain.read(chain.images(member, EXTERNAL), be) as readers:
                    refused(errno.EBUSY, delete, mount, chain.domain, "e1", "merge")
                    read_over(mount, chain, readers, EXTERNAL_STEPS[:4])


with scratch() as directory:
    run(directory)
