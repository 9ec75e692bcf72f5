# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that the guest has synced is only in its file system's journal: vda-part1.cow gives it back."""

import contextlib
import errno
import mmap
import os
import time

from lib import ext4, reading
from lib.command import must
from lib.domain import MIB, SYSTEM, Disk, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true

PARTITION = MIB
SYNCED = {"internal": "synced before the first\n", "external": "synced before the second\n"}
# `exec 3<>` keeps what e2fsck writes until debugfs has read it; e2fsck exits 1 if it has changed something.
BY_E2FSCK = """
exec 3<>"$0"
e2fsck -fy /proc/self/fd/3 >&2 || [ $? = 1 ]
debugfs -R "cat /$1" "$2" 2>/dev/null
exec 3>&-
"""


class Guest(Domain):
    """Before each of its snapshots it has synced another file to the partition of its disk."""

    def __init__(self, name, directory):
        super().__init__(name, directory, disks={"vda": "qcow2"})
        self.plain = os.path.join(directory, f"{name}.raw")

    def __enter__(self):
        files = os.path.join(self.directory, "files")
        os.makedirs(files, exist_ok=True)
        super().__enter__()
        ext4.make(f"{self.plain}.part", self.size - 2 * PARTITION, files)
        return self

    def sync(self, name):
        """Writes as the guest's kernel would: a new file in the journal, and the last one in its place."""
        part = f"{self.plain}.part"
        ext4.add_to_journal(part, f"{name}.txt", SYNCED[name])
        with open(self.plain, "wb") as file:
            file.truncate(self.size)
        must("sfdisk", "-q", self.plain, text="label: dos\nstart=2048, size=28672, type=83\n")
        with open(self.plain, "r+b") as file, open(part, "rb") as content:
            file.seek(PARTITION)
            file.write(content.read())
        path, format = self.live_source("vda")
        must("qemu-img", "convert", "-n", "-f", "raw", "-O", format, self.plain, path)
        must("sh", "-c", 'e2fsck -fy "$0" || [ $? = 1 ]', part)

    def written(self, name):
        """QEMU's reading of the partition at the snapshot."""
        path = f"{self.plain}.{name}"
        reading.by_qemu(self, name, "vda", path)
        with open(path, "rb") as file:
            file.seek(PARTITION)
            return file.read(self.size - 2 * PARTITION)


@contextlib.contextmanager
def taken(directory, name, *options):
    with Guest(name, directory) as guest, Mount(SYSTEM, *options) as mount:
        guest.sync("internal")
        guest.snapshot("internal")
        guest.sync("external")
        guest.start()
        guest.snapshot("external", "external")
        yield guest, mount


def file(mount, guest, snapshot, name="vda-part1.cow"):
    return mount.path(guest.name, "by-name", snapshot, name)


def read(path):
    with open(path, "rb") as image:
        return image.read()


def order(mount, guest, snapshot, words):
    with open(file(mount, guest, snapshot, "delete"), "wb", buffering=0) as delete:
        delete.write(words)


def direct(path, flags):
    """Reads past the kernel's cache."""
    return os.open(path, flags | os.O_DIRECT)


def without_replay(directory, path, name):
    """Returns the file without a replay: by debugfs and, if possible, by the kernel."""
    found = ext4.read_by_debugfs(path, name)
    if ext4.have_loops():
        equal(ext4.read_by_mount(path, name, os.path.join(directory, "fs"), "ro", "noload"), found, "by a mount")
    return found


def by_e2fsck(path, name):
    return must("bash", "-euc", BY_E2FSCK, path, name, path)


def by_mount(directory, path, name):
    return ext4.read_by_mount(path, name, os.path.join(directory, "fs"))


@test
def a_file_that_is_in_the_journal_alone_is_read_back(directory):
    for option in ("cache=1", "ro"):
        with taken(directory, option[:2], option) as (guest, mount):
            before = {name: guest.written(name) for name in SYNCED}
            true(before["internal"] != before["external"], "the snapshots do not differ")
            for name, text in SYNCED.items():
                raw, cow = (file(mount, guest, name, f"vda-part1{end}") for end in (".raw", ".cow"))
                equal(without_replay(directory, raw, f"{name}.txt"), None, f"{name} without a replay")
                equal(by_e2fsck(cow, f"{name}.txt"), text, f"{name} by e2fsck")
                equal(ext4.read_by_debugfs(cow, f"{name}.txt"), None, "a view that is closed")
                if ext4.have_loops():
                    equal(by_mount(directory, cow, f"{name}.txt"), text, f"{name} by a mount")
                    equal(ext4.read_by_debugfs(cow, f"{name}.txt"), None, "a view that is unmounted")
                true(read(cow) == read(raw) == before[name], f"the bytes of {name}")
            equal({name: guest.written(name) == before[name] for name in SYNCED}, dict.fromkeys(SYNCED, True))


