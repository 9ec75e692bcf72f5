# SPDX-License-Identifier: GPL-3.0-or-later
"""Deletes, of every kind and at every place: the snapshot is gone, all others and the live disk keep their
bytes, and no file is left or missing."""

import contextlib
import errno
import os

from lib.control import last_log
from lib.control import write as command
from lib.held import files, tidy
from lib.line import branch, leaks_nothing, line, reverted, write
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.watch import clone_on, rmdir

MIXED = {"vda": "qcow2", "vdb": "raw"}


def delete(mount, domain, name, words="merge"):
    command(mount.path(domain.name, "by-name", name, "delete"), f"{words}\n")


def deleted(domain, mount, held, name, words="merge", gone=None):
    """Deletes, and checks everything; returns the line of the log."""
    live, state = held.live(), domain.state()
    parents = domain.parents()
    gone = gone or [name]
    if words:
        delete(mount, domain, name, words)
    else:
        rmdir(mount, domain, name)
    for one in gone:
        held.bytes.pop(one)
    equal(domain.parents(), without(parents, gone), "snapshots and their parents")
    equal(held.live(), live, "the live disks")
    equal(domain.state(), state, "the domain's state")
    held.check()
    held.check_mount()
    with open(mount.path(domain.name, "log"), encoding="utf-8") as log:
        said = log.read().splitlines()[-1]
    holds(said, f"/{name}{'/delete' if words else ''}: ok")
    return said


def without(parents, gone):
    left = dict(parents)
    for name in gone:
        parent = left.pop(name)
        left = {one: parent if its == name else its for one, its in left.items()}
    return left


def ends(domain, held, pattern):
    """The guest goes on writing, and nothing else changes."""
    write(domain, pattern)
    held.check()
    tidy(domain)


@test
def running_in_a_line(directory):
    with line("on", directory, "e", "m", "e", "e", disks=MIXED) as (domain, mount, held):
        memory = os.path.join(directory, "on.m2.memory")
        true(os.path.exists(memory), "the memory is in a file")
        deleted(domain, mount, held, "e3")
        deleted(domain, mount, held, "m2")
        equal(os.path.exists(memory), False, "the file of the memory is there")
        ends(domain, held, 0x41)
        deleted(domain, mount, held, "e4", "")
        leaks_nothing(domain, held, "e1", 0x42)
        deleted(domain, mount, held, "e1", "")
        equal(sorted(files(domain)), ["on-vda.qcow2", "on-vdb.raw"], "files")
        ends(domain, held, 0x43)


@test
def shut_off_in_a_line(directory):
    with line("off", directory, "e", "e", "e", disks=MIXED, start=False) as (domain, mount, held):
        deleted(domain, mount, held, "e1")
        deleted(domain, mount, held, "e3", "")
        ends(domain, held, 0x41)
        deleted(domain, mount, held, "e2", "")
        equal(sorted(files(domain)), ["off-vda.qcow2", "off-vdb.raw"], "files")
        domain.start()
        ends(domain, held, 0x42)


@test
def dead_branches_from_the_leaf_on(directory):
    with line("dead", directory, "e", "e", "e") as (domain, mount, held):
        domain.destroy()
        reverted(domain, mount, held, "e1")
        write(domain, 0x30)
        branch(domain, held, "b1")
        leaks_nothing(domain, held, "b1", 0x31)
        tidy(domain)
        deleted(domain, mount, held, "e3", "")
        tidy(domain)
        deleted(domain, mount, held, "e2", "")
        tidy(domain)
        deleted(domain, mount, held, "e1")
        deleted(domain, mount, held, "b1", "")
        equal(files(domain), {"dead-vda.qcow2"}, "files")
        ends(domain, held, 0x32)


@test
def the_middle_and_root_of_a_tree_with_branches(directory):
    with line("tree", directory, "e", "e", "e", "e") as (domain, mount, held):
        reverted(domain, mount, held, "e2", "running")
        branch(domain, held, "b1")
        write(domain, 0x31)
        holds(deleted(domain, mount, held, "e2"), "is needed by")
        holds(deleted(domain, mount, held, "e3"), "is left for")
        deleted(domain, mount, held, "e1")
        ends(domain, held, 0x32)
        reverted(domain, mount, held, "e4")
        deleted(domain, mount, held, "b1", "")
        reverted(domain, mount, held, "e4")
        deleted(domain, mount, held, "e4", "")
        equal(domain.parents(), {})
        ends(domain, held, 0x33)


@test
def internal_ones_among_external_ones(directory):
    with line("mixed", directory, "i", "e", "i", "e", "e", disks={"vda": "qcow2", "vdb": "qcow2"}) as (
        domain,
        mount,
        held,
    ):
        holds(deleted(domain, mount, held, "e2"), "is not merged")
        holds(deleted(domain, mount, held, "i1"), "tag stays")
        deleted(domain, mount, held, "e5", "")
        domain.destroy()
        deleted(domain, mount, held, "i3")
        deleted(domain, mount, held, "e4", "")
        ends(domain, held, 0x34)


