# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of an image mount it, take a file out, clone it, and boot the clone."""

import contextlib
import errno
import os

from lib import reading
from lib.command import must
from lib.domain import MIB, SYSTEM, Disk, Domain
from lib.mount import SNAPFS, Mount, mount_line
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.wait import until

SECTOR = 512
PARTITION = 2048 * SECTOR
# A place at which the file system has no data.
FREE = 12 * MIB


class Guest(Domain):
    """A domain whose vda is an ext4 filesystem and whose vdb has a partition with one."""

    def __enter__(self):
        plain = os.path.join(self.directory, "ext4")
        self.filesystem(plain, "before")
        partitioned = os.path.join(self.directory, "partitioned")
        with open(partitioned, "wb") as file:
            file.truncate(self.size + PARTITION)
        must("sfdisk", "-q", partitioned, text="label: dos\nstart=2048, type=83\n")
        with open(partitioned, "r+b") as file, open(plain, "rb") as content:
            file.seek(PARTITION)
            file.write(content.read())
        for disk, source in zip(self.disks, (plain, partitioned)):
            must("qemu-img", "convert", "-f", "raw", "-O", "qcow2", source, disk.path)
        self.define()
        return self

    def filesystem(self, path, text):
        files = os.path.join(self.directory, "files")
        os.makedirs(files, exist_ok=True)
        with open(os.path.join(files, "letter"), "w", encoding="ascii") as file:
            print(text, file=file)
        must("mkfs.ext4", "-q", "-F", "-d", files, path, f"{self.size // MIB}M")


@contextlib.contextmanager
def taken(directory, name, *options):
    """A guest with an internal and an external snapshot, which then loses all it had; and a mount."""
    with Guest(name, directory) as guest, Mount(SYSTEM, *options) as mount:
        guest.start()
        guest.write(0x77, FREE, targets=["vda"])
        guest.snapshot("internal")
        guest.snapshot("external", "external")
        guest.write(0, 0, 4 * MIB)
        guest.write(0x88, FREE, targets=["vda"])
        yield guest, mount


@contextlib.contextmanager
def mounted(directory, source, *options):
    """Mounts a file system in an image read-only; returns the text of its file."""
    point = os.path.join(directory, "fs")
    os.makedirs(point, exist_ok=True)
    must("mount", "-o", ",".join(("ro", "noload", *options)), source, point)
    try:
        with open(os.path.join(point, "letter"), encoding="ascii") as file:
            yield file.read().strip()
    finally:
        must("umount", point)


@contextlib.contextmanager
def loop_device(image, *options):
    device = must("losetup", "-r", *options, "-f", "--show", image).strip()
    try:
        yield device
    finally:
        must("losetup", "-d", device)


def partition_node(device, directory):
    """Makes the node of a device's first partition, because there may be no udev.

    A kernel without partition tables of its own is told the partition by partx.
    """
    name = os.path.basename(device) + "p1"
    known = f"/sys/class/block/{name}/dev"
    if not os.path.exists(known):
        must("partx", "-a", device)
    with open(known, encoding="ascii") as file:
        major, minor = map(int, file.read().split(":"))
    node = os.path.join(directory, name)
    os.mknod(node, 0o60600, os.makedev(major, minor))
    return node


@test
def the_live_disk_has_lost_its_files(directory):
    with taken(directory, "lost") as (guest, _):
        guest.destroy()
        lost = os.path.join(directory, "lost.raw")
        reading.convert(*guest.live_source("vda"), lost)
        true("letter" not in must("debugfs", "-R", "ls -l /", lost), "the file is still there")


@test
def an_image_is_loop_mounted(directory):
    with taken(directory, "loop") as (guest, mount):
        for name in ("internal", "external"):
            image = mount.path("loop/by-name", name, "vda.raw")
            with mounted(directory, image, "loop") as text:
                equal(text, "before", name)
            with loop_device(image) as device:
                equal(must("blockdev", "--getsize64", device).strip(), str(guest.size))
                with mounted(directory, device) as text:
                    equal(text, "before", name)


@test
def a_partition_is_found_by_its_name(directory):
    with taken(directory, "named", "cache=0") as (guest, mount):
        for name in ("internal", "external"):
            snapshot = mount.path("named/by-name", name)
            before = sorted(os.listdir(snapshot))
            part, whole = (os.path.join(snapshot, file) for file in ("vdb-part1.raw", "vdb.raw"))
            equal(os.stat(part).st_size, guest.size)
            with mounted(directory, part, "loop") as text:
                equal(text, "before", name)
            with open(part, "rb") as one, open(whole, "rb") as all_of_it:
                all_of_it.seek(PARTITION)
                equal(one.read() == all_of_it.read(guest.size), True, f"bytes of {name}")
                holes = os.lseek(one.fileno(), 0, os.SEEK_HOLE), os.lseek(all_of_it.fileno(), PARTITION, os.SEEK_HOLE)
                equal(holes[0], min(holes[1] - PARTITION, guest.size), "the first hole")
                refused(errno.ENXIO, os.lseek, one.fileno(), guest.size, os.SEEK_DATA)
            equal(os.stat(part).st_ino != os.stat(whole).st_ino, True, "another inode")
            equal(sorted(os.listdir(snapshot)), before, "a listing after it was opened")
            with open(os.path.join(snapshot, "info"), encoding="utf-8") as info:
                holds(info.read(), "Partitions vdb: 1\n")
            refused(errno.EROFS, os.open, part, os.O_RDWR)
            for other in ("vdb-part2.raw", "vdb-part0.raw", "vdb-part01.raw", "vda-part1.raw", "vdc-part1.raw",
                          "vdb-part.raw", "vdb-part999.raw", "vdb-part1"):
                refused(errno.ENOENT, os.stat, os.path.join(snapshot, other))


