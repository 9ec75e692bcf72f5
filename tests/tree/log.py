# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain's `log` is a file that grows at its end, so that tail can follow it."""

import contextlib
import errno
import os
import subprocess

from lib import preset
from lib.command import must
from lib.mount import Mount
from lib.preset import Domain, Snapshot
from lib.scratch import scratch
from lib.tap import equal, refused, run, test, true
from lib.wait import until

KEPT, FULL = 200, 400


def read(mount):
    with open(mount.path("web01/log"), encoding="utf-8") as file:
        return file.read()


def fail_once(mount, name):
    """Adds a line that names `name`."""
    refused(errno.EROFS, os.mknod, mount.path("web01/snapshots", name))


@contextlib.contextmanager
def tail(mount, option):
    """A running tail, and a function that tells what it has printed so far."""
    printed = os.path.join(mount.directory, "printed")
    with open(printed, "w+", encoding="utf-8") as out:
        process = subprocess.Popen(
            ["tail", "-n", "1", option, mount.path("web01/log")], stdout=out, stderr=out
        )
        try:
            yield lambda: open(printed, encoding="utf-8").read()
        finally:
            process.kill()
            process.wait()
    os.unlink(printed)


@test
def lines_come_only_at_the_end(mount):
    before = ""
    for number in range(20):
        fail_once(mount, f"line-{number}")
        now = read(mount)
        true(now.startswith(before) and f"line-{number}" in now[len(before) :], now)
        before = now


@test
def an_open_log_shows_what_is_added(mount):
    with open(mount.path("web01/log"), encoding="utf-8") as file:
        before = file.read()
        equal(file.read(), "")
        fail_once(mount, "added")
        true("added" in file.read(), "the open file does not grow")
        equal(os.fstat(file.fileno()).st_size, len(before) + len(read(mount)[len(before) :]))


@test
def tail_f_shows_new_lines(mount):
    fail_once(mount, "first-f")
    with tail(mount, "-f") as printed:
        until(lambda: "first-f" in printed(), "tail has begun")
        fail_once(mount, "second-f")
        until(lambda: "second-f" in printed(), "tail -f shows the new line")


@test
def a_full_log_gives_way_to_another_file(mount):
    while len(read(mount).splitlines()) < FULL:
        fail_once(mount, "filler")
    full, inode = read(mount).splitlines(), os.stat(mount.path("web01/log")).st_ino
    fail_once(mount, "one-more")
    lines = read(mount).splitlines()
    equal(lines[:-1], full[-KEPT:], "the new file begins with the last lines")
    true("one-more" in lines[-1], lines[-1])
    true(os.stat(mount.path("web01/log")).st_ino != inode, "the inode is the same")


@test
def tail_F_follows_to_the_other_file(mount):
    fail_once(mount, "first-F")
    with tail(mount, "-F") as printed:
        until(lambda: "first-F" in printed(), "tail has begun")
        for number in range(FULL - KEPT + 1):
            fail_once(mount, f"many-{number}")
        fail_once(mount, "last-F")
        until(lambda: "last-F" in printed(), "tail -F shows the line in the new file")


@test
def a_log_that_grows_is_archived(mount):
    must("tar", "-C", mount.path("web01"), "-cf", "/dev/null", "log")


with scratch() as directory:
    with Mount(preset.write(os.path.join(directory, "node.xml"), Domain("web01", Snapshot("base")))) as mount:
        run(mount)