@test
def internal_parents_and_children(directory):
    with line("inner", directory, "i", "e", "e", "i", "i") as (domain, mount, held):
        deleted(domain, mount, held, "e2")
        deleted(domain, mount, held, "i4")
        deleted(domain, mount, held, "i5", "")
        deleted(domain, mount, held, "e3", "")
        deleted(domain, mount, held, "i1", "")
        equal(domain.parents(), {})
        equal(files(domain), {"inner-vda.qcow2"}, "files")
        ends(domain, held, 0x35)


@test
def with_all_below(directory):
    with line("below", directory, "e", "i", "e", "e", "e") as (domain, mount, held):
        reverted(domain, mount, held, "e3", "running")
        branch(domain, held, "b1")
        write(domain, 0x36)
        deleted(domain, mount, held, "e3", "children-only", ["e5", "e4", "b1"])
        ends(domain, held, 0x37)
        deleted(domain, mount, held, "i2", "children", ["e3", "i2"])
        deleted(domain, mount, held, "e1", "children")
        ends(domain, held, 0x38)


@test
def metadata_alone(directory):
    with line("forgotten", directory, "e", "e", "i", "e") as (domain, mount, held):
        there = files(domain)
        deleted(domain, mount, held, "e1", "metadata")
        deleted(domain, mount, held, "i3", "metadata merge")
        equal(files(domain), there, "files")
        deleted(domain, mount, held, "e2", "metadata children", ["e4", "e2"])
        equal(files(domain), there, "files")


@test
def what_is_refused(directory):
    with line("refused", directory, "e", "e") as (domain, mount, held):
        before = domain.parents()
        refused(errno.ENOTEMPTY, rmdir, mount, domain, "e1")
        refused(errno.EINVAL, delete, mount, domain, "e1", "sideways")
        refused(errno.ENOTEMPTY, delete, mount, domain, "e1", "")
        refused(errno.EINVAL, delete, mount, domain, "e1", "merge children")
        image = mount.path(domain.name, "by-name", "e1", "vda.raw")
        with clone_on(domain, directory, image, "raw"):
            refused(errno.EBUSY, delete, mount, domain, "e1")
            refused(errno.EBUSY, delete, mount, domain, "e1", "children")
            equal(domain.parents(), before)
        domain.virsh("managedsave", domain.name)
        refused(errno.EBUSY, delete, mount, domain, "e1")
        domain.start()
        equal(domain.parents(), before)
        deleted(domain, mount, held, "e1")


@contextlib.contextmanager
def away(path):
    """Its file system is not mounted."""
    os.rename(path, f"{path}.away")
    try:
        yield
    finally:
        os.rename(f"{path}.away", path)


@test
def a_file_that_is_away(directory):
    """Only `metadata` and `force` delete what has one, and leave it as it is."""
    for name, start in (("away", False), ("away-on", True)):
        with line(name, directory, "e", "i", "e", disks={"vda": "qcow2", "vdb": "qcow2"}, start=start) as (domain, mount, held):
            before, first = domain.parents(), domain.snapshot_source("e1", "vdb")[0]
            with away(first):
                for words in ("merge", "children"):
                    refused(errno.EBUSY, delete, mount, domain, "e1", words)
                    for part in (first, "is away: No such file or directory", "'metadata' or 'force'", "start its pool"):
                        holds(last_log(mount, domain), part)
                equal(domain.parents(), before, "snapshots")
                delete(mount, domain, "e1", "metadata" if start else "merge force")
            held.bytes.pop("e1")
            held.check()
            held.check_mount()


@test
def another_stands_on_it(directory):
    with line("shared", directory, "e", "e") as (domain, mount, held):
        source, format = domain.snapshot_source("e2", "vda")
        with clone_on(domain, directory, source, format):
            holds(deleted(domain, mount, held, "e1"), "is not merged")
            holds(deleted(domain, mount, held, "e2", ""), "is not merged")
        ends_needing(domain)


@test
def what_could_not_be_merged_is_merged_later(directory):
    with line("later", directory, "i", "e", "i", start=False) as (domain, mount, held):
        holds(deleted(domain, mount, held, "e2"), "is not merged")
        deleted(domain, mount, held, "i3", "")
        equal(files(domain), {"later-vda.qcow2"}, "files")
        deleted(domain, mount, held, "i1", "")
        ends(domain, held, 0x51)


@test
def a_rotation_of_both_kinds(directory):
    with line("both", directory, "e", "i") as (domain, mount, held):
        for number in range(3, 11, 2):
            write(domain, number)
            held.snapshot(f"e{number}", "external")
            write(domain, number + 1)
            held.snapshot(f"i{number + 1}", "internal")
            deleted(domain, mount, held, f"e{number - 2}")
            deleted(domain, mount, held, f"i{number - 1}")
            true(len(files(domain)) <= 4, f"files: {files(domain)}")
        deleted(domain, mount, held, "i10", "")
        deleted(domain, mount, held, "e9", "")
        equal(len(files(domain)), 1, "files")


def ends_needing(domain):
    """A file that was left for another user is no longer known as a snapshot's."""
    true(len(files(domain)) > 1, "files are left")


with scratch() as directory:
    run(directory)
