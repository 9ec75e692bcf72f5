# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: refusals, start and end."""

import fcntl
import grp
import os
import signal
import subprocess

from lib import preset
from lib.command import attempt, must
from lib.mount import SNAPFS, Mount, anybodys_snapfs, mount_line, wait_for_mount
from lib.preset import Domain, Snapshot
from lib.scratch import scratch
from lib.tap import equal, holds, run, test, true
from lib.wait import until


NOBODY = 65534


def refuses(*arguments, program=(SNAPFS,)):
    """Checks that snapfs exits with 1 and one sentence; returns the sentence."""
    result = attempt(*program, *arguments)
    equal(result.status, 1, f"exit status of\n{result}")
    lines = result.err.splitlines()
    equal(len(lines), 1, f"lines on stderr of\n{result}")
    equal(result.out, "", "stdout")
    return lines[0]


def processes(point):
    """The snapfs processes serving a mountpoint."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{process}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if os.fsencode(SNAPFS) in words and os.fsencode(point) in words:
            found.append(int(process))
    return found


@test
def a_connection_that_cannot_be_made(uri, point):
    refuses("nosuch:///system", point)
    holds(refuses("test:///no/such/file.xml", point), "/no/such/file.xml")
    refuses("qemu+unix:///system?socket=/no/such/socket", point)


@test
def a_mountpoint_that_is_none(uri, point):
    holds(refuses(uri, "/no/such/directory"), "/no/such/directory")
    holds(refuses(uri, "/etc/passwd"), "/etc/passwd")
    refuses("-f", uri, "/no/such/directory")


@test
def a_mountpoint_that_is_a_mount_already(uri, point):
    with Mount(uri) as mount:
        said = refuses(uri, mount.point)
        holds(said, f"'{mount.point}': a snapfs is mounted there already")
        holds(refuses("-o", "ro,flat", uri, f"{mount.point}/."), "'fusermount3 -u'")
        (domain, *_) = os.listdir(mount.point)
        holds(refuses(uri, mount.path(domain, "snapshots")), "is inside a snapfs mount")
        true(os.listdir(mount.point), "the first mount shows nothing any more")
    with Mount(uri) as mount:
        true(os.listdir(mount.point), "a mount after the first one has ended")


def holds_open(process, path):
    """Whether the process has the directory open."""
    found = f"/proc/{process.pid}/fd"
    return any(os.readlink(f"{found}/{one}") == path for one in os.listdir(found))


@test
def two_that_mount_there_at_one_moment(uri, point):
    """One of them does; the lock of the directory holds both back until both have come so far."""
    both = []
    directory = os.open(point, os.O_RDONLY)
    fcntl.flock(directory, fcntl.LOCK_EX)
    try:
        for _ in range(2):
            both.append(subprocess.Popen([SNAPFS, "-f", uri, point], stderr=subprocess.PIPE, text=True))
        for one in both:
            until(lambda one=one: holds_open(one, point), "the mountpoint is open")
        os.close(directory)
        wait_for_mount(point)
        until(lambda: any(one.poll() is not None for one in both), "one of them ends")
        (refused,) = (one for one in both if one.poll() is not None)
        equal(refused.returncode, 1, "exit status")
        holds(refused.stderr.read(), "a snapfs is mounted there already")
        must("fusermount3", "-u", point)
        equal(sorted(one.wait(30) for one in both), [0, 1], "exit statuses")
        equal(mount_line(point), None, "what is mounted there")
    finally:
        for one in both:
            one.kill()
            one.communicate()


@test
def options_that_are_none(uri, point):
    for option in ("nonsense", "uid=root-ish", "gid=-1", "dmask=9", "fmask=x", "cache=-1", "cache=",
                   "loglevel=loud", "allow=relative"):
        holds(refuses("-o", option, uri, point), option.split("=")[0])
    holds(refuses("-o", "nonsense", uri, point), "snapfs --help")
    holds(refuses("--nonsense", uri, point), "snapfs --help")
    said = refuses("-o", "create=foo", uri, point)
    for part in ("'foo'", "disk-only, quiesce, live", "joined by ':'"):
        holds(said, part)


@test
def too_few_or_too_many_words(uri, point):
    refuses()
    refuses(uri, point, point)


@test
def the_mountpoint_before_the_uri(uri, point):
    holds(refuses(point, uri), f"snapfs '{uri}' '{point}'")


@test
def a_uri_alone_lacks_the_mountpoint(uri, point):
    holds(refuses(uri), "mountpoint is missing")


@test
def owners_are_names_or_numbers(uri, point):
    with Mount(uri, "uid=nobody", "gid=daemon") as mount:
        found = os.stat(mount.path("web01/state"))
        equal((found.st_uid, found.st_gid), (NOBODY, grp.getgrnam("daemon").gr_gid))


@test
def lines_for_the_journal_begin_with_their_level(uri, point):
    said = os.path.join(os.path.dirname(point), "stderr")
    with open(said, "w+", encoding="utf-8") as errors:
        opened = os.fstat(errors.fileno())
        for stream, begins in ((f"{opened.st_dev}:{opened.st_ino}", "<6>"), ("1:1", "snapfs: ")):
            errors.truncate(0)
            with subprocess.Popen(
                [SNAPFS, "-f", uri, point],
                stderr=errors,
                env=dict(os.environ, JOURNAL_STREAM=stream),
            ) as process:
                wait_for_mount(point, process)
                must("umount", point)
                equal(process.wait(), 0, "exit status")
            with open(said, encoding="utf-8") as text:
                lines = text.read().strip("\0").splitlines()
            true(lines and all(line.startswith(begins) for line in lines), f"{stream}: {lines}")
    os.unlink(said)


@test
def no_permission_on_dev_fuse(uri, point):
    os.chown(point, NOBODY, NOBODY)
    hidden = "mount --bind $1 /dev/fuse && shift && exec setpriv --reuid 65534 --clear-groups \"$@\""
    with scratch() as directory:
        device = os.path.join(directory, "fuse")
        os.mknod(device, 0o20600, os.stat("/dev/fuse").st_rdev)
        program = ("unshare", "-m", "sh", "-c", hidden, "sh", device, anybodys_snapfs(directory))
        said = refuses("-f", uri, point, program=program)
    os.chown(point, 0, 0)
    holds(said, "/dev/fuse")
    holds(said, "ermission denied")


@test
def version_and_help(uri, point):
    holds(must(SNAPFS, "-V"), "snapfs")
    text = must(SNAPFS, "-h")
    for option in ("uid=", "gid=", "dmask=", "fmask=", "ro", "domain=", "cache=", "loglevel="):
        holds(text, option)


@test
def it_goes_to_the_background_mounted_and_ends_with_the_mount(uri, point):
    for unmount in (("umount",), ("fusermount3", "-u")):
        must(SNAPFS, uri, point)
        true(mount_line(point), "nothing is mounted")
        equal(os.listdir(point), ["web01"])
        equal(len(processes(point)), 1, "processes")
        must(*unmount, point)
        until(lambda: not processes(point), "the process has ended")


@test
def the_mounts_source_is_the_uri_and_its_type_fuse_snapfs(uri, point):
    must(SNAPFS, uri, point)
    kind, source = mount_line(point).split(" - ")[1].split()[:2]
    must("umount", point)
    equal((kind, source), ("fuse.snapfs", uri))


@test
def the_kernel_knows_how_much_to_ask_for(uri, point):
    for options, told in (((), "max_read=131072"), (("max_read=4096",), "max_read=4096")):
        with Mount(uri, *options) as mount:
            holds(mount_line(mount.point).split()[-1].split(","), told)
            equal(os.listdir(mount.point), ["web01"], "domains")


@test
def the_uri_defaults_as_for_every_client_of_libvirt(uri, point):
    must(SNAPFS, point, env=dict(os.environ, LIBVIRT_DEFAULT_URI=uri))
    names = os.listdir(point)
    must("umount", point)
    equal(names, ["web01"])


@test
def a_signal_ends_it_cleanly(uri, point):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        with Mount(uri) as mount:
            mount.process.send_signal(number)
            equal(mount.wait(), 0, f"exit status after {number.name}")
            mount.mounted = bool(mount_line(mount.point))
            true(not mount.mounted, "still mounted")


@test
def a_signal_does_not_wait_for_open_files(uri, point):
    with Mount(uri) as mount:
        with open(mount.path("web01/state"), encoding="utf-8"):
            mount.process.send_signal(signal.SIGTERM)
            equal(mount.wait(), 0, "exit status")
        mount.mounted = bool(mount_line(mount.point))


with scratch() as directory:
    uri = preset.write(os.path.join(directory, "node.xml"), Domain("web01", Snapshot("base")))
    point = os.path.join(directory, "mnt")
    os.mkdir(point)
    try:
        run(uri, point)
    finally:
        while mount_line(point):
            must("umount", "-l", point)
