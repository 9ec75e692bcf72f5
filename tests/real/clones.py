# SPDX-License-Identifier: GPL-3.0-or-later
"""Clones on images of a mount keep what they use, whatever becomes of the path that they name."""

import contextlib
import os

from lib.command import must
from lib.domain import MIB, SYSTEM, Disk, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, run, test
from lib.wait import until
from lib.watch import prepared, refuses, rmdir
from lib.control import last_log, write as command


@contextlib.contextmanager
def on_image(domain, directory, image, kind="domain"):
    """Makes a clone on an image of a mount, for a domain or for none."""
    path = os.path.join(directory, f"{domain.name}.through")
    must("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", image, path)
    other = Domain(f"{domain.name}-clone", directory, {"vda": "qcow2"})
    other.disks = [Disk("vda", path, "qcow2")]
    if kind == "domain":
        other.define()
    try:
        yield other
    finally:
        other.remove()
        os.unlink(path)


def merge(mount, domain, name):
    command(mount.path(domain.name, "by-name", name, "delete"), "merge\n")


def image(mount, *parts):
    return mount.path(*parts, "vda.raw")


@test
def a_path_through_a_parent(directory):
    with prepared(directory, "parent", "i1", "i2", "i3", start=False) as (domain, mount):
        with on_image(domain, directory, image(mount, "parent/snapshots/i1/i2")):
            refuses(mount, domain, merge, "i1")
            refuses(mount, domain, merge, "i2")
            rmdir(mount, domain, "i3")
            # Another program deletes the parent all the same: the path leads nowhere.
            domain.delete("i1")
            until(lambda: os.path.isdir(mount.path("parent/snapshots/i2")), "i2 is a root")
            refuses(mount, domain, rmdir, "i2")
        rmdir(mount, domain, "i2")


@test
def a_domain_that_was_renamed(directory):
    with prepared(directory, "before", "i1", "i2", start=False) as (domain, mount):
        with on_image(domain, directory, image(mount, "before/by-name/i1")) as other:
            domain.virsh("domrename", "before", "after")
            domain.name = "after"
            try:
                until(lambda: os.path.isdir(mount.path("after")), "the new name is seen")
                refuses(mount, domain, merge, "i1")
                holds(last_log(mount, domain), other.name)
                rmdir(mount, domain, "i2")
            finally:
                other.remove()
                domain.remove()


@test
def a_path_through_current(directory):
    with prepared(directory, "now", "i1", start=False) as (domain, mount):
        with on_image(domain, directory, image(mount, "now/current")):
            refuses(mount, domain, rmdir, "i1")
            holds(mount.said(), "/now/current/vda.raw")
            holds(mount.said(), "by-name")


@test
def an_image_of_another_kind(directory):
    with prepared(directory, "kinds", "i1", start=False) as (domain, mount):
        for name in ("vda-part1.raw", "vdz.raw"):
            path = os.path.join(directory, "kinds.through")
            must("qemu-img", "create", "-q", "-u", "-f", "qcow2", "-F", "raw",
                 "-b", mount.path("kinds/by-name/i1", name), path, MIB)
            other = Domain("kinds-clone", directory, {"vda": "qcow2"})
            other.disks = [Disk("vda", path, "qcow2")]
            other.define()
            refuses(mount, domain, rmdir, "i1")
            other.remove()
            os.unlink(path)


@test
def a_mount_that_is_away(directory):
    with prepared(directory, "away", "i1", start=False) as (domain, mount):
        with Mount(SYSTEM) as other_mount:
            path = image(other_mount, "away/by-name/i1")
            with contextlib.ExitStack() as stack:
                stack.enter_context(on_image(domain, directory, path))
                other_mount.unmount()
                equal(os.path.exists(path), False, "the path leads somewhere")
                refuses(mount, domain, rmdir, "i1")


@test
def a_clone_that_no_domain_has(directory):
    with prepared(directory, "none", "i1", start=False) as (domain, mount):
        with on_image(domain, directory, image(mount, "none/by-name/i1"), "none") as other:
            refuses(mount, domain, rmdir, "i1")
            holds(last_log(mount, domain), f"'{other.disks[0].path}' (no domain has it)")
            command(mount.path("none/by-name/i1/delete"), "force\n")
            equal(domain.snapshots(), [])


@test
def a_mount_below_another_file_system(directory):
    """An overlayfs over the mount is of another type, and leads into it all the same."""
    with prepared(directory, "below", "i1", start=False) as (domain, mount):
        with scratch() as layers:
            for name in ("upper", "work", "merged"):
                os.mkdir(os.path.join(layers, name))
            merged = f"{layers}/merged"
            must("mount", "-t", "overlay", "overlay", "-o",
                 f"lowerdir={mount.point},upperdir={layers}/upper,workdir={layers}/work", merged)
            with on_image(domain, directory, os.path.join(merged, "below/by-name/i1/vda.raw")):
                refuses(mount, domain, rmdir, "i1")
            must("umount", merged)
        rmdir(mount, domain, "i1")


with scratch() as directory:
    run(directory)
