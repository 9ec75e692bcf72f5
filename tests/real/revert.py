# SPDX-License-Identifier: GPL-3.0-or-later
"""Reverts to external snapshots, with every libvirt: the bytes are the snapshot's, no other snapshot's change,
and no file is left or missing."""

import errno
import os
from concurrent import futures

from lib.command import attempt
from lib.control import last_log
from lib.domain import MIB, SYSTEM, Domain
from lib.held import Held, tidy
from lib.line import branch, leaks_nothing, line, reverted, write
from lib.mount import Mount
from lib.scratch import scratch
from lib.surveys import counted
from lib.tap import equal, holds, refused, run, test, true
from lib.wait import until
from lib.watch import clone_on, revert

MIXED = {"vda": "qcow2", "vdb": "raw"}


@test
def shut_off_root_leaf_middle_and_branches(directory):
    with line("off", directory, "e", "e", "e", disks=MIXED, start=False) as (domain, mount, held):
        reverted(domain, mount, held, "e1")
        equal(domain.state(), "shut off")
        leaks_nothing(domain, held, "e1", 0x31)
        branch(domain, held, "b1")
        leaks_nothing(domain, held, "b1", 0x32)
        reverted(domain, mount, held, "e3")
        leaks_nothing(domain, held, "e3", 0x33)
        reverted(domain, mount, held, "e2")
        leaks_nothing(domain, held, "e2", 0x34)
        branch(domain, held, "b2")
        reverted(domain, mount, held, "b1")
        reverted(domain, mount, held, "e1")
        tidy(domain)
        equal(domain.parents(), {"e1": None, "e2": "e1", "e3": "e2", "b1": "e1", "b2": "e2"})


@test
def running_to_all_states(directory):
    with line("on", directory, "e", "e", disks=MIXED) as (domain, mount, held):
        reverted(domain, mount, held, "e1")
        equal(domain.state(), "shut off")
        reverted(domain, mount, held, "e2", "running")
        equal(domain.state(), "running")
        leaks_nothing(domain, held, "e2", 0x31)
        branch(domain, held, "b1")
        reverted(domain, mount, held, "e1", "paused")
        equal(domain.state(), "paused")
        leaks_nothing(domain, held, "e1", 0x32)
        tidy(domain)


@test
def memory_is_taken_up_again(directory):
    with line("saved", directory, "e", "m", "e", disks=MIXED) as (domain, mount, held):
        reverted(domain, mount, held, "m2")
        equal(domain.state(), "running")
        leaks_nothing(domain, held, "m2", 0x31)
        branch(domain, held, "b1")
        reverted(domain, mount, held, "m2", "paused")
        equal(domain.state(), "paused")
        reverted(domain, mount, held, "e3")
        reverted(domain, mount, held, "m2", "running")
        equal(domain.state(), "running")
        tidy(domain)


@test
def after_the_current_mark_was_moved_or_lost(directory):
    with line("mark", directory, "e", "e", "e", start=False) as (domain, mount, held):
        domain.virsh("snapshot-current", domain.name, "e1")
        reverted(domain, mount, held, "e2")
        domain.virsh("snapshot-current", domain.name, "e3")
        reverted(domain, mount, held, "e1")


@test
def all_domains_are_looked_at_once_before_the_change_and_once_after(directory):
    with line("once", directory, "e", "e", "i", "e", start=False) as (domain, _, held):
        with counted(domain, directory) as (mount, surveys):
            reverted(domain, mount, held, "e1")
            holds(last_log(mount, domain), "on new overlays")
            equal(surveys(), 2, "surveys of a revert on overlays")
            reverted(domain, mount, held, "i3")
            holds(last_log(mount, domain), "a copy of")
            equal(surveys(), 2, "surveys of a revert on copies")
            reverted(domain, mount, held, "i3")
            equal(surveys(), 2, "surveys of a native revert")


def by_libvirt(domain, name):
    """libvirt's own revert, for which it may have to be another second; 9.0 has none."""

    def done():
        return attempt("virsh", "-c", SYSTEM, "snapshot-revert", domain.name, name).status == 0

    if "<externalSnapshot/>" in domain.virsh("capabilities"):
        until(done, f"a revert to {name} by libvirt")
    else:
        equal(done(), False, "a revert by libvirt")