@test
def logical_and_gpt_partitions_with_large_sectors(directory):
    tables = {
        "vda": "label: dos\nstart=2048, size=4096, type=83\nstart=8192, type=5\nstart=10240, size=4096, type=83\n",
        "vdb": "label: gpt\nstart=256, size=512\nstart=1024, size=256\n",
    }
    with Domain("tables", directory) as domain, Mount(SYSTEM) as mount:
        expected = {"vda": {1: (1 << 20, 2 << 20), 5: (5 << 20, 2 << 20)},
                    "vdb": {1: (1 << 20, 2 << 20), 2: (4 << 20, 1 << 20)}}
        for disk in domain.disks:
            plain = os.path.join(directory, "plain")
            with open(plain, "wb") as file:
                file.truncate(domain.size)
            device = must("losetup", "-b", "4096" if disk.target == "vdb" else "512", "-f", "--show", plain).strip()
            must("sfdisk", "-q", "--no-reread", "--no-tell-kernel", device, text=tables[disk.target])
            must("losetup", "-d", device)
            for number, (begin, _) in expected[disk.target].items():
                with open(plain, "r+b") as file:
                    file.seek(begin)
                    file.write(bytes([number]) * 512)
            must("qemu-img", "convert", "-f", "raw", "-O", "qcow2", plain, disk.path)
        domain.snapshot("one")
        for target, parts in expected.items():
            for number, (_, length) in parts.items():
                path = mount.path("tables/by-name/one", f"{target}-part{number}.raw")
                equal(os.stat(path).st_size, length, path)
                with open(path, "rb") as file:
                    equal(file.read(512), bytes([number]) * 512, path)
        refused(errno.ENOENT, os.stat, mount.path("tables/by-name/one/vda-part2.raw"))


@test
def a_partition_of_an_image_is_mounted(directory):
    with taken(directory, "partition") as (_, mount):
        for name in ("internal", "external"):
            with loop_device(mount.path("partition/by-name", name, "vdb.raw"), "-P") as device:
                node = partition_node(device, directory)
                with mounted(directory, node) as text:
                    equal(text, "before", name)
                os.unlink(node)


@test
def a_file_is_taken_out_without_mounting(directory):
    with taken(directory, "debugfs") as (_, mount):
        for name in ("internal", "external"):
            image = mount.path("debugfs/by-name", name, "vda.raw")
            equal(must("debugfs", "-R", "cat /letter", image).strip(), "before", name)


@test
def a_clone_of_a_snapshot_boots_and_leaves_it_alone(directory):
    with taken(directory, "cloned") as (guest, mount):
        for name in ("internal", "external"):
            image = mount.path("cloned/by-name", name, "vda.raw")
            expected = os.path.join(directory, "expected")
            reading.by_qemu(guest, name, "vda", expected)
            clone = Domain(f"clone-of-{name}", directory)
            path = os.path.join(directory, f"{name}.clone")
            must("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", image, path)
            clone.disks = [Disk("vda", path, "qcow2")]
            clone.define()
            try:
                clone.start()
                clone.read(0, 0x77, FREE)
                until(lambda: "read 65536/65536 bytes" in clone.log(), "the clone reads the bytes")
                clone.write(0x55)
                clone.destroy()
            finally:
                clone.remove()
            reading.check(image, expected)
            must("qemu-img", "compare", "-f", "raw", "-F", "raw", image, expected)


@test
def mount_and_fstab_start_it(directory):
    point = os.path.join(directory, "mnt")
    os.mkdir(point)
    table = os.path.join(directory, "fstab")
    with open(table, "w", encoding="ascii") as file:
        print(f"{SYSTEM} {point} fuse.snapfs ro,noauto,nofail,_netdev 0 0", file=file)
    with installed(directory), Domain("tab", directory):
        for command in (
            ("mount", "-t", "fuse.snapfs", SYSTEM, point),
            ("mount", "-t", "fuse.snapfs", "-o", "ro,cache=2,domain=t*", SYSTEM, point),
            ("mount", "-T", table, point),
        ):
            must(*command)
            holds(mount_line(point), f"fuse.snapfs {SYSTEM} ")
            equal(os.listdir(point), ["tab"])
            must("umount", point)
            until(lambda: not serving(point), "the process has ended")


@contextlib.contextmanager
def installed(directory):
    """Puts snapfs into a directory in which mount(8), which clears PATH, finds it."""
    programs = os.path.join(directory, "bin")
    os.mkdir(programs)
    os.symlink(SNAPFS, os.path.join(programs, "snapfs"))
    must("mount", "--bind", programs, "/usr/local/bin")
    try:
        yield
    finally:
        must("umount", "/usr/local/bin")


def serving(point):
    return [line for line in must("ps", "ax", "-o", "args=").splitlines()
            if line.startswith("snapfs ") and point in line]


with scratch() as directory:
    run(directory)
