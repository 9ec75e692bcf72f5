# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirtd ends and starts again under a mount."""

import errno
import os
import signal
import time

from lib import daemon, reading
from lib.domain import SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.wait import until

# libvirt is waited for this long, and the listing is a second old at most.
BACK = 8


def listed(mount, domain):
    try:
        return sorted(os.listdir(mount.path(domain.name, "by-name")))
    except OSError as error:
        true(error.errno == errno.EHOSTDOWN, f"{error}")
        return None


def text(mount, name):
    """Checks that a file of the domain's directory says so at once, without waiting for libvirt."""
    began = time.monotonic()
    with open(mount.path("away", name), encoding="utf-8") as file:
        said = file.read()
    true(time.monotonic() - began < 2, f"{name} took too long")
    return said


@test
def it_reconnects_without_a_remount(directory):
    with Domain("restart", directory) as domain, Mount(SYSTEM) as mount:
        domain.start()
        domain.write(0x11)
        domain.snapshot("one")
        until(lambda: listed(mount, domain) == ["one"], "one is seen")
        for number in (signal.SIGKILL, signal.SIGTERM):
            daemon.kill(number)
            daemon.start()
            until(lambda: listed(mount, domain) == ["one"], f"one is seen after {number.name}", BACK)
        domain.write(0x22)
        os.mkdir(mount.path(domain.name, "current/two"))
        equal(domain.parents(), {"one": None, "two": "one"})
        reading.compare(domain, mount, directory)


@test
def while_it_is_away_the_root_and_open_images_answer(directory):
    with Domain("away", directory) as domain, Mount(SYSTEM) as mount:
        domain.write(0x11)
        domain.snapshot("one")
        until(lambda: listed(mount, domain) == ["one"], "one is seen")
        refused(errno.EINVAL, os.mkdir, mount.path("away/snapshots/one/a,b"))
        with open(mount.path("away/by-name/one/vda.raw"), "rb", buffering=0) as image:
            daemon.kill()
            try:
                os.stat(mount.point)
                os.statvfs(mount.point)
                equal(os.pread(image.fileno(), 4, 1 << 20), b"\x11" * 4, "an open image")
                until(lambda: listed(mount, domain) is None, "EHOSTDOWN is told", BACK)
                refused(errno.EHOSTDOWN, os.mkdir, mount.path("away/snapshots/two"))
                holds(text(mount, "log"), "mkdir away/snapshots/one/a,b: EINVAL")
                equal(text(mount, "job"), "none\n")
                refused(errno.EHOSTDOWN, text, mount, "state")
                equal(os.pread(image.fileno(), 4, 1 << 20), b"\x11" * 4, "an open image")
            finally:
                daemon.start()
            until(lambda: listed(mount, domain) == ["one"], "one is seen again", BACK)


@test
def a_call_waits_for_a_daemon_that_comes_back_soon(directory):
    with Domain("soon", directory) as domain, Mount(SYSTEM, "cache=0") as mount:
        domain.snapshot("one")
        equal(listed(mount, domain), ["one"])
        daemon.restart()
        started = time.monotonic()
        equal(listed(mount, domain), ["one"], "the first listing after the restart")
        true(time.monotonic() - started < BACK, "it took too long")


with scratch() as directory:
    run(directory)
