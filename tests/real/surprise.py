# SPDX-License-Identifier: GPL-3.0-or-later
"""Each shape in which libvirt itself loses bytes, takes the wrong snapshot or ends: the dangerous operation is
right or refused, no other snapshot changes, and the daemon lives.

Those that other programs have: names that are ids, a disk detached since, a tag in an overlay beside
libvirt (danger); no snapshot is current, the mark moved, a disk detached or put in its place, a domain
that has become transient (revert); an internal disk in a disk-only snapshot, odd names and tags in a
domain that is shut off, names that are no job ids (create); changes that no event tells of (verbs,
settled); a delete cut off with its domain (hidden). A domain called `..` cannot be defined beside
others without the loss of all that libvirt knows of them: its name is tried without QEMU (tree-shape).
"""

import contextlib
import errno
import os
import threading

from lib import reading
from lib.command import must
from lib.control import create, write
from lib.scratch import scratch
from lib.shape import both, shape
from lib.tap import equal, run, test, true
from lib.volumes import pool
from lib.wait import until


def redefine(domain, name, *flags):
    """Copies the XML that virsh shows, as a user might."""
    document = os.path.join(domain.directory, "redefined.xml")
    with open(document, "w", encoding="utf-8") as file:
        file.write(domain.snapshot_xml(name))
    domain.virsh("snapshot-create", domain.name, document, "--redefine", *flags)
    os.unlink(document)


@test
def forgetting_an_external_one_leads_nobody_astray(directory):
    for one in both(directory, "forget", "e1", "e2", "e3"):
        one.delete("e1", "metadata")
        one.delete("e2", "metadata")


@test
def deleting_an_external_one_whose_overlay_holds_a_snapshot(directory):
    for one in both(directory, "holds", "e1", "i2", "e3"):
        one.delete("e1")
        one.delete("e3")


@test
def reverting_to_an_internal_one_that_external_ones_stand_on(directory):
    for one in both(directory, "below", "i1", "e2", "e3"):
        with contextlib.suppress(OSError):
            write(one.path("i1", "revert"), "\n")
            one.held.is_live("i1")
        one.write()
        one.safe()


@test
def notes_of_a_revert_that_a_redefine_took_away(directory):
    with shape(directory, "notes", "e1", "e2", "e3") as one:
        one.revert("e1")
        redefine(one.domain, "e1", "--current")
        one.revert("e2")
        redefine(one.domain, "e2", "--current")
        one.revert("e1")
        one.take("e4")


@test
def forgetting_the_first_while_it_is_current(directory):
    with shape(directory, "first", "e1", "e2", "e3") as one:
        one.revert("e1")
        one.delete("e1", "metadata")
        one.revert("e3")
        one.revert("e2")


@test
def deleting_one_that_has_another_branch_below_it(directory):
    for one in both(directory, "branches", "e1", "e2", "e3"):
        one.revert("e2", "running" if one.domain.running() else "")
        one.take("e4")
        one.delete("e1")
        one.delete("e2")
        one.revert("e3")


@test
def deleting_any_but_the_last(directory):
    for one in both(directory, "middle", "e1", "e2", "e3", disks={"vda": "qcow2", "vdb": "raw"}):
        one.delete("e2")
        one.delete("e1")
        one.delete("e3")


# libvirt or QEMU would accept and spoil each of these.
SPOILED = ("x" * 249, "a,b", "a%0Ab", "a%09b", "1", " " * 201)


@test
def names_that_would_be_spoiled(directory):
    for one in both(directory, "names", "e1"):
        current = one.mount.path(one.domain.name, "current")
        for name in SPOILED:
            made = ((create, one.mount, one.domain, f'"{name}"{words}') for words in ("", " disk-only"))
            one.refuses((os.mkdir, f"{current}/{name}"), *made, numbers=(errno.EINVAL,))


@test
def a_name_that_a_tag_has_which_libvirt_does_not_know(directory):
    with shape(directory, "taken", "i1") as one:
        path = one.domain.disks[0].path
        must("qemu-img", "snapshot", "-c", "taken", path)
        before = os.path.join(directory, "before")
        reading.convert(path, "qcow2", before, "taken")
        for start in (False, True):
            if start:
                one.domain.start()
            one.write()
            current = one.mount.path(one.domain.name, "current/taken")
            one.refuses((os.mkdir, current), numbers=(errno.EEXIST,))
            image = one.mount.path(one.domain.name, "unmanaged/taken/vda.raw")
            reading.check(image, before)


@contextlib.contextmanager
def small(directory):
    """A filesystem in which no memory has room."""
    path = os.path.join(directory, "small")
    os.mkdir(path)
    must("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", path)
    try:
        yield path
    finally:
        must("umount", path)


@test
def one_that_is_listed_before_it_is_made_and_never_is(directory):
    with shape(directory, "begun", "i1", start=True) as one, small(directory) as full:
        domain, top = one.domain, one.mount.path("begun/by-name")
        over = threading.Event()

        def make():
            memory = os.path.join(full, "memory")
            for _ in range(5):
                domain.try_virsh("snapshot-create-as", "begun", "never", "--memspec", memory)
            over.set()

        thread = threading.Thread(target=make)
        thread.start()
        while not over.is_set():
            if "never" in os.listdir(top):
                with contextlib.suppress(OSError):
                    os.rmdir(os.path.realpath(f"{top}/never"))
        thread.join()
        equal(os.listdir(top), ["i1"])
        equal(os.listdir(full), [])
        one.delete("i1")


@test
def a_running_domain_that_was_undefined(directory):
    with shape(directory, "fleeting", "e1", "e2", start=True) as one:
        domain, files = one.domain, set(os.listdir(directory))
        kept = [(name, domain.snapshot_source(name, "vda")) for name in ("e1", "e2")]
        domain.virsh("undefine", domain.name)
        one.refuses((write, one.path("e1", "revert"), "\n"))
        for name in ("e1", "e2"):
            with contextlib.suppress(OSError):
                write(one.path(name, "delete"), "merge\n")
            one.held.bytes = {left: one.held.bytes[left] for left in domain.snapshots()}
            one.safe()
        one.held.bytes.clear()
        domain.destroy()
        until(lambda: domain.name not in os.listdir(one.mount.point), "it is gone")
        domain.define()


@test
def a_disk_that_was_attached_since(directory):
    with shape(directory, "attached", "i1") as one:
        domain, own = one.domain, os.path.join(directory, "own.img")
        with open(own, "wb") as file:
            file.write(b"mine" * 1024)
        domain.virsh("attach-disk", domain.name, own, "vdb", "--config")
        write(one.path("i1", "revert"), "\n")
        one.held.is_live("i1")
        one.delete("i1")
        with open(own, "rb") as file:
            true(file.read() == b"mine" * 1024, "the bytes of the disk that was attached")


@test
def a_live_disk_that_a_pool_has_removed(directory):
    with shape(directory, "pool", "e1", "e2", start=True) as one:
        domain, own = one.domain, one.domain.live_source("vda")[0]
        with pool(directory):
            domain.virsh("vol-delete", "--pool", "pool", os.path.basename(own))
        true(not os.path.exists(own), "the pool has removed nothing")
        for name in ("e1", "e2"):
            for command, word in (("delete", "merge"), ("revert", "")):
                with contextlib.suppress(OSError):
                    write(one.path(name, command), f"{word}\n")
                one.held.bytes = {left: one.held.bytes[left] for left in domain.snapshots()}
                one.safe()


with scratch() as directory:
    run(directory)
