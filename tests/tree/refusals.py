# SPDX-License-Identifier: GPL-3.0-or-later
"""Every refusal: its errno, and that nothing has changed after it."""

import errno
import os

from lib import preset
from lib.control import write
from lib.mount import Mount
from lib.preset import Domain, Snapshot
from lib.scratch import scratch
from lib.tap import equal, fail, holds, refused, run, test, true

BASE = "web01/snapshots/base"
LEAF = "web01/snapshots/base/leaf"
CURRENT = "web01/snapshots/base/now"
EVERYWHERE = ("", "web01", "web01/by-name", "web01/snapshots", BASE)


def read(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def shape(mount):
    return {
        directory[len(mount.point) :]: sorted(directories + files)
        for directory, directories, files in os.walk(mount.point)
    }


def last_log(mount):
    return read(mount.path("web01/log")).splitlines()[-1]


@test
def no_file_can_be_created(mount):
    for directory in EVERYWHERE:
        path = mount.path(directory, "new")
        refused(errno.EROFS, os.open, path, os.O_CREAT | os.O_WRONLY)
        refused(errno.EROFS, os.mknod, path)
        refused(errno.EROFS, os.symlink, "target", path)


@test
def directories_are_made_and_removed_below_snapshots_alone(mount):
    for directory in ("", "web01", "web01/by-name"):
        refused(errno.EPERM, os.mkdir, mount.path(directory, "new"))
    for directory in ("web01", "bare", "web01/snapshots", "web01/by-name", "bare/snapshots"):
        refused(errno.EPERM, os.rmdir, mount.path(directory))


@test
def images_are_read_only(mount):
    image = mount.path(LEAF, "vda.raw")
    refused(errno.EROFS, os.open, image, os.O_WRONLY)
    refused(errno.EROFS, os.open, image, os.O_RDWR)
    refused(errno.EROFS, os.truncate, image, 0)
    refused(errno.EROFS, os.unlink, image)
    refused(errno.EROFS, os.rename, image, mount.path(LEAF, "other.raw"))


@test
def other_files_cannot_be_unlinked_or_written(mount):
    for path in (f"{BASE}/info", f"{BASE}/description", f"{BASE}/revert", "web01/log", "web01/current"):
        try:
            os.unlink(mount.path(path))
            fail(f"{path} was unlinked")
        except OSError as error:
            true(error.errno in (errno.EROFS, errno.EPERM), f"unlink of {path}: {error}")
    for path in (f"{BASE}/info", f"{BASE}/snapshot.xml", "web01/state", "web01/domain.xml"):
        try:
            os.close(os.open(mount.path(path), os.O_WRONLY))
            fail(f"{path} was opened for writing")
        except OSError as error:
            true(error.errno in (errno.EROFS, errno.EACCES), f"open of {path}: {error}")


@test
def rename_is_refused_but_never_as_another_filesystem(mount):
    for old, new in ((LEAF, f"{BASE}/moved"), (CURRENT, "web01/snapshots/now"), ("web01", "web02")):
        refused(errno.EPERM, os.rename, mount.path(old), mount.path(new))


@test
def a_name_is_taken_once_in_a_domain(mount):
    refused(errno.EEXIST, os.mkdir, mount.path(BASE, "leaf"))
    refused(errno.EEXIST, os.mkdir, mount.path(CURRENT, "leaf"))
    refused(errno.EEXIST, os.mkdir, mount.path(CURRENT, "base"))
    holds(last_log(mount), "EEXIST")


@test
def a_new_one_goes_below_the_current_one(mount):
    for parent in ("web01/snapshots", BASE, LEAF):
        refused(errno.EBUSY, os.mkdir, mount.path(parent, "new"))
        equal("first revert to this snapshot" in last_log(mount), parent != "web01/snapshots", parent)
    holds(last_log(mount), "EBUSY")
    holds(last_log(mount), "now", "the log says where it would go")


@test
def names_that_libvirt_or_qemu_would_mangle_are_refused(mount):
    for name in ("a,b", "12345", ".x", "%2Ex", "x" * 201, "tab\there", "new%", "%41", b"\xff\xfe"):
        path = os.path.join(os.fsencode(mount.path(CURRENT)), os.fsencode(name))
        refused(errno.EINVAL, os.mkdir, path)
    holds(last_log(mount), "EINVAL")
    refused(errno.ENAMETOOLONG, os.mkdir, mount.path(CURRENT, "x" * 256))


@test
def a_tag_of_that_name_in_a_disk_is_in_the_way(mount):
    try:
        os.mkdir(mount.path(CURRENT, "orphan"))
        fail("made")
    except OSError as error:
        true(error.errno in (errno.EEXIST, errno.EINVAL), f"mkdir: {error}")


@test
def a_snapshot_with_children_stays(mount):
    refused(errno.ENOTEMPTY, os.rmdir, mount.path(BASE))
    holds(last_log(mount), "ENOTEMPTY")


@test
def an_unknown_word_is_quoted_back(mount):
    refused(errno.EINVAL, write, mount.path(LEAF, "revert"), "sideways\n")
    holds(last_log(mount), "EINVAL")
    holds(last_log(mount), "'sideways'")


@test
def a_word_command_is_one_write_of_at_most_4096_bytes(mount):
    refused(errno.EINVAL, write, mount.path(LEAF, "revert"), "running " * 600)


@test
def a_command_file_reads_as_empty(mount):
    equal(read(mount.path(LEAF, "revert")), "")
    equal(os.stat(mount.path(LEAF, "revert")).st_size, 0)


@test
def a_refused_unlink_bars_rmdir_here_and_above(mount):
    refused(errno.EROFS, os.unlink, mount.path(LEAF, "vda.raw"))
    refused(errno.ENOTEMPTY, os.rmdir, mount.path(LEAF))
    holds(last_log(mount), "ENOTEMPTY")


@test
def an_image_that_cannot_be_read_is_listed_and_fails_and_info_says_why(mount):
    snapshot = mount.path("bare/snapshots/lost")
    true("vda.raw" in os.listdir(snapshot), "not listed")
    refused(errno.EIO, os.open, os.path.join(snapshot, "vda.raw"), os.O_RDONLY)
    info = read(os.path.join(snapshot, "info"))
    holds(info, "vda")
    holds(info, "No such file")
    refused(errno.EOPNOTSUPP, os.open, mount.path("sliced/snapshots/part/vda.raw"), os.O_RDONLY)
    holds(read(mount.path("sliced/snapshots/part/info")), "'vda' is only a part of a file")


@test
def a_read_only_mount_changes_nothing(mount):
    with Mount(mount.uri, "ro") as other:
        refused(errno.EROFS, os.mkdir, other.path(CURRENT, "new"))
        refused(errno.EROFS, os.rmdir, other.path(LEAF))
        refused(errno.EROFS, write, other.path(LEAF, "revert"), "\n")
        refused(errno.EROFS, write, other.path(LEAF, "description"), "x\n")
        true(read(other.path(LEAF, "info")), "a text reads")


class Sliced(Domain):
    """Its disks are parts of their files."""

    def disk(self, path, target):
        slices = "<slices><slice type='storage' offset='0' size='65536'/></slices></source>"
        return super().disk(path, target).replace(f"<source file='{path}'/>", f"<source file='{path}'>{slices}")


with scratch() as directory:
    web = Domain(
        "web01",
        Snapshot("base", Snapshot("leaf"), Snapshot("now", current=True), Snapshot("orphan")),
        directory=directory,
    )
    web.create_images()
    # A tag that libvirt does not know.
    base = web.snapshots[0]
    base.children = base.children[:2]
    bare = Domain("bare", Snapshot("lost"), running=False)
    sliced = Sliced("sliced", Snapshot("part"), running=False, directory=directory)
    sliced.create_images()
    with Mount(preset.write(os.path.join(directory, "node.xml"), web, bare, sliced)) as mount:
        before = shape(mount)

        @test
        def nothing_has_changed(mount):
            equal(shape(mount), before, "the tree")

        run(mount)
