# SPDX-License-Identifier: GPL-3.0-or-later
"""The word quiesce: a guest agent that works, one that fails, one that hangs, and none."""

import contextlib
import errno
import os
import signal

from lib.agent import WithAgent
from lib.command import must
from lib.control import create, last_log
from lib.domain import SYSTEM, Domain
from lib.dying import dying, journals, last_moment, settled
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true

FREEZE, THAW = "guest-fsfreeze-freeze", "guest-fsfreeze-thaw"
ONE_DISK = {"vda": "qcow2"}


def heard(agent):
    """Returns the commands that the agent got since the last call."""
    commands, agent.heard = agent.heard, []
    return commands


@test
def with_an_agent(directory):
    with WithAgent("agent", directory, ONE_DISK) as domain:
        domain.start()
        agent = domain.agent
        with Mount(SYSTEM) as mount:
            create(mount, domain, "plain disk-only")
            equal(heard(agent), [])
            create(mount, domain, "one disk-only quiesce")
            equal(heard(agent), [FREEZE, THAW])
            true(not agent.frozen, "the guest is still frozen")
            it_fails_to_freeze(mount, domain)
            it_hangs(domain)
            it_fails_to_thaw(mount, domain)
            domain.virsh("suspend", domain.name)
            refused(errno.EBUSY, create, mount, domain, "x disk-only quiesce")
            holds(last_log(mount, domain), "not running")
            equal(heard(agent), [])
            equal(sorted(domain.parents()), ["one", "plain", "thawed-late"])


def it_fails_to_freeze(mount, domain):
    agent, before = domain.agent, (sorted(os.listdir(domain.directory)), domain.live_source("vda"))
    agent.fails = {FREEZE}
    refused(errno.EIO, create, mount, domain, "x disk-only quiesce")
    holds(last_log(mount, domain), f"{FREEZE} failed")
    equal((sorted(os.listdir(domain.directory)), domain.live_source("vda")), before)
    equal(heard(agent), [FREEZE])  # another program may have frozen it, and is not disturbed
    agent.fails = set()


def it_fails_to_thaw(mount, domain):
    """The snapshot is made, and the log tells the guest's problem."""
    agent = domain.agent
    agent.fails = {THAW}
    create(mount, domain, "thawed-late disk-only quiesce")
    holds(last_log(mount, domain), "may still be frozen")
    agent.fails, agent.frozen = set(), False
    heard(agent)


def it_hangs(domain):
    """Waits for a second instead of snapfs' thirty; the guest is thawed if it froze late."""
    agent = domain.agent
    agent.hangs = {FREEZE}
    said = must(os.environ["SNAPFS_FREEZER"], SYSTEM, domain.uuid, 1)
    holds(said, "ETIMEDOUT")
    holds(said, "guest agent")
    agent.hangs = set()
    equal(heard(agent), [FREEZE, THAW])
    equal(must(os.environ["SNAPFS_FREEZER"], SYSTEM, domain.uuid, 1), "ok\n")
    heard(agent)


def cut_off(domain, directory, at, words):
    """snapfs dies at that moment of a snapshot; its name."""
    log = os.path.join(directory, "moments")
    with dying(domain, at, log) as mount:
        with contextlib.suppress(OSError):
            create(mount, domain, words)
        equal(mount.process.wait(60), -signal.SIGKILL, "how snapfs ended")
    moment = last_moment(log)
    os.unlink(log)
    return moment


@test
def who_is_killed_leaves_no_guest_frozen(directory):
    with WithAgent("cut", directory, ONE_DISK) as domain:
        domain.start()
        agent = domain.agent
        for at, (moment, made) in enumerate((("freeze", []), ("snapshot", ["x3"])), 2):
            equal(cut_off(domain, directory, at, f"x{at} disk-only quiesce"), moment)
            true(agent.frozen, "the guest is not frozen")
            with Mount(SYSTEM) as mount:
                settled()
                true(not agent.frozen, "the guest is still frozen")
                holds(last_log(mount, domain), "recover")
                holds(last_log(mount, domain), "a snapshot was cut off with the guest's file systems frozen")
            equal((domain.snapshots(), journals()), (made, []))
        equal(cut_off(domain, directory, 2, "y disk-only quiesce"), "freeze")
        agent.fails = {THAW}
        with Mount(SYSTEM) as mount:  # nothing is barred by an agent that does not
            settled()
            holds(last_log(mount, domain), "may still be: ")
            create(mount, domain, "y disk-only")
        equal(journals(), [])


@test
def without_an_agent(directory):
    with Domain("none", directory, ONE_DISK) as domain, Mount(SYSTEM) as mount:
        domain.start()
        refused(errno.EOPNOTSUPP, create, mount, domain, "x disk-only quiesce")
        holds(last_log(mount, domain), "agent")
        equal(domain.live_source("vda")[0], domain.disks[0].path)
        domain.destroy()
        create(mount, domain, "x disk-only quiesce")  # nothing runs that could write
        equal(domain.parents(), {"x": None})


with scratch() as directory:
    run(directory)