@test
def a_mount_of_it_can_be_written_to_and_leaves_nothing(directory):
    with taken(directory, "written") as (guest, mount):
        before = guest.written("external")
        cow, point = file(mount, guest, "external"), os.path.join(directory, "fs")
        if ext4.have_loops():
            os.makedirs(point, exist_ok=True)
            must("mount", "-o", "loop,discard", cow, point)
            must("sh", "-c", 'head -c 3000000 /dev/urandom > "$0/new"; sync -f "$0/new"; rm "$0/external.txt"', point)
            refused(errno.EBUSY, os.rmdir, mount.path("written/snapshots/internal/external"))
            with open(mount.path("written/log"), encoding="utf-8") as log:
                holds(log.read().splitlines()[-1], point)
            must("umount", point)
        else:
            equal(by_e2fsck(cow, "external.txt"), SYNCED["external"])
        true(read(cow) == before, "something is left in the view")
        true(guest.written("external") == before, "the snapshot has changed")


@test
def a_snapshot_that_goes_takes_its_view_along(directory):
    for name, delete in (("gone", by_virsh), ("forced", by_force)):
        with Domain(name, directory, disks={"vda": "qcow2"}) as guest, Mount(SYSTEM) as mount:
            its_view_goes(guest, mount, delete)


def by_virsh(_, guest):
    guest.delete("base")


def by_force(mount, guest):
    refused(errno.EBUSY, os.rmdir, mount.path(guest.name, "snapshots/base"))
    order(mount, guest, "base", b"force\n")


def its_view_goes(guest, mount, delete):
    guest.snapshot("base")
    block = mmap.mmap(-1, 8192)
    block[:] = b"x" * 8192
    with open(file(mount, guest, "base", "vda.cow"), "r+b", buffering=0, opener=direct) as cow:
        equal(os.pwritev(cow.fileno(), [block], 4 * MIB), 8192)
        equal(os.preadv(cow.fileno(), [block], 4 * MIB), 8192)
        delete(mount, guest)
        for at in (4 * MIB, 6 * MIB):
            refused(errno.ESTALE, os.preadv, cow.fileno(), [block], at)
        refused(errno.ESTALE, os.pwritev, cow.fileno(), [block], 4 * MIB)
        equal(guest.snapshots(), [])


def shows(cow, bytes_at):
    block = mmap.mmap(-1, 8192)
    for at, byte in bytes_at.items():
        equal((os.preadv(cow, [block], at), block[:1], block[8191:]), (8192, byte, byte), f"at {at}")


def put(cow, byte, at):
    block = mmap.mmap(-1, 8192)
    block[:] = byte * 8192
    equal(os.pwritev(cow, [block], at), 8192)


@test
def a_view_goes_on_when_another_snapshot_is_merged(directory):
    for name, start in (("merged", True), ("merged-off", False)):
        with Domain(name, directory, disks={"vda": "qcow2"}) as guest, Mount(SYSTEM) as mount:
            if start:
                guest.start()
            for number, kind in enumerate(("internal", "external", "external", "external", "external"), 1):
                guest.write(number, number * MIB)
                guest.snapshot(f"s{number}", kind)
            guest.write(9, MIB, 8 * MIB)
            view_goes_on(mount, guest)


def view_goes_on(mount, guest):
    """The first open of it is idle over each merge, and another one is made and joins it."""
    path, inode = file(mount, guest, "s3", "vda.cow"), os.stat(file(mount, guest, "s3", "vda.cow")).st_ino
    both = {MIB: b"\1", 2 * MIB: b"\2", 3 * MIB: b"\3", 4 * MIB: b"\0", 5 * MIB: b"x", 9 * MIB: b"\0"}
    merges = iter(("s2", "s4", "s5"))
    with open(path, "r+b", buffering=0, opener=direct) as idle:
        put(idle.fileno(), b"x", 5 * MIB)
        for number, words in enumerate((b"merge\n", b"merge\n", b"force\n"), 1):
            order(mount, guest, next(merges), words)
            with open(path, "r+b", buffering=0, opener=direct) as other, open(path, "rb", buffering=0) as reader:
                put(other.fileno(), b"%d" % number, (5 + number) * MIB)
                both[(5 + number) * MIB] = b"%d" % number
                for view in (other.fileno(), reader.fileno(), *([idle.fileno()] if number == 2 else [])):
                    shows(view, both)
            equal(os.fstat(idle.fileno()).st_ino, inode, "the number of the file")
            equal(os.stat(path).st_ino, inode, "the number of the file by its path")
        shows(idle.fileno(), both)
        equal(guest.snapshots(), ["s1", "s3"])
        refused(errno.EBUSY, order, mount, guest, "s3", b"merge\n")
    with open(path, "r+b") as cow:
        cow.seek(6 * MIB)
        equal(cow.read(1), b"\0", "a view of the merged files")


@test
def a_disk_of_a_tebibyte_costs_what_is_written(directory):
    with Domain("large", directory, disks={"vda": "qcow2"}, size=1 << 40) as guest, Mount(SYSTEM) as mount:
        guest.snapshot("base")
        begin = time.monotonic()
        with open(file(mount, guest, "base", "vda.cow"), "r+b", buffering=0) as cow:
            for number in range(200):
                at = number * ((1 << 40) // 200) + number
                cow.seek(at)
                equal(cow.write(b"written"), 7)
                cow.seek(at - 1 if at else 0)
                holds(cow.read(9), b"written")
            cow.seek((1 << 40) - 3)
            equal(cow.write(b"beyond"), 3, "bytes written at the end")
        took = time.monotonic() - begin
        true(took < 10, f"200 writes took {took:.1f} s")


with scratch() as directory:
    run(directory)
