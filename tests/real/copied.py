# SPDX-License-Identifier: GPL-3.0-or-later
"""Reverts to internal snapshots whose files have other users: snapfs reverts on a copy of the file, so that
all others keep their bytes."""

import contextlib
import errno
import os
import subprocess

from lib import reading
from lib.command import attempt, must
from lib.domain import MIB
from lib.held import files, tidy
from lib.line import branch, leaks_nothing, line, write
from lib.line import reverted as reverted_at_all
from lib.scratch import scratch
from lib.tap import Skip, equal, holds, refused, run, test, true
from lib.watch import clone_bytes, clone_on, revert, rmdir

BOTH = {"vda": "qcow2", "vdb": "qcow2"}


def file_of(domain, name):
    return domain.snapshot_source(name, "vda")[0]


def reverted(domain, mount, held, name, words="", copied=True):
    """Reverts, and checks everything; the snapshot's files show if it was on a copy."""
    before = {disk.target: domain.snapshot_source(name, disk.target)[0] for disk in domain.disks}
    reverted_at_all(domain, mount, held, name, words)
    for target, file in before.items():
        now, _ = domain.snapshot_source(name, target)
        equal(now != file, copied, f"{target} of {name}, which was in {file}, is in {now}")
        equal(domain.live_source(target)[0], now, "the live disk's file")
        equal(domain.virsh("domblklist", "--inactive", domain.name).count(now), 1, "in the config")
        equal(attempt("qemu-img", "check", "-q", "-U", now).status, 0, f"qemu-img check of {now}")
    tidy(domain)


def logged(mount, domain):
    with open(mount.path(domain.name, "log"), encoding="utf-8") as log:
        return log.read().splitlines()[-1]


@test
def shut_off_below_two_external_ones_and_branches(directory):
    with line("off", directory, "i", "e", "e", start=False) as (domain, mount, held):
        reverted(domain, mount, held, "i1")
        holds(logged(mount, domain), "a copy of")
        leaks_nothing(domain, held, "i1", 0x31)
        reverted(domain, mount, held, "i1", copied=False)
        leaks_nothing(domain, held, "i1", 0x32)
        branch(domain, held, "b4")
        leaks_nothing(domain, held, "b4", 0x33)
        reverted(domain, mount, held, "i1")
        leaks_nothing(domain, held, "i1", 0x34)
        held.snapshot("i5", "internal")
        revert(mount, domain, "e3")
        held.is_live("e3")
        held.check()
        reverted(domain, mount, held, "i1", copied=False)
        reverted(domain, mount, held, "i5", copied=False)
        equal(domain.parents(), {"i1": None, "e2": "i1", "e3": "e2", "b4": "i1", "i5": "i1"})


@test
def running_with_memory_to_all_states(directory):
    with line("on", directory, "i", "e", disks=BOTH) as (domain, mount, held):
        memory = os.path.join(directory, "memory")
        again = memory + ".again"
        reading.memory_by_qemu(domain, "i1", memory)
        reverted(domain, mount, held, "i1")
        equal(domain.state(), "running")
        leaks_nothing(domain, held, "i1", 0x31)
        branch(domain, held, "e3")
        reverted(domain, mount, held, "i1", "paused")
        equal(domain.state(), "paused")
        domain.destroy()
        write(domain, 0x32)
        branch(domain, held, "e4")
        reverted(domain, mount, held, "i1", "running")
        equal(domain.state(), "running")
        reading.memory_by_qemu(domain, "i1", again)
        true(reading.same(memory, again), "the saved memory")


@test
def others_in_the_same_file_stay(directory):
    with line("same", directory, "i", "i", "e", start=False) as (domain, mount, held):
        original = file_of(domain, "i1")
        reverted(domain, mount, held, "i2")
        equal(file_of(domain, "i1"), original, "the file of i1")
        leaks_nothing(domain, held, "i2", 0x31)
        reverted(domain, mount, held, "i1")
        leaks_nothing(domain, held, "i1", 0x32)
        shown = {name[:2] for name in os.listdir(mount.path(domain.name, "unmanaged"))}
        equal(shown, {"i1", "i2"}, "what the copies have left over")
        branch(domain, held, "e4")
        for name in ("e3", "i2", "e4"):
            rmdir(mount, domain, name)
            held.bytes.pop(name)
            held.check()
        live, _ = domain.live_source("vda")
        equal(live, file_of(domain, "i1"), "the live disk's file")
        equal(files(domain), {os.path.basename(live), os.path.basename(original)}, "files")


@test
def only_the_disk_that_others_stand_on(directory):
    with line("part", directory, "i", disks=BOTH, start=False) as (domain, mount, held):
        held.snapshot("e2", "external", "--diskspec", "vda", "--diskspec", "vdb,snapshot=no")
        held.bytes.pop("e2")
        write(domain, 0x31)
        vdb = domain.snapshot_source("i1", "vdb")
        vda = domain.snapshot_source("i1", "vda")
        revert(mount, domain, "i1")
        held.is_live("i1")
        equal(domain.snapshot_source("i1", "vdb"), vdb, "vdb")
        true(domain.snapshot_source("i1", "vda") != vda, "vda is on the same file")
        held.note("e2")
        before = held.bytes.pop("e2")["vda"]
        write(domain, 0x32)
        held.note("e2")
        equal(held.bytes.pop("e2")["vda"], before, "vda of e2")
        domain.delete("e2", "--metadata")


