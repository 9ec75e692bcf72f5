# SPDX-License-Identifier: GPL-3.0-or-later
"""The exit statuses of 17 backup programs when an image cannot be read; none of them deletes anything."""

import contextlib
import errno
import os
import struct

from lib import backups, reading
from lib.command import attempt, must
from lib.domain import MIB, SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, note, refused, run, test, true
from lib.wait import until

# Programs that exit with 0 whatever they could not read, and programs that do so if the open succeeds and a
# read fails; snapfs(5) names them.
SILENT = ("mksquashfs", "duplicity", "rdiff-backup")
SILENT_LATER = ("cpio", "zip")
# The place of the guest's last write, and of the damage.
DAMAGED = 8 * MIB


@contextlib.contextmanager
def two_snapshots(directory, name):
    """A domain with the external snapshots e1 and e2, and a mount."""
    with Domain(name, directory, {"vda": "qcow2"}) as domain:
        for number in (1, 2):
            domain.write(number)
            domain.write(number, DAMAGED)
            domain.snapshot(f"e{number}", "external")
        with Mount(SYSTEM, "cache=0") as mount:
            yield domain, mount, mount.path(name, "by-name/e1/vda.raw")


@contextlib.contextmanager
def gone(path):
    """ENOENT below, which the mount shows as EIO."""
    os.rename(path, f"{path}.away")
    try:
        yield errno.EIO
    finally:
        os.rename(f"{path}.away", path)


@contextlib.contextmanager
def foreign(path):
    """The file says that its backing file is one that libvirt never named, which is not allowed."""
    must("qemu-img", "rebase", "-q", "-u", "-f", "qcow2", "-b", "/etc/shadow", "-F", "raw", path)
    try:
        yield errno.EACCES
    finally:
        must("qemu-img", "rebase", "-q", "-u", "-f", "qcow2", "-b", "", path)


@contextlib.contextmanager
def damaged(path):
    """The image can be opened, and the bytes at DAMAGED cannot be read."""
    with open(path, "r+b", buffering=0) as file:
        file.seek(40)
        [table] = struct.unpack(">Q", file.read(8))
        file.seek(table)
        [entries] = struct.unpack(">Q", file.read(8))
        place = (entries & ((1 << 56) - 512)) + 8 * (DAMAGED >> 16)
        file.seek(place)
        entry = file.read(8)
        true(any(entry), "nothing was written there")
        file.seek(place)
        file.write(struct.pack(">Q", 1 << 63 | 0x1234500))
        try:
            yield None
        finally:
            file.seek(place)
            file.write(entry)


def statuses(mount, name, place, names):
    """The exit status of each program that is given the domain's directory."""
    backups.prepare(names, place)
    results = {one: backups.back_up(one, mount.path(name), place, "d") for one in names}
    note(f"{os.path.basename(place)}: " + ", ".join(f"{one} {result.status}" for one, result in results.items()))
    return results


def is_silent(name, case):
    return name in SILENT or (case is damaged and name in SILENT_LATER)


def fails(image, number):
    """Opening the image fails with that number or, with None, reading it does."""
    if number:
        refused(number, os.open, image, os.O_RDONLY)
    else:
        with open(image, "rb") as file:
            refused(errno.EIO, file.read)


@test
def each_ends_with_an_error_when_an_image_cannot_be_read(directory):
    names = [*backups.TOOLS, *backups.RARE]
    with two_snapshots(directory, "tools") as (domain, mount, image):
        for name, result in statuses(mount, "tools", f"{directory}/whole", names).items():
            equal(result.status, 0, f"{name} with all images: {result}")
        for case in (gone, foreign, damaged):
            with case(domain.disks[0].path) as number:
                fails(image, number)
                for name, result in statuses(mount, "tools", f"{directory}/{case.__name__}", names).items():
                    equal(result.status == 0, is_silent(name, case), f"{name} is silent, {case.__name__}: {result}")
        reading.compare(domain, mount, directory)


# Where each keeps its copy, how it is run, and whether the copy outlives a read that fails midway.
MIRRORS = {
    "rsync": ("rsync", 'rsync -aS -I --delete "$source/" "$place/rsync"', True),
    "rclone": ("rclone", 'rclone sync -q --links --ignore-times "$source" "$place/rclone"', False),
    "rdiff-backup": ("rdiff", 'rdiff-backup backup "$source" "$place/rdiff"', True),
}


@test
def no_mirror_loses_the_copy_that_it_has(directory):
    place = f"{directory}/mirrors"
    backups.prepare([], place)
    with two_snapshots(directory, "mirror") as (domain, mount, image):
        environment = dict(backups.environment(place), source=mount.path("mirror"))
        expected = f"{directory}/expected"
        reading.by_qemu(domain, "e1", "vda", expected)
        for _, line, _ in MIRRORS.values():
            must("bash", "-c", line, env=environment)
        for case in (gone, foreign, damaged):
            with case(domain.disks[0].path) as number:
                fails(image, number)
                for name, (copy, line, outlives) in MIRRORS.items():
                    result = attempt("bash", "-c", line, env=environment)
                    equal(result.status == 0, is_silent(name, case), f"{name} is silent, {case.__name__}: {result}")
                    if case is not damaged or outlives:
                        kept = f"{place}/{copy}/snapshots/e1/vda.raw"
                        true(reading.same(kept, expected), f"{name} has lost its copy, {case.__name__}")


with scratch() as directory:
    run(directory)
