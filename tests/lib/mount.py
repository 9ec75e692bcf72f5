# SPDX-License-Identifier: GPL-3.0-or-later
"""A mounted snapfs."""

import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

from lib.command import attempt, must
from lib.tap import Skip, fail, note, true

SNAPFS = os.environ.get("SNAPFS", "snapfs")
SANITIZER_REPORTS = ("Sanitizer", "runtime error:")
# A program with a sanitizer starts slowly on a busy machine.
START_SECONDS = 60
END_SECONDS = 30
# Limits of the lines that are shown of a mount if a test failed.
LOG_SECONDS, LOG_LINES, SAID_CHARACTERS = 5, 3, 2000
# The numbers of poll and ppoll.
POLL = ("7", "271")


def anybodys_snapfs(directory):
    """Copies the program for other users, because they may not be able to enter the build directory."""
    return shutil.copy(SNAPFS, directory)


def mount_line(point):
    """The line of mountinfo for a mountpoint, or None."""
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        for line in mounts:
            if line.split()[4] == point:
                return line
    return None


def wait_for_mount(point, process=None):
    """Returns once something is mounted there; earlier if the process has ended."""
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        changes = select.poll()
        changes.register(mounts, select.POLLPRI)
        deadline = time.monotonic() + START_SECONDS
        while not mount_line(point):
            if process and process.poll() is not None:
                return
            true(time.monotonic() < deadline, f"nothing was mounted on {point}")
            changes.poll(50)


class Mount:
    """`with Mount(URI, "ro", …) as mount:` runs snapfs in the foreground on a directory of its own.

    The end of the block unmounts, and fails if the process did not end well. What it said on stderr
    is `mount.said()`. A command prefix may make another user, the owner, start it.
    """

    def __init__(self, uri, *options, environment=None, prefix=(), owner=None):
        self.uri, self.options = uri, options
        self.prefix, self.owner = prefix, owner
        self.environment = dict(os.environ, **(environment or {}))
        self.directory = tempfile.mkdtemp(prefix="snapfs-mount-")
        os.chmod(self.directory, 0o755)
        self.point = os.path.join(self.directory, "mnt")
        self.process = None
        self.mounted = False

    def __enter__(self):
        os.mkdir(self.point)
        if self.owner:
            os.chown(self.point, self.owner, self.owner)
        self.errors = open(os.path.join(self.directory, "stderr"), "w+", encoding="utf-8")
        try:
            self.start()
        except BaseException:
            self.clean()
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.end()
            elif issubclass(kind, Exception) and kind is not Skip:
                self.explain()
        finally:
            self.clean()

    def explain(self):
        """Returns its messages and the last lines of the domains' logs, to explain a failure."""
        note(self.said()[-SAID_CHARACTERS:])
        if self.mounted:
            note(self.logs())

    def logs(self):
        """A reader of a mount that hangs ends only with it, and keeps its end of the pipe until then."""
        tail = f'tail -n {LOG_LINES} "$0"/*/log'
        limit = "timeout", "-s", "KILL", LOG_SECONDS
        try:
            return attempt(*limit, "sh", "-c", tail, self.point, seconds=2 * LOG_SECONDS).out
        except subprocess.TimeoutExpired:
            return "its logs cannot be read"

    def end(self):
        if self.mounted:
            self.unmount()
        status = self.wait()
        said = self.said()
        true(status == 0, f"snapfs ended with {status}: {said}")
        for mark in SANITIZER_REPORTS:
            true(mark not in said, f"a sanitizer reported: {said}")

    def start(self):
        program = anybodys_snapfs(self.directory) if self.prefix else SNAPFS
        command = [*self.prefix, program, "-f"]
        if self.options:
            command += ["-o", ",".join(self.options)]
        self.process = subprocess.Popen(
            [*command, self.uri, self.point],
            stdin=subprocess.DEVNULL,
            stdout=self.errors,
            stderr=self.errors,
            env=self.environment,
        )
        wait_for_mount(self.point, self.process)
        if self.process.poll() is not None:
            fail(f"snapfs ended with {self.process.returncode}: {self.said()}")
        self.mounted = True

    def unmount(self, *flags):
        must("umount", *flags, self.point)
        self.mounted = False

    def wait(self):
        try:
            return self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()
            return fail(f"snapfs did not end after the unmount: {self.said()}")

    def asks_libvirt(self):
        """Returns whether a thread waits for libvirt's answer: it is in poll(2), as is libvirt's event loop."""
        polling = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/syscall", encoding="ascii") as number:
                polling += number.read().split()[0] in POLL
        return polling > 1

    def clean(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if mount_line(self.point):
            attempt("umount", "-l", self.point)
        self.errors.close()
        os.rmdir(self.point)
        for name in os.listdir(self.directory):
            os.unlink(os.path.join(self.directory, name))
        os.rmdir(self.directory)

    def path(self, *parts):
        return os.path.join(self.point, *parts)

    def said(self):
        with open(self.errors.name, encoding="utf-8", errors="replace") as text:
            return text.read()