@test
def a_clone_stands_on_the_live_disk(directory):
    with line("stood", directory, "i", start=False) as (domain, mount, held):
        with clone_on(domain, directory, domain.disks[0].path, "qcow2") as other:
            domain.start()
            refused(errno.EBUSY, revert, mount, domain, "i1")
            holds(logged(mount, domain), "shut the domain off first")
            domain.destroy()
            before = clone_bytes(other.disks[0].path)
            reverted_at_all(domain, mount, held, "i1")
            leaks_nothing(domain, held, "i1", 0x31)
            equal(clone_bytes(other.disks[0].path), before, "bytes of the clone")


@test
def a_backing_file_by_a_relative_name_and_attributes(directory):
    with line("base", directory, start=False) as (domain, mount, held):
        disk, base = domain.disks[0], os.path.join(directory, "base.raw")
        must("qemu-img", "create", "-q", "-f", "raw", base, 4 * MIB)
        must("qemu-io", "-f", "raw", "-c", "write -P 0x77 3M 64k", base)
        os.unlink(disk.path)
        must("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", "base.raw", disk.path, cwd=directory)
        os.chown(disk.path, 1, 2)
        os.chmod(disk.path, 0o640)
        write(domain, 1)
        held.snapshot("i1", "internal")
        write(domain, 2)
        held.snapshot("e2", "external")
        write(domain, 0x31)
        revert(mount, domain, "i1")
        held.is_live("i1")
        copy = os.stat(file_of(domain, "i1"))
        equal((copy.st_uid, copy.st_gid, copy.st_mode & 0o777), (1, 2, 0o640), "owner and mode")
        equal(reading.chain(file_of(domain, "i1"), "qcow2")[1], base, "the backing file")


@test
def what_cannot_be_copied_is_refused(directory):
    with line("refuse", directory, "i", "e", start=False) as (domain, mount, held):
        file = file_of(domain, "i1")

        def look():
            return domain.parents(), domain.current(), file_of(domain, "i1"), sorted(os.listdir(directory))

        before = look()
        with written(file):
            refused(errno.EBUSY, revert, mount, domain, "i1")
        equal(look(), before, "while a QEMU writes to the file")
        with open(file, "r+b") as image:
            image.seek(79)
            image.write(b"\1")
        refused(errno.EOPNOTSUPP, revert, mount, domain, "i1")
        equal(look(), before, "of an image that was not closed")
        with open(file, "r+b") as image:
            image.seek(79)
            image.write(b"\0")


@contextlib.contextmanager
def written(path):
    """A QEMU has the file open for writing."""
    with subprocess.Popen(
        ["qemu-io", "-f", "qcow2", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdin.write("read 0 512\n")
        process.stdin.flush()
        holds(process.stdout.readline(), "512/512", "what qemu-io says")
        yield
        process.stdin.close()


@contextlib.contextmanager
def filesystem(directory, kind, size, *make):
    """A directory on a file system of its own."""
    image, point = os.path.join(directory, f"{kind}.img"), os.path.join(directory, kind)
    os.mkdir(point)
    with open(image, "wb") as file:
        file.truncate(size)
    if attempt("which", f"mkfs.{kind}").status or attempt(f"mkfs.{kind}", *make, image).status:
        raise Skip(f"there is no mkfs.{kind}")
    if attempt("mount", "-o", "loop", image, point).status:
        raise Skip(f"{kind} cannot be mounted here")
    try:
        yield point
    finally:
        must("umount", point)


@test
def no_space_for_the_copy(directory):
    point = os.path.join(directory, "small")
    os.mkdir(point)
    must("mount", "-t", "tmpfs", "-o", "size=3M", "tmpfs", point)
    with line("full", point, "i", "e", start=False) as (domain, mount, held):
        domain.write(0x55, 0, 2 * MIB)
        before = sorted(os.listdir(point)), file_of(domain, "i1")
        refused(errno.ENOSPC, revert, mount, domain, "i1")
        holds(logged(mount, domain), "bytes, and")
        equal((sorted(os.listdir(point)), file_of(domain, "i1")), before, "files")
        must("mount", "-o", "remount,size=9M", point)
        reverted(domain, mount, held, "i1")
    must("umount", point)


@test
def where_the_file_system_can_the_copy_shares_its_blocks(directory):
    with filesystem(directory, "xfs", 320 * MIB, "-q", "-m", "reflink=1") as point:
        with line("share", point, "i", "e", start=False) as (domain, mount, held):
            reverted(domain, mount, held, "i1")
            holds(logged(mount, domain), "shares its blocks")
            leaks_nothing(domain, held, "i1", 0x31)


with scratch() as directory:
    run(directory)
