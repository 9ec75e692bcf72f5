# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl-C: if libvirt can abort an operation, nothing is left; a waiting one is given up; any other has its true
result, and the log says which."""

import contextlib
import os
import signal
import subprocess
import time

from lib.caller import Caller
from lib.control import done, job, last_log
from lib.domain import SYSTEM
from lib.dying import journals
from lib.mount import Mount
from lib.scratch import scratch
from lib.slow import big_domain, slow_saves
from lib.tap import equal, holds, run, test, true
from lib.wait import until


def saving(mount, domain):
    """Returns once the save is so far that libvirt tells of it."""
    until(lambda: done(mount, domain), "the save tells how far it is", 20)


def look(domain):
    return sorted(os.listdir(domain.directory)), domain.snapshots(), domain.live_source("vda"), domain.state()


def nothing_is_left(mount, domain, before):
    equal(look(domain), before)
    equal(job(mount, domain), {})
    equal(journals(), [])
    holds(last_log(mount, domain), "EINTR: it was interrupted, and aborted: ")


def moves_on(mount, domain, caller):
    now = done(mount, domain)
    until(lambda: done(mount, domain) != now, "the save goes on")
    true(caller.running(), "it was aborted")


def a_save(mount, domain):
    """A signal that does not count, then one that does, for which the kernel sends nothing."""
    before = look(domain)
    caller = Caller("write", mount.path(domain.name, "create"), "one external\n")
    saving(mount, domain)
    caller.signal("SIGURG")
    moves_on(mount, domain, caller)
    caller.signal("SIGINT")
    equal(caller.outcome(), "EINTR")
    nothing_is_left(mount, domain, before)


def a_mkdir_that_is_killed(mount, domain):
    before = look(domain)
    caller = subprocess.Popen(["mkdir", mount.path(domain.name, "snapshots/two")])
    saving(mount, domain)
    caller.kill()
    equal(caller.wait(30), -signal.SIGKILL)
    nothing_is_left(mount, domain, before)


def the_queue(mount, domain, hurry):
    """Behind an operation of the same mount, and of another one."""
    first = Caller("write", mount.path(domain.name, "create"), "three external\n")
    saving(mount, domain)
    with Mount(SYSTEM, "cache=0") as other:
        second = Caller("mkdir", mount.path(domain.name, "snapshots/four"))
        third = Caller("write", other.path(domain.name, "create"), "five\n")
        until(lambda: job(mount, domain).get("Waiting") == "1", "the second waits")
        until(lambda: "another program" in job(other, domain).get("Step", ""), "the third waits")
        began = time.monotonic()
        second.signal("SIGINT")
        third.signal("SIGTERM")
        equal((second.outcome(), third.outcome()), ("EINTR", "EINTR"))
        true(time.monotonic() - began < 5, "they were given up late")
        true("Waiting" not in job(mount, domain), "it waits")
        for one, what in ((mount, "another operation"), (other, "another program's operation")):
            holds(last_log(one, domain), f"EINTR: it was interrupted while it waited for {what}")
        true(first.running(), "the first has ended")
        hurry()
        equal(first.outcome(), "ok")
    equal(domain.snapshots(), ["three"])


@test
def what_can_be_aborted_and_what_waits(directory):
    with big_domain("big", directory) as domain, slow_saves() as hurry:
        domain.start()
        with Mount(SYSTEM, "cache=0", "create=external") as mount:
            equal(job(mount, domain), {})
            a_save(mount, domain)
            a_mkdir_that_is_killed(mount, domain)
            the_queue(mount, domain, hurry)


@contextlib.contextmanager
def stopped(domain):
    """QEMU is stopped meanwhile."""
    with open(f"/run/libvirt/qemu/{domain.name}.pid", encoding="ascii") as file:
        pid = int(file.read())
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def at_once(mount, domain):
    began = time.monotonic()
    found = job(mount, domain)
    os.listdir(mount.path(domain.name, "by-name"))
    true(time.monotonic() - began < 3, "it took long")
    return found


@test
def what_cannot_be_aborted(directory):
    with big_domain("whole", directory, memory=32) as domain:
        domain.start()
        with Mount(SYSTEM, "cache=0") as mount:
            with stopped(domain):
                caller = Caller("mkdir", mount.path("whole/snapshots/one"))
                until(lambda: job(mount, domain).get("Step") == "making the snapshot", "it is being made")
                found = at_once(mount, domain)
                equal((found["Operation"], found["Path"]), ("mkdir", "whole/snapshots/one"))
                caller.signal("SIGINT")
                until(lambda: job(mount, domain).get("Interrupted") == "yes", "the interrupt came")
                true(caller.running(), "it has ended")
            equal(caller.outcome(), "ok")
            holds(last_log(mount, domain), "ok; an interrupt came; it could not be aborted, and ran to its end")
            equal(domain.snapshots(), ["one"])
            equal(job(mount, domain), {})


with scratch() as directory:
    run(directory)