@test
def after_libvirts_own(directory):
    """It notes in the snapshot which disks it made, and removes those that it made before."""
    with line("theirs", directory, "e", "e", "e", disks=MIXED, start=False) as (domain, mount, held):
        for name in ("e1", "e3", "e2"):
            by_libvirt(domain, name)
            held.check()
            reverted(domain, mount, held, "e2")
            leaks_nothing(domain, held, "e2", 0x31)


@test
def a_branch_by_mkdir_keeps_its_file(directory):
    with line("mkdir", directory, "e", "e", start=False) as (domain, mount, held):
        reverted(domain, mount, held, "e1")
        write(domain, 0x31)
        os.mkdir(mount.path(domain.name, "current/i3"))
        equal(domain.parents(), {"e1": None, "e2": "e1", "i3": "e1"})
        equal(domain.is_internal("i3", "vda"), True, "it is internal")
        file = domain.live_source("vda")[0]
        before = held.live()
        write(domain, 0x32)
        revert(mount, domain, "e2")
        held.is_live("e2")
        tidy(domain)
        equal(domain.snapshot_source("i3", "vda")[0], file, "the file of the internal one")
        equal(held.in_mount("i3"), before, "its bytes")
        revert(mount, domain, "i3")
        equal(held.live(), before, "the live disks")
        domain.delete("i3")


@test
def libvirt_deletes_no_parent_of_two_branches(directory):
    with line("parent", directory, "e", "e", "e", start=False) as (domain, mount, held):
        reverted(domain, mount, held, "e2", "running")
        if "<externalSnapshot/>" not in domain.virsh("capabilities"):
            true(domain.try_virsh("snapshot-delete", domain.name, "e1").status, "e1 was deleted")
            true(domain.try_virsh("snapshot-delete", domain.name, "e2").status, "e2 was deleted")


@test
def two_mounts_wait_for_each_other(directory):
    with line("both", directory, "e", "e", start=False) as (domain, mount, held):
        domain.virsh("snapshot-current", domain.name, "e1")
        with Mount(SYSTEM, "cache=0", "domain=both") as other:
            with futures.ThreadPoolExecutor() as pool:
                first = pool.submit(revert, mount, domain, "e1")
                second = pool.submit(revert, other, domain, "e2")
                first.result(), second.result()
        held.is_live(domain.current())
        tidy(domain)


@test
def while_none_is_current(directory):
    with line("none", directory, "e", start=False) as (domain, mount, held):
        document = os.path.join(directory, "e1.xml")
        with open(document, "w", encoding="utf-8") as file:
            file.write(domain.snapshot_xml("e1"))
        domain.delete("e1", "--metadata")
        domain.virsh("snapshot-create", domain.name, document, "--redefine")
        equal(domain.current(), None, "the current snapshot")
        reverted(domain, mount, held, "e1")


@test
def secrets_and_what_else_the_domain_has_come_back(directory):
    with line("secret", directory, start=False) as (domain, mount, held):
        document = os.path.join(directory, "secret.xml")
        vnc = "<graphics type='vnc' port='-1' autoport='yes' passwd='sesame'/></devices>"
        with open(document, "w", encoding="utf-8") as file:
            file.write(domain.document().replace("</devices>", vnc))
        domain.virsh("define", document)
        write(domain, 1)
        held.snapshot("e1", "external")
        write(domain, 2)
        domain.virsh("detach-disk", domain.name, "vda", "--config")
        revert(mount, domain, "e1")
        held.is_live("e1")
        holds(domain.virsh("dumpxml", "--security-info", domain.name), "passwd='sesame'")
        holds(domain.virsh("snapshot-dumpxml", "--security-info", domain.name, "e1"), "passwd='sesame'")


