# SPDX-License-Identifier: GPL-3.0-or-later
"""The places of files in the tree, and the answers of stat."""

import os
import stat
import subprocess

from lib import preset
from lib.command import must
from lib.mount import Mount
from lib.preset import CREATED, Domain, Snapshot
from lib.scratch import scratch
from lib.tap import equal, holds, run, test, true

TEXTS = ("domain.xml", "state", "job", "log")
SNAPSHOT_TEXTS = ("info", "snapshot.xml", "description")

WEB = Domain(
    "web01",
    Snapshot("base", Snapshot("updates", Snapshot("patch")), Snapshot("test", current=True)),
    Snapshot("other"),
    disks=("vda", "vdb"),
)
ODD = {
    "revert": "%72evert",
    "vda.raw": "vda%2Eraw",
    ".hidden": "%2Ehidden",
    "a/b": "a%2Fb",
    "50%": "50%25",
    "two words": "two words",
    "grün": "grün",
    "-rf": "-rf",
    "snapshots": "%73napshots",
    "tab\there": "tab%09here",
}


def listing(*parts):
    return sorted(os.listdir(os.path.join(*parts)))


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as file:
        return file.read()


def every_path(root):
    for directory, directories, files in os.walk(root):
        for name in directories + files:
            yield os.path.join(directory, name)


@test
def the_root_holds_a_directory_per_domain(mount):
    equal(listing(mount.point), ["%2E.", "%2Edot", "bare", "odd", "web01"], "domains")


@test
def a_domain_holds_its_files_and_nothing_that_does_not_work_yet(mount):
    expected = ["by-name", "create", "current", "domain.xml", "job", "log", "snapshots", "state", "unmanaged"]
    equal(listing(mount.point, "web01"), expected)
    equal(listing(mount.point, "bare"), expected)


@test
def snapshots_mirrors_parents_and_children(mount):
    own = ["delete", "description", "info", "revert", "snapshot.xml", "vda.raw", "vdb.raw"]
    equal(listing(mount.point, "web01/snapshots"), ["base", "other"])
    equal(listing(mount.point, "web01/snapshots/base"), sorted([*own, "updates", "test"]))
    equal(listing(mount.point, "web01/snapshots/base/updates"), sorted([*own, "patch"]))
    equal(listing(mount.point, "web01/snapshots/base/updates/patch"), own)


@test
def current_points_at_the_current_snapshot_or_at_snapshots(mount):
    equal(os.readlink(mount.path("web01/current")), "snapshots/base/test")
    equal(os.readlink(mount.path("bare/current")), "snapshots")
    true(os.path.isdir(mount.path("bare/current")), "current leads nowhere")


@test
def by_name_is_a_flat_view(mount):
    names = listing(mount.point, "web01/by-name")
    equal(names, ["base", "other", "patch", "test", "updates"])
    links = {name: os.readlink(mount.path("web01/by-name", name)) for name in names}
    equal(links["patch"], "../snapshots/base/updates/patch")
    equal(links["other"], "../snapshots/other")
    for name in names:
        holds(read(mount.path("web01/by-name", name, "info")), name)


@test
def odd_names_are_coded(mount):
    equal(listing(mount.point, "odd/by-name"), sorted(ODD.values()))
    roots = listing(mount.point, "odd/snapshots")
    equal(roots, sorted(ODD.values()))


@test
def a_long_coded_name_is_cut_and_still_resolves(mount):
    (name,) = listing(mount.point, "%2E./snapshots")
    true(len(os.fsencode(name)) <= 255, f"{len(os.fsencode(name))} bytes")
    holds(read(mount.path("%2E./snapshots", name, "info")), "Name:")


@test
def an_uncoded_or_missing_name_is_not_there(mount):
    for path in ("odd/snapshots/50%", "web01/snapshots/none", "none", "odd/by-name/%61"):
        true(not os.path.lexists(mount.path(path)), f"{path} is there")


@test
def state_and_documents_are_libvirts(mount):
    equal(read(mount.path("web01/state")), "running\n")
    equal(read(mount.path("bare/state")), "shut off\n")
    virsh = ("virsh", "-q", "-c", mount.uri)
    equal(
        read(mount.path("web01/domain.xml")).strip(),
        must(*virsh, "dumpxml", "web01").strip(),
        "domain.xml",
    )
    equal(
        read(mount.path("web01/snapshots/base/snapshot.xml")).strip(),
        must(*virsh, "snapshot-dumpxml", "web01", "base").strip(),
        "snapshot.xml",
    )


@test
def info_has_virshs_keys_and_ours(mount):
    info = read(mount.path("web01/snapshots/base/updates/info"))
    lines = [line.split(":", 1) for line in info.splitlines() if not line.startswith(" ")]
    keys = {line[0]: line[1].strip() for line in lines if len(line) == 2}
    for key, value in {
        "Name": "updates",
        "Domain": "web01",
        "Current": "no",
        "State": "running",
        "Parent": "base",
        "Children": "1",
        "Descendants": "1",
    }.items():
        equal(keys.get(key), value, f"{key} in\n{info}")
    for key in ("Disks", "Chain vda"):
        true(key in keys, f"no {key} in\n{info}")


