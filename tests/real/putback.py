# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that is changed in place, and whose mtime is put back."""

import contextlib
import errno
import os

from lib import reading
from lib.command import must
from lib.control import write
from lib.domain import MIB, SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, refused, run, test, true

STEP = 65536
# Seconds: libvirt tells a snapshot's time in whole ones.
LATER = 5
FAR = 12 * MIB  # not read along with the first byte


def change(path, format, pattern, *offsets):
    """Writes to the file, and sets its old times, except the ctime."""
    before = os.stat(path)
    for offset in offsets:
        must("qemu-io", "-f", format, "-c", f"write -P {pattern} {offset} {STEP}", path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = os.stat(path)
    equal((after.st_mtime_ns, after.st_size), (before.st_mtime_ns, before.st_size), "time and size")
    true(after.st_ctime_ns != before.st_ctime_ns, "the ctime is as before")


def read(path):
    with open(path, "rb") as file:
        return file.read()


def is_whole(found, offsets):
    """Checks that all bytes are of one moment, and therefore equal."""
    return len({found[offset : offset + STEP] for offset in offsets}) == 1


def changed(directory, name, format):
    offsets = [0, 3 * MIB, 9 * MIB]
    with Domain(name, directory, {"vda": format}) as domain, Mount(SYSTEM) as mount:
        for offset in offsets:
            domain.write(1, offset)
        domain.snapshot("e1", "external")
        file, _ = domain.snapshot_source("e1", "vda")
        image = mount.path(name, "by-name/e1/vda.raw")
        equal(read(image)[:1], b"\1", "the first byte")
        change(file, format, 2, *offsets)
        found = read(image)
        true(is_whole(found, offsets), "old pages and new ones are mixed")
        equal(found[:1], b"\2", "the first byte of the file as it is now")
        reading.compare(domain, mount, directory)


@test
def a_raw_file(directory):
    changed(directory, "raw", "raw")


@test
def a_qcow2_file(directory):
    changed(directory, "qcow", "qcow2")


@contextlib.contextmanager
def opened(directory, name, format, *later):
    """A domain, its mount, and the file and the open image of its first snapshot, one byte of which was read."""
    with Domain(name, directory, {"vda": format}) as domain, Mount(SYSTEM) as mount:
        for offset in (0, FAR):
            domain.write(1, offset)
        for snapshot in ("e1", *later):
            domain.snapshot(snapshot, "external")
        path, _ = domain.snapshot_source("e1", "vda")
        with open(mount.path(name, "by-name/e1/vda.raw"), "rb", 0) as image:
            equal(image.read(1), b"\1", "the first byte")
            yield domain, mount, path, image


def is_stale(path, image):
    change(path, "raw", 2, 0, FAR)
    image.seek(FAR)
    refused(errno.ESTALE, image.read, 1)


@test
def under_an_open_image(directory):
    with opened(directory, "open", "raw") as (_, _, path, image):
        is_stale(path, image)


@test
def under_an_open_image_after_a_delete_made_here(directory):
    with opened(directory, "after", "raw", "e2", "e3") as (_, mount, path, image):
        write(mount.path("after/by-name/e3/delete"), "merge\n")
        is_stale(path, image)


@test
def a_new_owner_is_no_change(directory):
    """Changes the owner, as libvirt does for all files of a chain when a domain starts."""
    with opened(directory, "owner", "qcow2") as (domain, mount, path, image):
        os.chown(path, 1, 1)
        image.seek(FAR)
        equal(image.read(1), b"\1", "a byte that was not read before")
        os.chown(path, 0, 0)
        domain.start()
        image.seek(4 * MIB)
        equal(image.read(1), b"\0", "another")
        reading.compare(domain, mount, directory)


@test
def a_base_that_is_replaced_under_a_running_guest(directory):
    """Nothing but its time tells: the new file is shown, except with `untouched`. The guest has the old one open."""
    with Domain("swapped", directory, {"vda": "raw"}) as domain:
        domain.start()
        domain.write(1)
        domain.snapshot("e1", "external")
        base, _ = domain.snapshot_source("e1", "vda")
        must("cp", "--sparse=always", base, f"{base}.new")
        must("qemu-io", "-f", "raw", "-c", f"write -P 9 {MIB} {STEP}", f"{base}.new")
        later = os.stat(base).st_mtime + LATER
        os.utime(f"{base}.new", (later, later))
        os.rename(f"{base}.new", base)
        for option in ("cache=0", "untouched"):
            with Mount(SYSTEM, option) as mount:
                image = mount.path("swapped/by-name/e1/vda.raw")
                if option == "untouched":
                    refused(errno.EIO, open, image, "rb")
                else:
                    equal(read(image)[MIB : MIB + STEP], bytes([9]) * STEP, "the bytes of the new file")
        domain.read(0, 1, MIB)
        true("verification failed" not in domain.log(), "the guest reads other bytes")


with scratch() as top:
    run(top)
