# SPDX-License-Identifier: GPL-3.0-or-later
"""snapfs is killed at every moment of a revert by steps of its own. The next mount leaves the state before or
after the revert, with all bytes right and nothing left over.

KILL_ALL tries each moment; else some are tried.
"""

import contextlib
import errno
import os
import signal

from lib import daemon, reading
from lib.domain import MIB, SYSTEM, Domain
from lib.dying import JOURNALS, MOMENTS_MAX, dying, journals, last_moment, reviving, settled, stride
from lib.held import Held, tidy
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, note, run, test, true
from lib.watch import revert

KINDS = {"e": "external", "m": "memory", "i": "internal"}


@contextlib.contextmanager
def tree(name, directory, *kinds):
    """A running domain with snapshots in a line, whose bytes are known."""
    second = "qcow2" if "i" in kinds else "raw"
    with Domain(name, directory, {"vda": "qcow2", "vdb": second}, 4 * MIB) as domain:
        domain.start()
        held = Held(domain)
        for number, kind in enumerate(kinds, 1):
            write(domain, number)
            held.snapshot(f"{kind}{number}", KINDS[kind])
        yield domain, held


def write(domain, pattern):
    for index, disk in enumerate(domain.disks):
        domain.write(pattern + index * 0x40 & 0xFF, (pattern % 4) * MIB, targets=[disk.target])


def cut_off(domain, name, words, at, log):
    """Reverts in a snapfs that dies at that moment; returns whether it died before the end."""
    with dying(domain, at, log) as mount:
        try:
            revert(mount, domain, name, words)
        except OSError as error:
            equal(mount.process.wait(60), -signal.SIGKILL, f"how snapfs ended ({error})")
            return True
        return False


def look(domain, held):
    return domain.current(), domain.state(), held.live()


def recovered(domain, held, before, after, done=None):
    """Mounts, and checks that everything is as before or after; returns whether after. If `done`, it must be after."""
    begun = any(os.stat(f"{JOURNALS}/{name}").st_size for name in journals())
    with Mount(SYSTEM, "cache=0", f"domain={domain.name}") as mount:
        settled()
        held.mount = mount
        held.check()
        held.check_mount()
        tidy(domain)
        now = look(domain, held)
        true(
            now == after or (now == before and not done),
            f"before:   {before}\nafter: {after}\nnow:   {now}",
        )
        with open(mount.path(domain.name, "log"), encoding="utf-8") as log:
            said = log.read()
        if begun:
            end = "is finished" if now == after else "was not made" if "was not" in said else "is undone"
            holds(said, end)
        equal(mount.said().count(" recover "), int(begun), f"what it says at first\n{mount.said()}")
    held.mount = None
    return now == after


def at_moments(domain, held, directory, targets, words, prepare, state, stride):
    """Cuts a revert off at one moment after the other, to one target and another in turn."""
    log = os.path.join(directory, "moments")
    outcomes = []
    for at in range(1, MOMENTS_MAX, stride):
        name = targets[at % len(targets)]
        prepare(domain, name)
        write(domain, 0x10 + at % 0x30)
        before, after = look(domain, held), (name, state, held.bytes[name])
        if not cut_off(domain, name, words, at, log):
            break
        outcomes.append((at, last_moment(log), recovered(domain, held, before, after)))
    note(" ".join(f"{at}:{moment}:{'after' if done else 'before'}" for at, moment, done in outcomes))
    equal({done for _, _, done in outcomes}, {True, False}, "outcomes")
    held.check()
    tidy(domain)
    equal(journals(), [], "journals")


def moved(domain, _):
    """libvirt from 9.9 on would do it itself if its current mark were still in place."""
    domain.virsh("snapshot-current", domain.name, "e1")


def running(domain, name):
    if not domain.running():
        domain.start()
    moved(domain, name)


@test
def shut_off_to_shut_off(directory):
    with tree("off", directory, "e", "e", "e") as (domain, held):
        domain.destroy()
        at_moments(domain, held, directory, ["e2", "e3"], "", moved, "shut off", stride(6))


@test
def running_to_running_with_and_without_memory(directory):
    with tree("on", directory, "e", "m", "e") as (domain, held):
        at_moments(domain, held, directory, ["m2", "e1", "e3"], "running", running, "running", stride(8))


def shared(held):
    """Another snapshot and the live disk use the file of the revert's target."""

    def prepare(domain, name):
        file, _ = domain.snapshot_source(name, "vda")
        if file in reading.chain(*domain.live_source("vda"))[1:]:
            return
        if file != domain.live_source("vda")[0]:
            with Mount(SYSTEM, "cache=0", f"domain={domain.name}") as mount:
                revert(mount, domain, name)
        number = len(held.bytes) + 1
        write(domain, number)
        held.snapshot(f"e{number}", "external")

    return prepare


@test
def on_a_copy_of_a_file_that_others_stand_on(directory):
    with tree("copied", directory, "i", "e") as (domain, held):
        domain.destroy()
        at_moments(domain, held, directory, ["i1"], "paused", shared(held), "paused", stride(4))


