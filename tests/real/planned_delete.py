# SPDX-License-Identifier: GPL-3.0-or-later
"""A delete looks before it touches anything: it does not begin if it could not finish."""

import contextlib
import errno
import os

from lib.command import must
from lib.control import last_log, write as command
from lib.domain import MIB, SYSTEM, Disk, Domain
from lib.held import Held, files, tidy
from lib.line import line, write
from lib.mount import Mount
from lib.scratch import scratch
from lib.surveys import counted
from lib.tap import equal, holds, run, test
from lib.watch import Watch, clone_on

ONE, TWO = {"vda": "qcow2"}, {"vda": "qcow2", "vdb": "qcow2"}


def delete(mount, domain, name, words="merge"):
    command(mount.path(domain.name, "by-name", name, "delete"), f"{words}\n")


def refuses(mount, domain, number, name, words, *said):
    """Checks that the delete fails with that errno and its reason, and that nothing has changed."""
    watch = Watch(domain, mount)
    try:
        delete(mount, domain, name, words)
        failure = 0
    except OSError as error:
        failure = error.errno
    watch.unchanged()
    for part in said:
        holds(last_log(mount, domain), part)
    equal(failure, number, "errno")


def deletes(mount, domain, held, name, words="merge"):
    delete(mount, domain, name, words)
    held.bytes.pop(name)
    equal(sorted(held.bytes), domain.snapshots(), "snapshots")
    held.check()
    held.check_mount()
    return last_log(mount, domain)


def deletes_below(mount, domain, held, top, *names):
    delete(mount, domain, top, "children")
    for name in names:
        held.bytes.pop(name)
    held.check()
    held.check_mount()


# ---- how often it looks ----


@test
def all_domains_are_looked_at_before_a_delete_before_a_merge_and_before_a_file_is_removed(directory):
    with line("looks", directory, "e", "e", "e", "e", "e") as (domain, _, held):
        with counted(domain, directory) as (mount, surveys):
            deletes(mount, domain, held, "e3")
            equal(surveys(), 3, "surveys of a delete")
            deletes_below(mount, domain, held, "e2", "e2", "e4", "e5")
            equal(surveys(), 1 + 3 * 2, "surveys of three, of which each serves the next")
            tidy(domain)


@test
def those_that_leave_no_file_are_looked_at_once_each(directory):
    with line("tags", directory, "i", "i", "i", start=False) as (domain, _, held):
        with counted(domain, directory) as (mount, surveys):
            deletes_below(mount, domain, held, "i1", "i1", "i2", "i3")
            equal(surveys(), 3, "surveys of three")


# ---- checkpoints ----


def checkpoint(domain, directory):
    path = os.path.join(directory, f"{domain.name}.checkpoint")
    disks = "".join(f"<disk name='{one.target}' checkpoint='bitmap'/>" for one in domain.disks)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"<domaincheckpoint><name>c</name><disks>{disks}</disks></domaincheckpoint>")
    domain.virsh("checkpoint-create", domain.name, path)


@test
def beside_checkpoints_nothing_is_begun_that_libvirt_would_not_finish(directory):
    with line("bitmaps", directory, "e", "e", "e", "e", disks=TWO) as (domain, mount, held):
        checkpoint(domain, directory)
        domain.destroy()
        if domain.libvirt() < (11, 3):
            refuses(mount, domain, errno.EOPNOTSUPP, "e2", "merge", "1 checkpoint", "start the domain")
            refuses(mount, domain, errno.EOPNOTSUPP, "e1", "metadata", "virsh checkpoint-delete")
        else:
            deletes(mount, domain, held, "e2")
        deletes(mount, domain, held, "e4")
        domain.start()
        deletes(mount, domain, held, "e1")
        tidy(domain)
        domain.virsh("checkpoint-delete", domain.name, "c")


# ---- changes that were made, although libvirt says that they failed ----


@test
def one_with_a_disk_that_was_detached_since_is_gone_and_said_to_be(directory):
    with line("detached", directory, "e", "e", disks=TWO, start=False) as (domain, mount, held):
        domain.virsh("detach-disk", domain.name, "vdb", "--config")
        domain.disks.pop()
        write(domain, 3)
        held.snapshot("e3", "external")
        write(domain, 0x13)
        held.bytes.pop("e2")
        before = held.live()
        held.bytes = {name: {"vda": one["vda"]} for name, one in held.bytes.items()}
        delete(mount, domain, "e2")
        equal(held.live(), before, "the live disk")
        said = last_log(mount, domain)
        holds(said, "/delete: ok")
        if domain.libvirt() < (9, 1):
            holds(said, "the snapshot is gone, although libvirt answered")
        equal(domain.parents(), {"e1": None, "e3": "e1"})
        held.check()


# ---- disks that have another name by now ----


def renamed(domain, number, target):
    """The domain has that disk on another bus, by another name."""
    disk = domain.disks[number]
    disk.path, _ = domain.live_source(disk.target)
    domain.disks[number] = Disk(target, disk.path, disk.format)
    domain.define()


