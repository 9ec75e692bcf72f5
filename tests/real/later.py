# SPDX-License-Identifier: GPL-3.0-or-later
"""Overlays that a later delete merges: also overlays that neither libvirt nor a file tells of."""

import contextlib
import os

from lib import reading
from lib.command import must
from lib.control import write
from lib.domain import MIB, SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, run, test, true


def prepare(domain, overlay):
    """i1, e2, i3: the tag of i3 in the overlay of e2 prevents its merge."""
    domain.write(1, MIB)
    domain.snapshot("i1")
    domain.write(2, 2 * MIB)
    domain.virsh("snapshot-create-as", domain.name, "e2", "--disk-only",
                 "--diskspec", f"vda,snapshot=external,file={overlay}")
    domain.write(3, 3 * MIB)
    domain.snapshot("i3")
    domain.write(4, 4 * MIB)


def log(mount, domain):
    with open(mount.path(domain.name, "log"), encoding="utf-8") as file:
        return file.read().splitlines()[-1]


def delete(mount, domain, name):
    write(mount.path(domain.name, "by-name", name, "delete"), "merge")
    return log(mount, domain)


def live_holds(domain, *patterns):
    path, format = domain.live_source("vda")
    for number in patterns:
        must("qemu-io", "-r", "-f", format, "-c", f"read -P {number} {number * MIB} 64k", path)


def merged_later(directory, name, overlay):
    with Domain(name, directory, {"vda": "qcow2"}) as domain:
        base = domain.disks[0].path
        prepare(domain, overlay)
        with Mount(SYSTEM) as mount:
            holds(delete(mount, domain, "e2"), "is not merged")
        true(os.path.exists(overlay), "the overlay is gone with the tag in it")
        with Mount(SYSTEM) as mount:
            reading.compare(domain, mount, directory, ["i1", "i3"])
            delete(mount, domain, "i3")
            equal(os.path.exists(overlay), False, "the overlay is there")
            equal(domain.live_source("vda")[0], base, "the live disk")
            live_holds(domain, 1, 2, 3, 4)
            reading.compare(domain, mount, directory, ["i1"])


@test
def not_while_other_disks_would_keep_a_tag(directory):
    """Two disks: i2 is in an overlay that could be merged by now, and in a file that stays."""
    with Domain("two", directory, {"vda": "qcow2", "vdb": "qcow2"}) as domain:
        domain.write(1, MIB)
        domain.virsh("snapshot-create-as", domain.name, "e1", "--disk-only")
        top = domain.live_source("vda")[0]
        must("qemu-img", "snapshot", "-c", "mine", top)
        with Mount(SYSTEM, "cache=0") as mount:
            holds(delete(mount, domain, "e1"), "disk 'vda' is not merged")
            must("qemu-img", "snapshot", "-d", "mine", top)
            domain.write(2, 2 * MIB)
            domain.snapshot("i2")
            delete(mount, domain, "i2")
            for target in ("vda", "vdb"):
                equal(reading.tags(domain.live_source(target)[0]), [], f"tags left in {target}")
            live_holds(domain, 1, 2)


@contextlib.contextmanager
def without_attributes(directory):
    point = os.path.join(directory, "bare")
    os.makedirs(point, exist_ok=True)
    must("mount", "-t", "ramfs", "ramfs", point)
    try:
        yield point
    finally:
        must("umount", point)


@test
def at_a_path_of_the_users(directory):
    elsewhere = os.path.join(directory, "elsewhere")
    os.mkdir(elsewhere)
    merged_later(directory, "chosen", os.path.join(elsewhere, "over.img"))


@test
def on_a_file_that_takes_no_mark(directory):
    with without_attributes(directory) as point:
        merged_later(point, "bare", os.path.join(directory, "beside.img"))


@test
def a_copy_on_a_file_system_without_marks(directory):
    """Later mounts know that snapfs made the copy of a revert, and which tags nobody needs."""
    with without_attributes(directory) as point, Domain("copied", point, {"vda": "qcow2"}) as domain:
        for number, (name, kind) in enumerate((("i0", "internal"), ("i1", "internal"), ("e2", "external")), 1):
            domain.write(number, number * MIB)
            domain.snapshot(name, kind)
        domain.write(4, 4 * MIB)
        with Mount(SYSTEM) as mount:
            write(mount.path(domain.name, "by-name/i1/revert"), "\n")
        copy, _ = domain.live_source("vda")
        true(copy != domain.disks[0].path, "the revert made no copy")
        with Mount(SYSTEM) as mount:
            reading.compare(domain, mount, directory, ["i0", "i1", "e2"])
            delete(mount, domain, "i1")
            equal(reading.tags(copy), ["i0"], "the tags in the copy, which no snapshot has")
        with Mount(SYSTEM) as mount:
            write(mount.path(domain.name, "by-name/e2/revert"), "\n")
            equal(os.path.exists(copy), False, "the copy is there")
            reading.compare(domain, mount, directory, ["i0", "e2"])


@test
def what_was_kept_of_it_is_lost(directory):
    """Then only the overlay is left, as any file of the user's."""
    overlay = os.path.join(directory, "mine.img")
    with Domain("lost", directory, {"vda": "qcow2"}) as domain:
        prepare(domain, overlay)
        with Mount(SYSTEM) as mount:
            delete(mount, domain, "e2")
        os.unlink(os.path.join("/var/lib/snapfs", domain.virsh("domuuid", domain.name).strip() + ".kept"))
        with Mount(SYSTEM) as mount:
            delete(mount, domain, "i3")
            true(os.path.exists(overlay), "a file of the user's is gone")
            live_holds(domain, 1, 2, 3, 4)
            reading.compare(domain, mount, directory, ["i1"])


with scratch() as top:
    run(top)
