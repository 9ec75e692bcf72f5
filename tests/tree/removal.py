# SPDX-License-Identifier: GPL-3.0-or-later
"""A recursive remove destroys nothing."""

import os
import shutil

from lib import preset
from lib.command import attempt
from lib.mount import Mount
from lib.preset import Domain, Snapshot
from lib.scratch import scratch
from lib.tap import equal, run, test, true


def names(mount):
    return sorted(os.listdir(mount.path("web01/by-name")))


def remove_all(path):
    """Removes as Go's os.RemoveAll does: the entries first, whatever their result, then the directory."""
    for entry in os.scandir(path):
        try:
            os.unlink(entry.path)
        except OSError:
            if entry.is_dir(follow_symlinks=False):
                remove_all(entry.path)
    try:
        os.rmdir(path)
    except OSError:
        pass


def survives(uri, remove):
    """Checks that no snapshot is missing after remove(PATH) of the mount and of parts of it."""
    for part in ("", "web01", "web01/snapshots", "web01/snapshots/base/other"):
        with Mount(uri) as mount:
            before = names(mount)
            equal(before, ["base", "leaf", "now", "other"])
            remove(mount.path(part))
            equal(names(mount), before, f"snapshots after the removal of /{part}")
            true(os.path.exists(mount.path("web01/snapshots/base/leaf/vda.raw")), "no image")


@test
def rm_rf(uri):
    survives(uri, lambda path: attempt("rm", "-rf", path))


@test
def find_delete(uri):
    survives(uri, lambda path: attempt("find", path, "-delete"))


@test
def find_directories_delete_by_rm(uri):
    survives(uri, lambda path: attempt("find", path, "-type", "f", "-exec", "rm", "-f", "{}", "+"))


@test
def pythons_rmtree(uri):
    survives(uri, lambda path: shutil.rmtree(path, ignore_errors=True))


@test
def gos_remove_all(uri):
    survives(uri, remove_all)


@test
def rsync_delete(uri):
    with scratch() as empty:
        survives(uri, lambda path: attempt("rsync", "-a", "--delete", f"{empty}/", f"{path}/"))


with scratch() as directory:
    web = Domain(
        "web01",
        Snapshot("base", Snapshot("leaf"), Snapshot("other", Snapshot("now", current=True))),
        directory=directory,
    )
    web.create_images()
    run(preset.write(os.path.join(directory, "node.xml"), web))
