# SPDX-License-Identifier: GPL-3.0-or-later
"""Owners, modes and masks, and which users they let in."""

import errno
import os
import stat
import subprocess

from lib import preset
from lib.mount import Mount
from lib.preset import Domain, Snapshot
from lib.scratch import scratch
from lib.tap import equal, refused, run, test, true

NOBODY = 65534
SNAPSHOT = "web01/snapshots/base"
READ = ("setpriv", "--reuid", str(NOBODY), "--regid", "100", "--clear-groups", "cat")


def mode(mount, path):
    return stat.S_IMODE(os.lstat(mount.path(path)).st_mode)


def modes(mount):
    return {
        path: oct(mode(mount, path))
        for path in (
            "web01",
            "web01/snapshots",
            "web01/by-name",
            SNAPSHOT,
            "web01/state",
            "web01/domain.xml",
            "web01/log",
            f"{SNAPSHOT}/info",
            f"{SNAPSHOT}/snapshot.xml",
            f"{SNAPSHOT}/description",
            f"{SNAPSHOT}/revert",
            f"{SNAPSHOT}/vda.raw",
        )
    }


def expected(directory, text, image, writable, description):
    kinds = [directory] * 4 + [text] * 5 + [description, writable, image]
    return [oct(kind) for kind in kinds]


def nobody_reads(mount, path):
    done = subprocess.run([*READ, mount.path(path)], capture_output=True, check=False)
    return done.returncode == 0


@test
def images_and_commands_are_the_owners_texts_everybodys(uri):
    with Mount(uri, "allow_other") as mount:
        equal(list(modes(mount).values()), expected(0o755, 0o444, 0o400, 0o600, 0o644))
        true(nobody_reads(mount, f"{SNAPSHOT}/info"), "another user cannot read a text")
        true(not nobody_reads(mount, f"{SNAPSHOT}/vda.raw"), "another user can read an image")


@test
def fmask_lets_a_group_in(uri):
    with Mount(uri, "allow_other", "gid=100", "fmask=0027") as mount:
        equal(list(modes(mount).values()), expected(0o755, 0o440, 0o440, 0o640, 0o640))
        true(nobody_reads(mount, f"{SNAPSHOT}/vda.raw"), "the group cannot read an image")
    with Mount(uri, "allow_other", "gid=100", "fmask=0077") as mount:
        true(not nobody_reads(mount, f"{SNAPSHOT}/vda.raw"), "the group can read an image")


@test
def dmask_is_for_directories(uri):
    with Mount(uri, "allow_other", "dmask=0077") as mount:
        equal(mode(mount, "web01"), 0o700)
        equal(mode(mount, SNAPSHOT), 0o700)
        equal(mode(mount, f"{SNAPSHOT}/info"), 0o444)
        true(not nobody_reads(mount, f"{SNAPSHOT}/info"), "another user goes through the directory")


@test
def the_owner_is_the_mounting_user_or_who_is_named(uri):
    with Mount(uri) as mount:
        found = os.stat(mount.path(f"{SNAPSHOT}/vda.raw"))
        equal((found.st_uid, found.st_gid), (os.getuid(), os.getgid()))
    with Mount(uri, f"uid={NOBODY}", "gid=7", "allow_other") as mount:
        for path in ("", "web01", f"{SNAPSHOT}/vda.raw", f"{SNAPSHOT}/info"):
            found = os.stat(mount.path(path))
            equal((found.st_uid, found.st_gid), (NOBODY, 7), path)
        true(nobody_reads(mount, f"{SNAPSHOT}/vda.raw"), "the owner cannot read an image")


@test
def modes_and_owners_cannot_be_changed(uri):
    with Mount(uri) as mount:
        for path in ("web01", SNAPSHOT, f"{SNAPSHOT}/vda.raw", f"{SNAPSHOT}/info"):
            refused(errno.EPERM, os.chmod, mount.path(path), 0o777)
            refused(errno.EPERM, os.chown, mount.path(path), NOBODY, NOBODY)


@test
def another_user_can_command_nothing(uri):
    with Mount(uri, "allow_other") as mount:
        for command in (
            f"mkdir {mount.path(SNAPSHOT, 'new')}",
            f"rmdir {mount.path(SNAPSHOT)}",
            f"echo > {mount.path(SNAPSHOT, 'revert')}",
            f"echo x > {mount.path(SNAPSHOT, 'description')}",
        ):
            done = subprocess.run([*READ[:-1], "sh", "-c", command], capture_output=True, check=False)
            true(done.returncode != 0, f"another user did: {command}")
            true(b"ermission denied" in done.stderr, f"{command}: {done.stderr}")


with scratch() as directory:
    web = Domain("web01", Snapshot("base", current=True), directory=directory)
    web.create_images()
    run(preset.write(os.path.join(directory, "node.xml"), web))
