# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole mount lists, copies and archives, also with a line of 1,000 snapshots."""

import os
import tarfile

from lib import preset
from lib.command import must
from lib.mount import Mount
from lib.preset import Domain, Snapshot
from lib.scratch import scratch
from lib.tap import equal, run, test, true

PATH_LIMIT = 2000
LINE = [f"snapshot-{number:04}" for number in range(1000)]
# The number of files in a snapshot of one readable disk.
FILES = ("delete", "description", "info", "revert", "snapshot.xml", "vda.raw")


def contents(root):
    """Every file and link below a directory, by its path there; a link is known by its target."""
    found = {}
    for directory, directories, files in os.walk(root):
        for name in directories + files:
            path = os.path.join(directory, name)
            below = os.path.relpath(path, root)
            if os.path.islink(path):
                found[below] = os.readlink(path)
            elif os.path.isfile(path):
                with open(path, "rb") as file:
                    found[below] = file.read()
            else:
                found[below] = None
    return found


def whole(found):
    """No snapshot is missing, and each has its files."""
    for name in LINE:
        places = [path for path, what in found.items() if path.endswith("/" + name) and what is None]
        equal(len(places), 1, f"directories of {name}")
        for file in FILES:
            true(f"{places[0]}/{file}" in found, f"no {file} of {name}")


@test
def ls_and_find_list_it(mount):
    must("ls", "-lR", mount.point)
    listed = must("find", mount.point, "-printf", "%y %s %P\n").splitlines()
    directories = {line.rsplit("/", 1)[-1] for line in listed if line.startswith("d ")}
    for name in LINE:
        true(name in directories, f"find has not found {name}")


@test
def no_path_is_too_long(mount):
    top = len(mount.path("deep")) + 1
    longest = max(len(directory) - top for directory, _, _ in os.walk(mount.path("deep")))
    true(PATH_LIMIT / 2 < longest <= PATH_LIMIT, f"the longest path to a directory has {longest} bytes")


@test
def a_deep_snapshot_stands_in_by_name_and_its_parent_holds_a_link(mount):
    standing = [name for name in LINE if not os.path.islink(mount.path("deep/by-name", name))]
    true(standing and LINE[0] not in standing, f"in by-name stand {standing}")
    links = []
    for name in LINE:
        directory = mount.path("deep/by-name", name)
        below = [entry for entry in os.listdir(directory) if entry not in FILES]
        equal(len(below), 0 if name == LINE[-1] else 1, f"entries of {name}")
        for entry in below:
            path = os.path.join(directory, entry)
            if os.path.islink(path):
                links.append(entry)
                equal(os.path.realpath(path), mount.path("deep/by-name", entry), "the link's end")
    equal(links, standing, "the links that parents hold")
    last = mount.path("deep/by-name", LINE[-1])
    equal(os.path.realpath(mount.path("deep/current")), os.path.realpath(last), "current")


@test
def cp_copies_it(mount):
    with scratch() as directory:
        must("cp", "-a", mount.point, f"{directory}/copy", seconds=300)
        copied = contents(f"{directory}/copy")
        whole({path[len("deep/") :]: what for path, what in copied.items()})
        equal(copied, contents(mount.point), "the copy")


@test
def rsync_copies_it(mount):
    with scratch() as directory:
        must("rsync", "-a", f"{mount.point}/", f"{directory}/copy", seconds=300)
        equal(contents(f"{directory}/copy"), contents(mount.point), "the copy")


@test
def tar_archives_it(mount):
    with scratch() as directory:
        must("tar", "-C", mount.point, "-cf", f"{directory}/tree.tar", ".", seconds=300)
        with tarfile.open(f"{directory}/tree.tar") as archive:
            archived = {os.path.normpath(one.name): one.size for one in archive if one.isfile()}
        expected = {path: len(what) for path, what in contents(mount.point).items()
                    if isinstance(what, bytes)}
        equal(archived, expected, "sizes in the archive")


with scratch() as directory:
    deep = Domain("deep", *preset.line(LINE), directory=directory, running=False)
    deep.create_images(size=64 << 10)
    web = Domain("web01", Snapshot("base", Snapshot("leaf"), current=True), directory=directory)
    web.create_images()
    # Long enough that the listing is not read again between two looks at the tree.
    with Mount(preset.write(os.path.join(directory, "node.xml"), deep, web), "cache=60") as mount:
        run(mount)