@test
def the_size_of_a_text_is_true(mount):
    checked = 0
    for path in every_path(mount.point):
        if os.path.basename(path) in TEXTS + SNAPSHOT_TEXTS:
            with open(path, "rb") as file:
                equal(os.stat(path).st_size, len(file.read()), f"size of {path}")
            checked += 1
    true(checked > 3 * len(ODD), f"only {checked} texts")


@test
def an_image_has_the_disks_size_and_the_snapshots_bytes(mount):
    for number, name in enumerate(("base", "updates", "patch", "test", "other"), 1):
        content = bytes([number]) * 4096 + bytes((1 << 20) - 4096)
        for target in WEB.disks:
            path = mount.path("web01/by-name", name, f"{target}.raw")
            equal(os.stat(path).st_size, 1 << 20, f"size of {path}")
            with open(path, "rb") as file:
                true(file.read() == content, f"{path} holds other bytes")


@test
def times_are_the_snapshots_creation_time(mount):
    for offset, path in enumerate(("base", "base/updates", "base/updates/patch", "base/test")):
        for below in ("", "vda.raw"):
            found = os.stat(mount.path("web01/snapshots", path, below))
            equal(int(found.st_mtime), CREATED + offset, f"mtime of {path}/{below}")
            equal(int(found.st_ctime), CREATED + offset, f"ctime of {path}/{below}")


@test
def directories_have_one_link_and_links_are_links(mount):
    for path in every_path(mount.point):
        found = os.lstat(path)
        equal(found.st_nlink, 1, f"links of {path}")
        if os.path.basename(path) == "current":
            true(stat.S_ISLNK(found.st_mode), f"{path} is no symlink")


@test
def blocks_tell_what_is_allocated(mount):
    path = mount.path("web01/snapshots/base/vda.raw")
    with open(path, "rb"):
        blocks = os.stat(path).st_blocks * 512
    true(0 < blocks < 1 << 20, f"{blocks} bytes allocated of 1 MiB that is nearly empty")


@test
def holes_can_be_found(mount):
    descriptor = os.open(mount.path("web01/snapshots/base/vda.raw"), os.O_RDONLY)
    try:
        equal(os.lseek(descriptor, 0, os.SEEK_DATA), 0, "first data")
        hole = os.lseek(descriptor, 0, os.SEEK_HOLE)
        true(4096 <= hole <= 65536, f"first hole at {hole}")
    finally:
        os.close(descriptor)


@test
def inode_numbers_are_unique_and_survive_a_remount(mount):
    first = {path[len(mount.point) :]: os.lstat(path).st_ino for path in every_path(mount.point)}
    equal(len(set(first.values())), len(first), "number of different inode numbers")
    with Mount(mount.uri) as again:
        second = {
            path[len(again.point) :]: os.lstat(path).st_ino for path in every_path(again.point)
        }
    equal(second, first, "inode numbers")


@test
def two_mounts_stand_side_by_side(mount):
    with Mount(mount.uri) as other:
        equal(listing(other.point), listing(mount.point))
        os.rmdir(other.path("web01/snapshots/other"))
        equal(listing(other.point, "web01/snapshots"), ["base"])
        equal(listing(mount.point, "web01/snapshots"), ["base", "other"])


@test
def domain_globs_choose_domains(mount):
    with Mount(mount.uri, "domain=web*", "domain=o?d") as chosen:
        equal(listing(chosen.point), ["odd", "web01"])


@test
def statfs_answers(mount):
    found = os.statvfs(mount.point)
    true(found.f_namemax >= 255, f"namemax {found.f_namemax}")
    true(found.f_blocks >= 1, "no block")
    equal((found.f_bfree, found.f_bavail), (0, 0), "free blocks")
    true(mount.point in must("df"), "df without arguments leaves the mount out")


@test
def statfs_counts_what_is_allocated(mount):
    with Mount(mount.uri) as fresh:
        images = [
            fresh.path("web01/by-name", name, f"{disk}.raw")
            for name in ("base", "other")
            for disk in ("vda", "vdb")
        ]
        before = os.statvfs(fresh.point)
        allocated = sum(os.stat(path).st_blocks * 512 for path in images)
        after = os.statvfs(fresh.point)
        true(allocated > 0, "nothing is allocated")
        grown = (after.f_blocks - before.f_blocks) * after.f_frsize
        true(abs(grown - allocated) <= after.f_frsize, f"{grown} bytes more, {allocated} allocated")


with scratch() as directory:
    WEB.directory = directory
    WEB.create_images()
    uri = preset.write(
        os.path.join(directory, "node.xml"),
        WEB,
        Domain("odd", *map(Snapshot, ODD)),
        Domain("bare", running=False),
        Domain("..", Snapshot("ü" + "%" * 100), running=False),
        Domain(".dot"),
    )
    with Mount(uri) as mount:
        run(mount)