def daemon_dies(domain, held, directory, names, prepare, stride):
    """libvirt's daemon is killed at one moment after the other, and started again at once."""
    log = os.path.join(directory, "moments")
    for at in range(1, MOMENTS_MAX, stride):
        name = names[at % len(names)]
        prepare(domain, name)
        write(domain, 0x10 + at % 0x30)
        before, after = look(domain, held), (name, "running", held.bytes[name])
        done = None
        with reviving(), dying(domain, at, log, KILL_PID_FILE=daemon.PID_FILE) as mount:
            try:
                revert(mount, domain, name, "running")
                done = True
            except OSError as error:
                true(error.errno in (errno.EHOSTDOWN, errno.ETIMEDOUT), f"{error}")
            mount.end()
        with open(log, encoding="ascii") as file:
            moments = len(file.read().split())
        os.unlink(log)
        recovered(domain, held, before, after, done)
        if moments < at:
            break


@test
def libvirts_daemon_is_killed(directory):
    with tree("daemon", directory, "e", "m", "e") as (domain, held):
        daemon_dies(domain, held, directory, ["m2", "e1", "e3"], running, stride(9))


@test
def libvirts_daemon_is_killed_while_a_file_is_copied(directory):
    with tree("copier", directory, "i", "e") as (domain, held):
        daemon_dies(domain, held, directory, ["i1"], shared(held), stride(11))


def meddled(domain, held, directory, name, at, command):
    """Reverts while another program acts at that moment; returns whether it did."""
    log = os.path.join(directory, "moments")
    virsh = f"virsh -q -c {SYSTEM} {command} >{directory}/meddler 2>&1"
    domain.virsh("snapshot-current", domain.name, "e1")
    with dying(domain, at, log, KILL_RUN=virsh) as mount:
        try:
            revert(mount, domain, name)
            return True
        except OSError as error:
            equal(error.errno, errno.EBUSY, f"{error}")
            return False
        finally:
            mount.end()
            with open(f"{directory}/meddler", encoding="utf-8") as said:
                equal(said.read().strip(), "", "what the meddler's virsh says")
            equal(journals(), [], "journals")


# After the undefine of the domain that makes the overlays, and before and after the define.
MADE, DEFINED = 5, 9


@test
def someone_else_changes_the_domain_meanwhile(directory):
    with tree("meddled", directory, "e", "e", "e") as (domain, held):
        domain.destroy()
        write(domain, 0x20)
        before = held.live()
        equal(meddled(domain, held, directory, "e2", MADE, "start meddled"), False, "done")
        equal((domain.state(), held.live()), ("running", before), "state and live disks")
        domain.destroy()
        new = "snapshot-create-as meddled new --disk-only"
        equal(meddled(domain, held, directory, "e2", MADE, new), False, "done")
        held.note("new")
        equal((domain.current(), held.live()), ("new", before), "current and live disks")
        held.check()
        tidy(domain)
        write(domain, 0x21)
        equal(meddled(domain, held, directory, "e3", DEFINED, "start meddled"), True, "done")
        equal(domain.current(), "e3")
        held.is_live("e3")
        domain.destroy()
        late = "snapshot-create-as meddled late --disk-only"
        write(domain, 0x22)
        equal(meddled(domain, held, directory, "e2", DEFINED, late), False, "done")
        held.is_live("e2")
        equal(held.by_qemu("late"), held.bytes["e2"], "the snapshot that came between")
        domain.delete("late", "--metadata")
        held.check()


# The first piece of the file is copied.
COPIED = 3


@test
def someone_else_changes_the_domain_while_a_file_is_copied(directory):
    with tree("changed", directory, "e", "i", "e") as (domain, held):
        domain.destroy()
        write(domain, 0x20)
        before, file = held.live(), domain.snapshot_source("i2", "vda")
        equal(meddled(domain, held, directory, "i2", COPIED, "start changed"), False, "done")
        equal((domain.state(), held.live()), ("running", before), "state and live disks")
        equal(domain.snapshot_source("i2", "vda"), file, "the file of the snapshot")
        held.check()
        tidy(domain)


@test
def the_next_operation_sees_to_it_first(directory):
    log = os.path.join(directory, "moments")
    with tree("next", directory, "e", "e") as (domain, held):
        domain.destroy()
        moved(domain, None)
        with Mount(SYSTEM, "cache=0", f"domain={domain.name}") as mount:
            equal(cut_off(domain, "e2", "", DEFINED + 1, log), True, "killed")
            with open(mount.path(domain.name, "create"), "w", encoding="ascii") as file:
                file.write("next disk-only\n")
            with open(mount.path(domain.name, "log"), encoding="utf-8") as file:
                holds(file.read(), "is finished")
        equal(domain.parents(), {"e1": None, "e2": "e1", "next": "e2"})
        held.note("next")
        equal(held.bytes.pop("next"), held.bytes["e2"], "the disks of the new one")
        equal(journals(), [], "journals")
        tidy(domain)


with scratch() as directory:
    run(directory)
