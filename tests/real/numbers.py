# SPDX-License-Identifier: GPL-3.0-or-later
"""Inode numbers that last: over another device number, over merges, and no longer than the bytes."""

import contextlib
import os

from lib import reading
from lib.command import attempt, must
from lib.control import write
from lib.domain import MIB, SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, run, test, true
from lib.wait import until

STATE = "/var/lib/snapfs"


def numbers(mount, domain, names):
    """The inode numbers of each snapshot's directory, of a text in it and of its images."""
    found = {}
    for name in names:
        top = mount.path(domain.name, "by-name", name)
        entries = {entry.name: entry.inode() for entry in os.scandir(os.path.realpath(top))}
        images = [entry for entry in entries if entry.endswith(".raw")]
        found[name] = {"": os.stat(top).st_ino}
        for entry in ["info", *sorted(images)]:
            found[name][entry] = os.stat(os.path.join(top, entry)).st_ino
            equal(entries[entry], found[name][entry], f"the listing's number of {name}/{entry}")
    return found


def line_of(domain, *names):
    """External snapshots in a line, each with bytes of its own."""
    for number, name in enumerate(names, 1):
        domain.write(number, number * MIB)
        domain.snapshot(name, "external")
    domain.write(0xEE, 9 * MIB)


def differ(domain, directory, names):
    """Each snapshot's bytes are others than its neighbour's, so that a mix-up shows."""
    digests = []
    for name in names:
        path = os.path.join(directory, "by-qemu")
        reading.by_qemu(domain, name, "vda", path)
        digests.append(must("sha256sum", path).split()[0])
        os.unlink(path)
    equal(len(set(digests)), len(names), "different images")


@contextlib.contextmanager
def on_device(image, point):
    """Mounts the file system in the file `image`; it ends with its last user."""
    must("mount", "-o", "loop", image, point)
    try:
        yield os.stat(point).st_dev
    finally:
        must("umount", point)


@contextlib.contextmanager
def taken_loop(directory):
    """Takes a loop device, so that the next mount gets another one."""
    path = os.path.join(directory, "other")
    with open(path, "wb") as file:
        file.truncate(MIB)
    device = must("losetup", "--find", "--show", path).strip()
    try:
        yield
    finally:
        must("losetup", "-d", device)


@test
def another_device_number(directory):
    image, point = os.path.join(directory, "fs"), os.path.join(directory, "disks")
    os.mkdir(point)
    with open(image, "wb") as file:
        file.truncate(64 * MIB)
    must("mkfs.ext4", "-q", "-F", image)
    with on_device(image, point) as device:
        domain = Domain("boot", point, {"vda": "qcow2", "vdb": "raw"})
        domain.__enter__()
        domain.write(7)
        line_of(domain, "e1", "e2")
        with Mount(SYSTEM) as mount:
            before = numbers(mount, domain, ["e1", "e2"])
    try:
        with taken_loop(directory), on_device(image, point) as another:
            true(another != device, "the file system has the same device number")
            with Mount(SYSTEM) as mount:
                equal(numbers(mount, domain, ["e1", "e2"]), before, "numbers after a reboot")
                reading.compare(domain, mount, directory)
            domain.__exit__(None, None, None)
    finally:
        attempt("virsh", "-c", SYSTEM, "undefine", "boot", "--snapshots-metadata")


def merged_away(directory, running):
    name = "running" if running else "off"
    with Domain(name, directory, {"vda": "qcow2", "vdb": "qcow2"}) as domain:
        if running:
            domain.start()
        line_of(domain, "e1", "e2", "e3")
        differ(domain, directory, ["e1", "e2", "e3"])
        with Mount(SYSTEM) as mount:
            before = numbers(mount, domain, ["e1", "e2", "e3"])
            with open(mount.path(name, "by-name/e2/vda.raw"), "rb", 0) as reader:
                reader.read(1)
                write(mount.path(name, "by-name/e1/delete"), "merge")
                equal(domain.snapshots(), ["e2", "e3"], "what is left")
                equal(os.fstat(reader.fileno()).st_ino, before["e2"]["vda.raw"], "the open file's number")
            del before["e1"]
            equal(numbers(mount, domain, ["e2", "e3"]), before, "numbers after the merge")
            reading.compare(domain, mount, directory)
            write(mount.path(name, "by-name/e2/delete"), "merge")
            del before["e2"]
            equal(numbers(mount, domain, ["e3"]), before, "numbers after another")
            write(mount.path(name, "by-name/e3/description"), "described")
        for option in ("", "ro"):
            with Mount(SYSTEM, *filter(None, [option])) as mount:
                equal(numbers(mount, domain, ["e3"]), before, f"numbers in another mount {option}")
        spoil_and_lose(domain, directory, before)