@test
def a_disk_that_has_another_name_by_now_is_merged(directory):
    for start in (False, True):
        name = f"named{start:d}"
        with line(name, directory, "e", disks={"sda": "qcow2"}, start=False) as (domain, mount, held):
            renamed(domain, 0, "vda")
            held.bytes.clear()
            write(domain, 2)
            held.snapshot("e2", "external")
            write(domain, 3)
            held.snapshot("e3", "external")
            write(domain, 0x13)
            if start:
                domain.start()
            live = held.live()
            delete(mount, domain, "e1")
            holds(last_log(mount, domain), "/delete: ok")
            equal("is not merged" in last_log(mount, domain), False, "not merged")
            equal(held.live(), live, "the live disk")
            equal(domain.parents(), {"e2": None, "e3": "e2"})
            held.check()
            held.check_mount()
            tidy(domain)


# ---- space ----

SMALL_MIB, DATA_MIB, DISK_MIB = 7, 4, 12


@contextlib.contextmanager
def small(directory, kind, *names, disks=None):
    """A domain on a small file system, whose overlays are elsewhere; and that file system."""
    point, name = os.path.join(directory, f"small-{kind}"), f"on-{kind}"
    os.mkdir(point)
    must("mount", "-t", "ramfs" if kind == "ramfs" else "tmpfs", "-o", f"size={SMALL_MIB}M", kind, point)
    disks = disks or {"vda": kind.split("-")[0] if kind.startswith("raw") else "qcow2"}
    try:
        with Domain(name, point, disks, DISK_MIB * MIB) as domain:
            with Mount(SYSTEM, "cache=0", f"domain={name}") as mount:
                yield domain, mount, Held(domain, mount), point
    finally:
        must("umount", "-l", point)
        os.rmdir(point)


def snapshot(domain, held, directory, name):
    overlays = []
    for disk in domain.disks:
        path = os.path.join(directory, f"{domain.name}-{disk.target}.{name}")
        overlays += ["--diskspec", f"{disk.target},snapshot=external,file={path}"]
    held.snapshot(name, "external", *overlays)


def fill(domain, pattern, at, mib=DATA_MIB):
    for number, disk in enumerate(domain.disks):
        domain.write(pattern + number, at * MIB, mib * MIB, [disk.target])


def full(point):
    """Nothing more can be written there."""
    with open(os.path.join(point, "filler"), "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(64 << 10))
        except OSError as error:
            equal(error.errno, errno.ENOSPC)


def in_two_places(domain, held, directory, at, again):
    """e1 has data in one place; e2 has data there and in another place."""
    fill(domain, 0x11, at)
    snapshot(domain, held, directory, "e1")
    fill(domain, 0x22, again)
    snapshot(domain, held, directory, "e2")
    domain.write(0x33)


@test
def a_merge_that_does_not_fit_is_not_begun(directory):
    for kind in ("qcow2", "raw"):
        with small(directory, kind) as (domain, mount, held, _):
            in_two_places(domain, held, directory, 0, DATA_MIB)
            fill(domain, 0x44, 2 * DATA_MIB)
            refuses(mount, domain, errno.ENOSPC, "e1", "merge", "bytes more", "are free")
            held.check()


@test
def nor_that_of_the_live_disk_of_a_domain_that_runs(directory):
    with small(directory, "live") as (domain, mount, held, _):
        domain.start()
        fill(domain, 0x11, 0)
        snapshot(domain, held, directory, "e1")
        fill(domain, 0x22, DATA_MIB)
        refuses(mount, domain, errno.ENOSPC, "e1", "merge", "bytes more", "are free")
        held.check()


@test
def disks_on_one_file_system_add_up(directory):
    with small(directory, "both", disks=TWO) as (domain, mount, held, _):
        fill(domain, 0x11, 0, 1)
        snapshot(domain, held, directory, "e1")
        fill(domain, 0x22, 3, 3)
        refuses(mount, domain, errno.ENOSPC, "e1", "merge", "with the other merges")
        held.check()


@test
def a_file_system_that_does_not_tell_its_size_has_room(directory):
    with small(directory, "ramfs") as (domain, mount, held, _):
        in_two_places(domain, held, directory, 0, DATA_MIB)
        deletes(mount, domain, held, "e1")


@test
def what_is_written_in_place_needs_no_space(directory):
    for kind in ("qcow2-full", "raw-full"):
        with small(directory, kind) as (domain, mount, held, point):
            in_two_places(domain, held, directory, 0, 0)
            full(point)
            live = held.live()
            deletes(mount, domain, held, "e1")
            equal(held.live(), live, "the live disk")
            domain.start()
            fill(domain, 0x55, 0)
            live = held.live()
            deletes(mount, domain, held, "e2")
            equal(held.live(), live, "the live disk")


@test
def overlays_that_were_left_go_with_the_next(directory):
    """The next delete is that of the oldest, as in a rotation; its file is the next overlay."""
    with line("rotated", directory, "e", "e", "e", "e", start=False) as (domain, mount, held):
        base, format = domain.snapshot_source("e1", "vda")
        with clone_on(domain, directory, base, format):
            holds(deletes(mount, domain, held, "e1"), "is not merged")
        os.unlink(os.path.join(directory, "rotated-clone.xml"))
        equal(len(files(domain)), 5, "number of files")
        live = held.live()
        deletes(mount, domain, held, "e2")
        equal(files(domain), {"rotated-vda.qcow2", "rotated-vda.e3", "rotated-vda.e4"}, "files")
        deletes(mount, domain, held, "e4")
        equal(held.live(), live, "the live disk")
        tidy(domain)


with scratch() as directory:
    run(directory)
