# SPDX-License-Identifier: GPL-3.0-or-later
"""Every image has the bytes that QEMU read from its disk, whatever the guest does meanwhile."""

import errno
import os
import shutil
import tarfile

from lib import reading
from lib.command import attempt, must
from lib.domain import MIB, SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, refused, run, test, true
from lib.writer import Writer

INTERNAL = {"s1": None, "s2": "s1", "s3": "s1"}
WHOLE = {**INTERNAL, "e1": "s3", "e2": "e1"}


def mark(domain, number):
    """The guest writes bytes that make the next snapshot differ, also over its earlier writes."""
    domain.write(0x10 + number, number * MIB)
    domain.write(0x80 + number, MIB)


def take(domain, number, name, kind="internal"):
    mark(domain, number)
    domain.snapshot(name, kind)


def make_internal(domain):
    take(domain, 1, "s1")
    take(domain, 2, "s2")
    domain.revert("s1")
    take(domain, 3, "s3")
    mark(domain, 4)
    equal(domain.parents(), INTERNAL)


def make_external(domain):
    take(domain, 5, "e1", "external")
    take(domain, 6, "e2", "external")
    mark(domain, 7)
    equal(domain.parents(), WHOLE)


@test
def internal_snapshots_in_the_file_the_guest_writes_to(directory):
    with Domain("internal", directory) as domain, Mount(SYSTEM) as mount:
        domain.start()
        make_internal(domain)
        with Writer(domain):
            for _ in range(3):
                reading.compare(domain, mount, directory)


@test
def a_tree_of_both_kinds_running_and_shut_off(directory):
    with Domain("both", directory) as domain:
        domain.start()
        make_internal(domain)
        make_external(domain)
        with Mount(SYSTEM) as mount:
            with Writer(domain):
                reading.compare(domain, mount, directory)
            domain.destroy()
            reading.compare(domain, mount, directory)
        with Mount(SYSTEM) as mount:
            reading.compare(domain, mount, directory)


@test
def a_tree_made_while_shut_off(directory):
    with Domain("off", directory) as domain, Mount(SYSTEM) as mount:
        make_internal(domain)
        make_external(domain)
        reading.compare(domain, mount, directory)


@test
def a_raw_disk_and_a_snapshot_with_memory(directory):
    with Domain("raw", directory, {"vda": "raw", "vdb": "qcow2"}) as domain:
        domain.start()
        take(domain, 1, "m1", "memory")
        take(domain, 2, "e2", "external")
        mark(domain, 3)
        with Mount(SYSTEM) as mount, Writer(domain):
            reading.compare(domain, mount, directory)


@test
def a_disk_left_out_has_no_image(directory):
    with Domain("partial", directory) as domain, Mount(SYSTEM) as mount:
        domain.start()
        mark(domain, 1)
        domain.snapshot("one", "external", "--diskspec", "vdb,snapshot=no")
        equal(reading.images(mount.path("partial/snapshots/one")), ["vda"])
        refused(errno.ENOENT, os.stat, mount.path("partial/snapshots/one/vdb.raw"))


@test
def blocks_are_exact_once_an_image_is_open(directory):
    with Domain("blocks", directory) as domain, Mount(SYSTEM) as mount:
        take(domain, 1, "e1", "external")
        take(domain, 2, "e2", "external")
        expected = [reading.allocated(*domain.snapshot_source(name, "vda")) for name in ("e1", "e2")]
        true(0 < expected[0] < expected[1] < domain.size, f"{expected} do not differ")
        for name, allocated in zip(("e1", "e2"), expected):
            path = mount.path("blocks/by-name", name, "vda.raw")
            true(allocated < os.stat(path).st_blocks * 512 <= domain.size, "its files, before")
            with open(path, "rb") as image:
                equal(os.fstat(image.fileno()).st_blocks * 512, allocated, name)


@test
def a_whole_mount_lists_copies_and_archives_while_the_guest_writes(directory):
    with Domain("archive", directory) as domain:
        domain.start()
        make_internal(domain)
        make_external(domain)
        with Mount(SYSTEM) as mount, Writer(domain):
            must("ls", "-lR", mount.point)
            must("find", mount.point, "-printf", "%p %s %b %t\n")
            copy = os.path.join(directory, "copy")
            for command in (("cp", "-a", mount.point, copy), ("rsync", "-a", f"{mount.point}/", copy)):
                must(*command)
                check_copy(domain, copy, directory)
                shutil.rmtree(copy)
            archive = os.path.join(directory, "all.tar")
            must("tar", "-C", mount.point, "-cf", archive, ".")
            with tarfile.open(archive) as tar:
                tar.extractall(copy)
            check_copy(domain, copy, directory)


def check_copy(domain, copy, directory):
    for name in WHOLE:
        for disk in domain.disks:
            expected = os.path.join(directory, "expected")
            reading.by_qemu(domain, name, disk.target, expected)
            snapshot = os.path.join(copy, domain.name, "by-name", name)
            reading.check(os.path.join(snapshot, f"{disk.target}.raw"), expected)


@test
def a_recursive_remove_deletes_no_snapshot(directory):
    with Domain("remove", directory) as domain:
        domain.start()
        make_internal(domain)
        make_external(domain)
        empty = os.path.join(directory, "empty")
        os.mkdir(empty)
        for remove in (
            lambda path: attempt("find", path, "-delete"),
            lambda path: attempt("rm", "-rf", path),
            lambda path: shutil.rmtree(path, ignore_errors=True),
            lambda path: attempt("rsync", "-a", "--delete", f"{empty}/", f"{path}/"),
        ):
            with Mount(SYSTEM) as mount:
                remove(mount.point)
                equal(domain.parents(), WHOLE)
                reading.compare(domain, mount, directory)
        true(domain.running(), "the domain has ended")


with scratch() as directory:
    run(directory)