@test
def a_domain_that_was_renamed_since(directory):
    with line("named", directory, "e", "e", start=False) as (domain, _, held):
        domain.virsh("domrename", domain.name, "renamed")
        domain.name = "renamed"
        with Mount(SYSTEM, "cache=0", "domain=renamed") as mount:
            held.mount = mount
            revert(mount, domain, "e1")
            held.is_live("e1")
            held.check()
            equal(domain.virsh("domname", domain.uuid).strip(), "renamed")


@test
def a_disk_that_was_left_out_goes_on(directory):
    disks = {"vda": "qcow2", "vdb": "qcow2"}
    with line("part", directory, disks=disks, start=False) as (domain, mount, held):
        out = domain.disks.pop()
        write(domain, 1)
        held.snapshot("e1", "external", "--diskspec", f"{out.target},snapshot=no")
        write(domain, 2)
        before = domain.live_source(out.target)
        revert(mount, domain, "e1")
        held.is_live("e1")
        equal(domain.live_source(out.target), before, "the file of the disk left out")


@test
def an_image_that_the_user_attached_himself_stays(directory):
    with line("own", directory, "e", start=False) as (domain, mount, held):
        own = os.path.join(directory, "mine.img")
        domain.virsh("detach-disk", domain.name, "vda", "--config")
        with open(own, "wb") as file:
            file.truncate(4 * MIB)
        domain.virsh("attach-disk", domain.name, own, "vda", "--config", "--driver", "qemu")
        revert(mount, domain, "e1")
        held.is_live("e1")
        true(os.path.exists(own), "the user's own image was removed")


def refuses(mount, domain, name, number, words=""):
    """Checks that the revert fails with that errno, and that everything is as before."""

    def look():
        return domain.state(), domain.current(), domain.parents(), sorted(os.listdir(domain.directory))

    before = look()
    refused(number, revert, mount, domain, name, words)
    equal(look(), before, f"after the refusal of {name}")


@test
def what_is_refused_and_changes_nothing(directory):
    with line("refuse", directory, "e", "m", disks=MIXED) as (domain, mount, held):
        memory = os.path.join(directory, "refuse.m2.memory")
        os.rename(memory, memory + ".gone")
        domain.virsh("snapshot-current", domain.name, "e1")
        refuses(mount, domain, "m2", errno.ENOENT)
        os.rename(memory + ".gone", memory)
        copy = os.path.join(directory, "refuse.copy")
        domain.virsh("blockcopy", domain.name, "vda", copy, "--transient-job", "--wait")
        refuses(mount, domain, "e1", errno.EBUSY)
        domain.virsh("blockjob", domain.name, "vda", "--abort")
        domain.virsh("managedsave", domain.name)
        refuses(mount, domain, "e1", errno.EBUSY)
        refuses(mount, domain, "m2", errno.EBUSY, "force")
        domain.virsh("managedsave-remove", domain.name)
        with clone_on(domain, directory, domain.snapshot_source("e1", "vda")[0], "qcow2") as other:
            other.disks[0].path = domain.snapshot_source("e1", "vda")[0]
            other.define()
            refuses(mount, domain, "e1", errno.EBUSY)
        held.check()
        domain.start()
        domain.virsh("undefine", domain.name)
        refuses(mount, domain, "e1", errno.EOPNOTSUPP)


@test
def memory_beside_a_disk_left_out_or_under_another_name(directory):
    with line("beside", directory, disks={"vda": "qcow2", "vdb": "qcow2"}) as (domain, mount, held):
        out = domain.disks.pop()
        write(domain, 1)
        held.snapshot("m1", "memory", "--diskspec", "vda", "--diskspec", f"{out.target},snapshot=no")
        write(domain, 2)
        held.snapshot("e2", "external")
        domain.virsh("snapshot-current", domain.name, "m1")
        refuses(mount, domain, "m1", errno.EPERM)
        revert(mount, domain, "m1", "force")
        held.is_live("m1")
        equal(domain.state(), "running")
        domain.destroy()
        domain.virsh("domrename", domain.name, "other")
        domain.name = "other"
        with Mount(SYSTEM, "cache=0", "domain=other") as renamed:
            refuses(renamed, domain, "m1", errno.EOPNOTSUPP, "force")


with scratch() as directory:
    run(directory)
