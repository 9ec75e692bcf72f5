# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes in which libvirt itself would lose other snapshots' bytes, or end. snapfs uses another way, or
refuses; nothing else changes."""

import errno
import os

from lib import reading
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test
from lib.watch import clone_bytes, clone_on, deletes, force, prepared, refuses, revert, rmdir


@test
def deleting_an_external_one_whose_overlay_holds_a_tag(directory):
    with prepared(directory, "tagged", "e1", "i2") as (domain, mount):
        refuses(mount, domain, rmdir, "e1", errno.ENOTEMPTY)
        domain.delete("i2", "--metadata")
        deletes(mount, domain, "e1")
        equal(reading.tags(domain.live_source("vda")[0]), ["i2"], "tags of the overlay")


@test
def names_that_are_ids(directory):
    for start in (True, False):
        with prepared(directory, f"ids-{start}", start=start) as (domain, mount):
            for number, name in enumerate(("a", "1", "b"), 1):
                domain.write(number)
                domain.snapshot(name)
            refuses(mount, domain, revert, "1")
            domain.revert("b")
            domain.delete("b")
            refuses(mount, domain, rmdir, "1")


@test
def deleting_an_internal_one_whose_disk_was_detached(directory):
    both = {"vda": "qcow2", "vdb": "qcow2"}
    with prepared(directory, "detached", "i1", disks=both) as (domain, mount):
        domain.destroy()
        domain.virsh("detach-disk", domain.name, domain.disks.pop().target, "--config")
        domain.start()
        deletes(mount, domain, "i1")


@test
def deleting_an_external_one_that_another_domain_stands_on(directory):
    for start in (True, False):
        for which in ("overlay", "content"):
            name = f"{which}-{start}"
            with prepared(directory, name, "e1", "e2", start=start) as (domain, mount):
                content = domain.snapshot_source("e2", "vda")
                base, format = domain.live_source("vda") if which == "overlay" else content
                with clone_on(domain, directory, base, format) as other:
                    before = clone_bytes(other.disks[0].path)
                    deletes(mount, domain, "e2")
                    equal(clone_bytes(other.disks[0].path), before, "bytes of the other domain")


@test
def deleting_an_external_one_that_an_unreadable_snapshot_stands_on(directory):
    attributes = " ".join(f"a{number}=''" for number in range(300))
    with prepared(directory, "unreadable", "e1", "e2", start=False) as (domain, mount):
        with clone_on(domain, directory, *domain.snapshot_source("e2", "vda")) as other:
            path = other.disks.pop().path
            other.virsh("metadata", other.name, "urn:odd", "--key", "x", "--set", f"<odd {attributes}/>", "--config")
            other.snapshot("odd")
            other.virsh("metadata", other.name, "urn:odd", "--remove", "--config")
            other.virsh("detach-disk", other.name, "vda", "--config")
            equal(os.listdir(mount.path(other.name, "by-name")), [], "snapshots that can be read")
            before = clone_bytes(path, "odd")
            deletes(mount, domain, "e2")
            equal(clone_bytes(path, "odd"), before, "bytes of the snapshot that cannot be read")


@test
def deleting_a_snapshot_that_a_clone_through_the_mount_uses(directory):
    with prepared(directory, "through", "i1", start=False) as (domain, mount):
        image = mount.path("through/by-name/i1/vda.raw")
        with clone_on(domain, directory, image, "raw"):
            refuses(mount, domain, rmdir, "i1")
        rmdir(mount, domain, "i1")
        equal(domain.snapshots(), [])


@test
def reverting_a_domain_with_a_managed_save(directory):
    with prepared(directory, "saved", "i1") as (domain, mount):
        domain.virsh("managedsave", domain.name)
        refuses(mount, domain, revert, "i1", errno.EBUSY, errno.EPERM)
        refuses(mount, domain, force, "i1", errno.EBUSY, errno.EPERM)
        holds(domain.virsh("dominfo", domain.name), "Managed save:   yes")


@test
def while_a_block_job_runs(directory):
    with prepared(directory, "copying", "e1") as (domain, mount):
        copy = os.path.join(directory, "copying.copy")
        domain.virsh("blockcopy", domain.name, "vda", copy, "--transient-job", "--wait")
        watched = domain.parents()
        # If libvirt cannot delete external snapshots at all, the log says so.
        refuses(mount, domain, rmdir, "e1", errno.EBUSY, errno.EOPNOTSUPP)
        refused(errno.EBUSY, os.mkdir, mount.path("copying/current/new"))
        equal(domain.parents(), watched)
        domain.virsh("blockjob", domain.name, "vda", "--abort")


with scratch() as directory:
    run(directory)
