# SPDX-License-Identifier: GPL-3.0-or-later
"""The private libvirtd that scripts/private-libvirt has started around the test."""

import os
import signal

from lib.command import must
from lib.wait import until

PID_FILE = "/run/libvirtd.pid"
PRIVATE_LIBVIRT = os.path.join(os.path.dirname(__file__), "../../scripts/private-libvirt")


def pid():
    with open(PID_FILE, encoding="ascii") as file:
        return int(file.read())


def kill(number=signal.SIGKILL):
    """Ends the daemon and waits until it is gone."""
    one = pid()
    os.kill(one, number)
    until(lambda: not os.path.exists(f"/proc/{one}"), "libvirtd ended")


def start(environment=None):
    must(PRIVATE_LIBVIRT, "--start", env={**os.environ, **(environment or {})})


def restart():
    kill()
    start()


def restart_dying(at, log, armed, **more):
    """From now on the daemon dies at that moment of its own work, or kills another, counted while the file `armed`
    is there."""
    kill()
    start({"LD_PRELOAD": os.environ["KILL_AT_SO"], "KILL_AT": str(at), "KILL_LOG": log, "KILL_ARMED": armed, **more})
