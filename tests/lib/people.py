# SPDX-License-Identifier: GPL-3.0-or-later
"""Ordinary users, known in the test's mount namespace alone, and the group that may use libvirt."""

import contextlib
import os
import signal

from lib import daemon
from lib.command import must
from lib.scratch import scratch

UID = 64123
GID = 100
GROUP = "snapfs-libvirt"
GROUP_ID = 64200


@contextlib.contextmanager
def bound(path, more):
    """Adds lines to a file of /etc in this mount namespace."""
    with scratch() as directory:
        copy = os.path.join(directory, "copy")
        with open(path, encoding="utf-8") as known, open(copy, "w", encoding="utf-8") as file:
            file.write(known.read() + more)
        must("mount", "--bind", copy, path)
        try:
            yield
        finally:
            must("umount", path)


@contextlib.contextmanager
def fuse_for_all():
    """Lets everybody use /dev/fuse, as udev does."""
    with scratch() as directory:
        fuse = os.path.join(directory, "fuse")
        os.mknod(fuse, 0o20666, os.stat("/dev/fuse").st_rdev)
        os.chmod(fuse, 0o666)
        must("mount", "--bind", fuse, "/dev/fuse")
        try:
            yield
        finally:
            must("umount", "/dev/fuse")


@contextlib.contextmanager
def user(uid=UID, groups=()):
    """Makes an ordinary user in these groups; returns a command prefix for that user, and the home."""
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(scratch())
        runtime = os.path.join(home, "run")
        os.mkdir(runtime, 0o700)
        for path in (home, runtime):
            os.chown(path, uid, GID)
        stack.enter_context(bound("/etc/passwd", f"snapfs-test-{uid}:x:{uid}:{GID}::{home}:/bin/sh\n"))
        stack.enter_context(fuse_for_all())
        ids = ("--groups", ",".join(map(str, groups))) if groups else ("--clear-groups",)
        yield (
            *("setpriv", "--reuid", str(uid), "--regid", str(GID), *ids),
            *("env", f"HOME={home}", f"XDG_RUNTIME_DIR={runtime}"),
        ), home


@contextlib.contextmanager
def libvirt_group():
    """Gives the system daemon's socket to the group, as distributions do; returns the group's number."""
    configuration = "/etc/libvirt/libvirtd.conf"
    with open(configuration, encoding="ascii") as file:
        before = file.read()
    with bound("/etc/group", f"{GROUP}:x:{GROUP_ID}:\n"):
        try:
            with open(configuration, "w", encoding="ascii") as file:
                file.write(f'{before}unix_sock_group = "{GROUP}"\nunix_sock_rw_perms = "0770"\n')
            restart()
            yield GROUP_ID
        finally:
            with open(configuration, "w", encoding="ascii") as file:
                file.write(before)
            restart()


def restart():
    daemon.kill(signal.SIGTERM)
    daemon.start()
