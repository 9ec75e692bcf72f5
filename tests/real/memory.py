# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot's saved memory is a file with exactly its bytes, or an error."""

import errno
import os
import stat
import tarfile

from lib import reading
from lib.command import must
from lib.domain import SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.writer import Writer

# A domain's order of drives is libvirt's, so that no disk is known to hold the memory.
DISKS = {"vda": "qcow2", "vdb": "qcow2"}


def info(snapshot):
    with open(os.path.join(snapshot, "info"), encoding="utf-8") as file:
        return file.read()


def load(path):
    with open(path, "rb") as file:
        return file.read()


def take(domain, name, kind, number):
    """Two snapshots' memories differ by what the guest has in its disks' caches and clocks; the
    disks differ by this."""
    domain.write(number, 0)
    domain.snapshot(name, kind)


@test
def internal_memory_is_what_qemu_reads(directory):
    with Domain("internal", directory, DISKS) as domain, Mount(SYSTEM) as mount:
        domain.start()
        seen = set()
        for number, name in enumerate(("one", "two"), 1):
            take(domain, name, "internal", number)
        expectations = {name: os.path.join(directory, f"memory-{name}") for name in ("one", "two")}
        targets = {name: reading.memory_by_qemu(domain, name, path) for name, path in expectations.items()}
        with Writer(domain):
            for name, expected in expectations.items():
                target = targets[name]
                snapshot = mount.path("internal/by-name", name)
                reading.check(os.path.join(snapshot, "memory"), expected)
                size = os.stat(expected).st_size
                holds(info(snapshot), f"Saved memory:   internal, {size} bytes\n", "info")
                source, _ = domain.snapshot_source(name, target)
                holds(info(snapshot), f"Chain memory:   {source} (qcow2, memory of snapshot '{name}', "
                      f"{size} bytes)\n", "info")
                seen.add(load(expected))
        equal(len(seen), 2, "different memories")


@test
def external_memory_is_the_file_that_libvirt_saved(directory):
    with Domain("external", directory) as domain, Mount(SYSTEM) as mount:
        domain.start()
        for number, name in enumerate(("one", "two"), 1):
            take(domain, name, "memory", number)
        files = [os.path.join(directory, f"external.{name}.memory") for name in ("one", "two")]
        true(not reading.same(*files), "both memories are the same")
        for name, file in zip(("one", "two"), files):
            reading.check(mount.path("external/by-name", name, "memory"), file)
            holds(info(mount.path("external/by-name", name)),
                  f"Saved memory:   external, {os.stat(file).st_size} bytes\n", "info")
        os.unlink(files[0])
        with Mount(SYSTEM, "cache=0") as other:
            snapshot = other.path("external/by-name/one")
            true("memory" in os.listdir(snapshot), "what cannot be read is not listed")
            refused(errno.EIO, os.open, os.path.join(snapshot, "memory"), os.O_RDONLY)
            holds(info(snapshot), "Saved memory:   cannot be read: ENOENT: ", "info")
            reading.check(other.path("external/by-name/two/memory"), files[1])


@test
def a_snapshot_without_memory_has_no_such_file(directory):
    with Domain("without", directory) as domain, Mount(SYSTEM, "cache=0") as mount:
        domain.snapshot("off")
        domain.start()
        domain.snapshot("disks", "external")
        for name in ("off", "disks"):
            snapshot = mount.path("without/by-name", name)
            true("memory" not in os.listdir(snapshot), "it is listed")
            refused(errno.ENOENT, os.stat, os.path.join(snapshot, "memory"))
            true("Saved" not in info(snapshot), "info speaks of it")


@test
def its_attributes_are_those_of_an_image(directory):
    with Domain("attributes", directory) as domain:
        domain.start()
        domain.snapshot("one")
        domain.snapshot("two")
        inodes = []
        for _ in range(2):
            with Mount(SYSTEM) as mount:
                one, two = (os.stat(mount.path("attributes/by-name", name, "memory")) for name in ("one", "two"))
                image = os.stat(mount.path("attributes/by-name/one/vda.raw"))
                equal(stat.filemode(one.st_mode), "-r--------", "mode")
                equal((one.st_mtime_ns, one.st_uid), (image.st_mtime_ns, image.st_uid), "time and owner")
                true(0 < one.st_blocks * 512 <= one.st_size + 511, "blocks")
                equal(len({one.st_ino, two.st_ino, image.st_ino}), 3, "different inodes")
                inodes.append((one.st_ino, two.st_ino))
                refused(errno.EROFS, os.open, mount.path("attributes/by-name/one/memory"), os.O_RDWR)
                refused(errno.EROFS, os.unlink, mount.path("attributes/by-name/one/memory"))
        equal(inodes[0], inodes[1], "inodes of two mounts")


@test
def archives_hold_all_of_it(directory):
    with Domain("archive", directory) as domain, Mount(SYSTEM) as mount:
        domain.start()
        domain.snapshot("one")
        domain.snapshot("two", "memory")
        archive, copy = os.path.join(directory, "all.tar"), os.path.join(directory, "copy")
        must("tar", "-C", mount.point, "-cf", archive, ".")
        must("cp", "-a", mount.point, copy)
        must("rsync", "-a", f"{mount.point}/", f"{copy}2")
        must("find", mount.point, "-ls")
        with tarfile.open(archive) as tar:
            tar.extractall(f"{copy}3")
        for where in (copy, f"{copy}2", f"{copy}3"):
            for name in ("one", "two"):
                original = mount.path("archive/by-name", name, "memory")
                reading.check(original, os.path.join(where, "archive/by-name", name, "memory"))


@test
def memory_that_has_gone_is_not_read(directory):
    with Domain("gone", directory) as domain, Mount(SYSTEM) as mount:
        domain.start()
        domain.snapshot("one")
        with open(mount.path("gone/by-name/one/memory"), "rb", buffering=0) as file:
            true(len(os.pread(file.fileno(), 4096, 0)) == 4096, "a read before")
            domain.delete("one")
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            refused(errno.ESTALE, os.pread, file.fileno(), 4096, 0)


with scratch() as directory:
    run(directory)
