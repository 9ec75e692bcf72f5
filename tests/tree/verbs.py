# SPDX-License-Identifier: GPL-3.0-or-later
"""mkdir, rmdir, revert and description, and what the log says of them."""

import errno
import os
import subprocess

from lib import preset
from lib.control import write
from lib.mount import Mount
from lib.preset import Domain, Snapshot
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.wait import until

BASE = "web01/snapshots/base"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def shell(command, directory):
    """Runs a shell's line, as a user would type it."""
    done = subprocess.run(["sh", "-c", command], cwd=directory, capture_output=True, text=True)
    equal((done.returncode, done.stderr), (0, ""), command)


def log(mount):
    return read(mount.path("web01/log")).splitlines()


@test
def mkdir_makes_a_snapshot_which_is_then_current(mount):
    os.mkdir(mount.path(BASE, "new"))
    equal(os.readlink(mount.path("web01/current")), "snapshots/base/new")
    equal(os.readlink(mount.path("web01/by-name/new")), "../snapshots/base/new")
    holds(read(mount.path(BASE, "new/info")), "base")
    holds(read(mount.path(BASE, "new/snapshot.xml")), "<name>new</name>")


@test
def mkdir_through_current(mount):
    os.mkdir(mount.path("web01/current/newer"))
    equal(os.readlink(mount.path("web01/current")), "snapshots/base/new/newer")


@test
def mkdir_takes_coded_names(mount):
    os.mkdir(mount.path("web01/current/%72evert"))
    holds(read(mount.path("web01/current/snapshot.xml")), "<name>revert</name>")
    os.rmdir(os.path.realpath(mount.path("web01/current")))


@test
def mkdir_in_a_domain_without_snapshots(mount):
    os.mkdir(mount.path("bare/snapshots/first"))
    equal(os.readlink(mount.path("bare/current")), "snapshots/first")


@test
def rmdir_deletes_and_the_parent_is_current(mount):
    os.rmdir(mount.path(BASE, "new/newer"))
    true(not os.path.exists(mount.path(BASE, "new/newer")), "still there")
    true(not os.path.lexists(mount.path("web01/by-name/newer")), "still in by-name")
    equal(os.readlink(mount.path("web01/current")), "snapshots/base/new")


@test
def revert_moves_current(mount):
    shell("echo > snapshots/base/revert", mount.path("web01"))
    equal(os.readlink(mount.path("web01/current")), "snapshots/base")
    holds(log(mount)[-1], "revert")
    os.mkdir(mount.path(BASE, "sibling"))
    equal(os.readlink(mount.path("web01/current")), "snapshots/base/sibling")


@test
def revert_takes_words(mount):
    shell("echo running force > snapshots/base/revert", mount.path("web01"))
    equal(read(mount.path("web01/state")), "running\n")
    shell("echo paused > snapshots/base/revert", mount.path("web01"))
    equal(read(mount.path("web01/state")), "paused\n")
    equal(os.readlink(mount.path("web01/current")), "snapshots/base")


@test
def description_is_read_and_written(mount):
    path = mount.path(BASE, "description")
    equal(read(path), "before the update\n")
    shell("echo 'Grüße & <tags>' > snapshots/base/description", mount.path("web01"))
    equal(read(path), "Grüße & <tags>\n")
    equal(os.stat(path).st_size, len("Grüße & <tags>\n".encode()))
    equal(os.readlink(mount.path("web01/current")), "snapshots/base", "the current mark")


@test
def the_xml_is_that_of_now_and_what_is_open_stays(mount):
    with Mount(mount.uri, "cache=0") as uncached:
        path = uncached.path(BASE, "snapshot.xml")
        with open(path, "rb", 0) as opened:
            before = read(path)
            for text in ("longer than it was before, by far", "short") * 10:
                with open(uncached.path(BASE, "description"), "w", encoding="utf-8") as description:
                    description.write(text)
                holds(read(path), f"<description>{text}</description>")
                equal(os.pread(opened.fileno(), 65536, 0).decode(), before, "what was opened before")


@test
def a_text_is_as_old_as_what_it_says(mount):
    first, second = mount.path(BASE, "description"), mount.path(BASE, "sibling/description")
    times = [os.stat(path).st_mtime_ns for path in (first, second, mount.path("web01/log"))]
    text = read(first).strip()
    with open(first, "w", encoding="utf-8") as file:
        file.write(text[::-1])
    equal(read(first).strip(), text[::-1])
    equal(os.stat(first).st_size, len(text.encode()) + 1, "the length, which is the same")
    true(os.stat(first).st_mtime_ns > times[0], "its text changed, its time did not")
    equal(os.stat(second).st_mtime_ns, times[1], "the time of another, which did not change")
    logged = mount.path("web01/log")
    until(lambda: os.stat(logged).st_mtime_ns > times[2], "the log, which grew, to be younger")


@test
def the_log_tells_success_and_failure(mount):
    os.mkdir(mount.path(BASE, "logged"))
    line = log(mount)[-1]
    for part in ("mkdir", "web01/snapshots/base/logged", str(os.getpid()), "ok"):
        holds(line, part)
    refused(errno.ENOTEMPTY, os.rmdir, mount.path(BASE))
    line = log(mount)[-1]
    for part in ("rmdir", "web01/snapshots/base", str(os.getpid()), "ENOTEMPTY"):
        holds(line, part)
    holds(mount.said(), line, "the program's own log")


@test
def an_empty_line_to_delete_does_what_rmdir_does(mount):
    refused(errno.ENOTEMPTY, write, mount.path(BASE, "delete"), "\n")
    for name, text in (("gone1", "\n"), ("gone2", "  \n")):
        os.mkdir(mount.path("web01/current", name))
        write(mount.path("web01/by-name", name, "delete"), text)
        true(not os.path.lexists(mount.path("web01/by-name", name)), f"{name} is still there")


@test
def a_barred_rmdir_works_again_a_little_later(mount):
    snapshot = mount.path(BASE, "sibling")
    refused(errno.EROFS, os.unlink, os.path.join(snapshot, "info"))
    refused(errno.ENOTEMPTY, os.rmdir, snapshot)

    def removed():
        try:
            os.rmdir(snapshot)
        except OSError as error:
            equal(error.errno, errno.ENOTEMPTY, "errno of a barred rmdir")
            return False
        return True

    until(removed, "rmdir is no longer barred")


with scratch() as directory:
    web = Domain(
        "web01",
        Snapshot("base", current=True, description="before the update"),
        directory=directory,
    )
    bare = Domain("bare", directory=directory, running=False)
    for domain in (web, bare):
        domain.create_images()
    with Mount(preset.write(os.path.join(directory, "node.xml"), web, bare)) as mount:
        run(mount)
