# SPDX-License-Identifier: GPL-3.0-or-later
"""A flat tree: each snapshot's directory is in by-name, so its path never changes."""

import errno
import os

from lib import preset
from lib.command import must
from lib.control import write
from lib.mount import Mount
from lib.preset import Domain, Snapshot
from lib.scratch import scratch
from lib.tap import equal, refused, run, test, true

WEB = Domain("web01", Snapshot("base", Snapshot("updates", Snapshot("patch", current=True)), Snapshot("side")))


def names(directory):
    return sorted(name for name in os.listdir(directory) if os.path.isdir(os.path.join(directory, name)))


@test
def directories_stand_in_by_name_and_links_below_snapshots(mount):
    for name in ("base", "updates", "patch", "side"):
        path = mount.path("web01/by-name", name)
        true(os.path.isdir(path) and not os.path.islink(path), f"{path} is no directory")
    equal(names(mount.path("web01/by-name")), ["base", "patch", "side", "updates"])
    equal(names(mount.path("web01/snapshots")), ["base"])
    equal(os.readlink(mount.path("web01/snapshots/base")), "../by-name/base")
    equal(names(mount.path("web01/by-name/base")), ["side", "updates"])
    equal(os.readlink(mount.path("web01/by-name/base/updates")), "../../by-name/updates")
    true(os.path.samefile(mount.path("web01/snapshots/base/updates/patch"), mount.path("web01/by-name/patch")),
         "the path of links leads elsewhere")
    equal(os.readlink(mount.path("web01/current")), "by-name/patch")


@test
def inode_numbers_are_those_of_the_nested_tree(mount):
    with Mount(mount.uri) as nested:
        for path in ("base", "patch", "base/vda.raw", "patch/vda.raw", "patch/info"):
            flat = os.stat(mount.path("web01/by-name", path))
            other = os.stat(os.path.realpath(nested.path("web01/by-name", path)))
            equal(flat.st_ino, other.st_ino, path)


@test
def a_snapshot_is_made_by_every_path_that_leads_to_its_parent(mount):
    for number, place in enumerate(("by-name", "current", "by-name/new0/new1", "snapshots/base/updates/patch/new0/new1/new2")):
        os.mkdir(mount.path("web01", place, f"new{number}"))
        equal(os.readlink(mount.path("web01/current")), f"by-name/new{number}")
    refused(errno.EBUSY, os.mkdir, mount.path("web01/by-name/base/wrong"))
    refused(errno.EEXIST, os.mkdir, mount.path("web01/by-name/base"))


@test
def rmdir_works_where_the_directory_stands(mount):
    refused(errno.ENOTDIR, os.rmdir, mount.path("web01/by-name/new2/new3"))
    os.rmdir(mount.path("web01/by-name/new3"))
    write(mount.path("web01/snapshots/base/updates/patch/new0/new1/new2/delete"), "\n")
    write(mount.path("web01/by-name/new0/delete"), "merge\n")
    equal(names(mount.path("web01/by-name")), ["base", "new1", "patch", "side", "updates"])
    os.rmdir(mount.path("web01/by-name/new1"))


@test
def a_parent_that_goes_moves_no_path(mount):
    paths = ["web01/by-name/patch/vda.raw", "web01/by-name/side/vda.raw"]
    before = [os.stat(mount.path(path)) for path in paths]
    write(mount.path("web01/by-name/base/delete"), "merge\n")
    after = [os.stat(mount.path(path)) for path in paths]
    for path, one, two in zip(paths, before, after):
        equal((one.st_ino, one.st_mtime, one.st_ctime, one.st_size),
              (two.st_ino, two.st_mtime, two.st_ctime, two.st_size), path)
    equal(names(mount.path("web01/snapshots")), ["side", "updates"])


@test
def archivers_end_well_and_read_nothing_twice(mount):
    listed = must("tar", "-C", mount.path("web01"), "-cvf", "/dev/null", ".").splitlines()
    images = [line for line in listed if line.endswith("vda.raw") and "unmanaged" not in line]
    equal(len(images), len(set(map(os.path.dirname, images))))
    equal(sorted(os.path.dirname(line) for line in images), ["./by-name/patch", "./by-name/side", "./by-name/updates"])
    must("cp", "-a", mount.path("web01"), os.path.join(directory, "copy"))
    must("ls", "-LR", mount.path("web01/snapshots"))


@test
def a_nested_tree_makes_nothing_in_by_name(mount):
    with Mount(mount.uri) as nested:
        refused(errno.EPERM, os.mkdir, nested.path("web01/by-name/no"))


with scratch() as directory:
    WEB.directory = directory
    WEB.create_images()
    with Mount(preset.write(os.path.join(directory, "node.xml"), WEB), "flat") as mount:
        run(mount)