def spoil_and_lose(domain, directory, before):
    """Without the file a number is made anew, and the bytes are as before."""
    path = kept(domain)
    with open(path, "r+b") as file:
        file.truncate(os.stat(path).st_size // 2)
    with Mount(SYSTEM) as mount:
        true(numbers(mount, domain, ["e3"]) != before, "numbers are kept elsewhere")
        reading.compare(domain, mount, directory)


def kept(domain):
    return os.path.join(STATE, domain.virsh("domuuid", domain.name).strip() + ".kept")


@test
def merged_while_it_runs(directory):
    merged_away(directory, True)


@test
def merged_while_it_is_off(directory):
    merged_away(directory, False)


@test
def an_internal_one_is_deleted_in_the_file_of_an_external_one(directory):
    with Domain("mixed", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM) as mount:
        domain.write(1)
        domain.snapshot("i0")
        domain.write(2)
        domain.snapshot("e1", "external")
        domain.write(3)
        before = numbers(mount, domain, ["e1"])
        write(mount.path("mixed/by-name/i0/delete"), "merge")
        equal(domain.snapshots(), ["e1"], "what is left")
        equal(numbers(mount, domain, ["e1"]), before, "numbers after that")
        reading.compare(domain, mount, directory)


@test
def other_bytes_have_another_number(directory):
    with Domain("changed", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM, "cache=0") as mount:
        domain.start()
        line_of(domain, "e1", "e2", "e3")
        write(mount.path("changed/by-name/e1/delete"), "merge")
        before = numbers(mount, domain, ["e2", "e3"])
        base = domain.snapshot_source("e2", "vda")[0]
        domain.virsh("blockcommit", domain.name, "vda", "--base", base, "--top",
                     domain.snapshot_source("e3", "vda")[0], "--wait")
        describe = mount.path("changed/by-name/e2/description")
        write(describe, "its bytes are others, and that is meant")
        until(lambda: os.path.exists(mount.path("changed/by-name/e2/vda.raw")), "the image is shown")
        after = numbers(mount, domain, ["e2"])
        true(after["e2"]["vda.raw"] != before["e2"]["vda.raw"], "the number stays over a commit")


@test
def made_again_within_the_second(directory):
    seen = set()
    with Domain("again", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM) as mount:
        for kind in ["internal"] * 4 + ["external"] * 4:
            domain.write(len(seen) + 1)
            domain.snapshot("again", kind)
            until(lambda: os.path.exists(mount.path("again/by-name/again")), "it is there")
            seen.add(numbers(mount, domain, ["again"])["again"]["vda.raw"])
            write(mount.path("again/by-name/again/delete"), "merge")
        equal(len(seen), 8, "different numbers")


def lists(mount):
    return os.listdir(mount.point)


@test
def what_is_kept_goes_with_the_domain(directory):
    with Mount(SYSTEM, "domain=nothing") as mount:
        with Domain("gone", directory, {"vda": "qcow2"}) as domain:
            line_of(domain, "e1", "e2")
            with Mount(SYSTEM) as other:
                write(other.path("gone/by-name/e1/delete"), "merge")
            path = kept(domain)
            true(os.path.exists(path), "nothing was kept")
            equal(lists(mount), [], "domains that the mount shows")
            true(os.path.exists(path), "a mount that does not show the domain removed it")
        until(lambda: not lists(mount) and not os.path.exists(path), "it is removed", 30)


with scratch() as top:
    run(top)
