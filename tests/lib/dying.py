# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapfs, or libvirt's daemon, that is killed in the middle of an operation."""

import contextlib
import os
import threading

from lib import daemon
from lib.command import attempt
from lib.domain import SYSTEM
from lib.mount import Mount
from lib.wait import until
from lib.tap import equal

JOURNALS = "/var/lib/snapfs"
MOMENTS_MAX = 60


def journals():
    """Returns the journals; records that are kept beside them do not count."""
    return [name for name in os.listdir(JOURNALS) if not name.endswith((".kept", ".kept.new"))]


@contextlib.contextmanager
def dying(domain, at, log, **more):
    """A mount whose snapfs dies at that moment, or kills another process."""
    environment = {
        "LD_PRELOAD": os.environ["KILL_AT_SO"],
        "KILL_AT": str(at),
        "KILL_LOG": log,
        "ASAN_OPTIONS": f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0",
        **more,
    }
    mount = Mount(SYSTEM, "cache=0", f"domain={domain.name}", environment=environment)
    mount.__enter__()
    try:
        yield mount
    finally:
        mount.clean()


@contextlib.contextmanager
def meddling(domain, at, directory, command):
    """A mount whose snapfs runs a shell command at that moment of its work, and waits for it."""
    said = os.path.join(directory, f"{domain.name}.meddler")
    log = os.path.join(directory, f"{domain.name}.moments")
    with dying(domain, at, log, KILL_RUN=f"({command}) >{said} 2>&1") as mount:
        yield mount
        mount.end()
    with open(said, encoding="utf-8") as file:
        equal(file.read().strip(), "", f"what '{command}' says")
    equal(journals(), [], "journals")


def settled():
    """Returns once no operation is unfinished."""
    until(lambda: not journals(), f"the journals end: {journals()}", 60)


def last_moment(log):
    with open(log, encoding="ascii") as file:
        return file.read().split()[-1]


def stride(several):
    """Returns the distance of the moments that are tried: 1 for all of them."""
    return 1 if os.environ.get("KILL_ALL") else several


def answers():
    return attempt("virsh", "-q", "-c", SYSTEM, "version").status == 0


@contextlib.contextmanager
def reviving():
    """Starts the daemon again each time it has ended."""
    over = threading.Event()

    def revive():
        if not os.path.exists(f"/proc/{daemon.pid()}"):
            daemon.start()

    def watch():
        while not over.wait(0.02):
            revive()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        until(lambda: revive() or answers(), "libvirt's daemon answers")  # it may have been killed last of all
