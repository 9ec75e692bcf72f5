# SPDX-License-Identifier: GPL-3.0-or-later
"""snapfs is killed at every moment of a delete by steps of its own. The next mount leaves the state before or
after the delete, with all bytes of the others right and nothing left over. The same holds if libvirt's daemon
or QEMU is killed.

KILL_ALL tries each moment; else some are tried.
"""

import errno
import os
import re
import signal

from lib import daemon
from lib.command import must
from lib.control import write as command
from lib.domain import MIB, SYSTEM, Domain
from lib.dying import (
    JOURNALS,
    MOMENTS_MAX,
    dying,
    journals,
    last_moment,
    meddling,
    reviving,
    settled,
    stride,
)
from lib.held import Held, files, needed, tidy
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, note, run, test, true
from lib.wait import until

KEPT = 3
PIECE = 65536  # what one snapshot alone has written
COMMITTED = 4  # after the journal tells of the plan, the start and the merge


class Line:
    """A domain with a line of external snapshots whose bytes are known, the oldest first."""

    def __init__(self, domain, memory=()):
        self.domain, self.held, self.count, self.memory = domain, Held(domain), 0, memory
        while len(self.held.bytes) < KEPT:
            self.grow()

    def grow(self):
        self.count += 1
        self.write()
        self.domain.write(self.count % 251 + 1, 3 * MIB + self.count % 16 * PIECE, targets=self.targets()[:1])
        kind = "memory" if self.count in self.memory and self.domain.running() else "external"
        self.held.snapshot(f"s{self.count}", kind)
        self.write()

    def targets(self):
        return [disk.target for disk in self.domain.disks]

    def write(self):
        """Writes new bytes, other ones on every disk."""
        for index, disk in enumerate(self.domain.disks):
            value = (2 * self.count + index) % 251 + 1
            self.domain.write(value, (self.count % 3) * MIB, targets=[disk.target])

    def oldest(self):
        return next(iter(self.held.bytes))

    def newest(self):
        return list(self.held.bytes)[-1]

    def look(self):
        return self.domain.state(), self.held.live()


def delete(mount, domain, name):
    command(mount.path(domain.name, "by-name", name, "delete"), "merge\n")


def cut_off(line, name, at, log):
    """Deletes in a snapfs that dies at that moment; returns whether it died."""
    with dying(line.domain, at, log) as mount:
        try:
            delete(mount, line.domain, name)
        except OSError as error:
            equal(mount.process.wait(60), -signal.SIGKILL, f"how snapfs ended ({error})")
            return True
        return False


def recovered(line, name, before):
    """Mounts, and checks that the snapshot is there with its bytes, or gone, and that all else is as before."""
    domain, held = line.domain, line.held
    begun = any(os.stat(f"{JOURNALS}/{one}").st_size for one in journals())
    with Mount(SYSTEM, "cache=0", f"domain={domain.name}") as mount:
        settled()
        gone = name not in domain.snapshots()
        if gone:
            held.bytes.pop(name)
        held.mount = mount
        held.check()
        held.check_mount()
        tidy(domain)
        equal(line.look(), before, "the state and the live disks")
        with open(mount.path(domain.name, "log"), encoding="utf-8") as log:
            said = log.read()
        if begun:
            end = "finished" if gone else "undone"
            true(re.search(rf"is {end}([,;]|$)", said, re.MULTILINE), f"it does not say '{end}':\n{said}")
        equal(mount.said().count(" recover "), int(begun), f"what it says at first\n{mount.said()}")
    held.mount = None
    return gone


def at_moments(line, directory, choose, step):
    """Cuts deletes off at one moment after the other."""
    log = os.path.join(directory, "moments")
    outcomes = []
    for at in range(1, MOMENTS_MAX, step):
        name = choose(line)
        before = line.look()
        if not cut_off(line, name, at, log):
            line.held.bytes.pop(name)
            break
        outcomes.append((at, last_moment(log), recovered(line, name, before)))
        while len(line.held.bytes) < KEPT:
            line.grow()
    note(" ".join(f"{at}:{moment}:{'after' if done else 'before'}" for at, moment, done in outcomes))
    equal({done for _, _, done in outcomes}, {True, False}, "outcomes")
    line.held.check()
    tidy(line.domain)
    equal(journals(), [], "journals")


@test
def the_oldest_while_it_runs(directory):
    with Domain("on", directory, {"vda": "qcow2", "vdb": "raw"}, 4 * MIB) as domain:
        domain.start()
        at_moments(Line(domain, memory=(2, 4)), directory, Line.oldest, stride(6))


@test
def the_newest_while_it_runs(directory):
    with Domain("top", directory, {"vda": "qcow2", "vdb": "raw"}, 4 * MIB) as domain:
        domain.start()
        at_moments(Line(domain), directory, Line.newest, stride(7))


@test
def the_oldest_while_shut_off(directory):
    with Domain("off", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        at_moments(Line(domain), directory, Line.oldest, stride(5))


@test
def libvirts_daemon_is_killed(directory):
    log = os.path.join(directory, "moments")
    with Domain("daemon", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        domain.start()
        line = Line(domain)
        for at in range(3, MOMENTS_MAX, stride(6)):
            name, before = (line.oldest, line.newest)[at % 2](), line.look()
            with reviving(), dying(domain, at, log, KILL_PID_FILE=daemon.PID_FILE) as mount:
                try:
                    delete(mount, domain, name)
                except OSError as error:
                    true(error.errno in (errno.EHOSTDOWN, errno.ETIMEDOUT), f"{error}")
                mount.end()
            with open(log, encoding="ascii") as file:
                moments = len(file.read().split())
            os.unlink(log)
            recovered(line, name, before)
            while len(line.held.bytes) < KEPT:
                line.grow()
            if moments < at:
                break


@test
def qemu_is_killed_in_the_middle(directory):
    log = os.path.join(directory, "moments")
    with Domain("qemu", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        domain.start()
        line = Line(domain)
        for at in (2, 3, 4):
            name, live = (line.oldest, line.newest)[at % 2](), line.held.live()
            pid = f"/run/libvirt/qemu/{domain.name}.pid"
            with dying(domain, at, log, KILL_PID_FILE=pid) as mount:
                try:
                    delete(mount, domain, name)
                except OSError as error:
                    note(f"moment {at}: {error}")
                mount.end()
            equal(journals(), [], "journals")
            if name not in domain.snapshots():
                line.held.bytes.pop(name)
            line.held.check()
            equal(line.held.live(), live, "the live disks")
            equal(domain.state(), "shut off")
            domain.start()
            while len(line.held.bytes) < KEPT:
                line.grow()


@test
def the_domain_is_stopped_in_the_middle_of_a_merge(directory):
    """After the pivot QEMU can tell of it no more; libvirt's XML does. An overlay that QEMU has merged stays if that
    XML still has it: the next start looks for it."""
    with Domain("stopped", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        domain.start()
        line = Line(domain)
        stop = f"virsh -q -c {SYSTEM} destroy {domain.name}"
        for at in range(3, 11):
            name, live = line.newest(), line.held.live()
            with meddling(domain, at, directory, stop) as mount:
                try:
                    delete(mount, domain, name)
                except OSError as error:
                    note(f"moment {at}: {error}")
            if name not in domain.snapshots():
                line.held.bytes.pop(name)
            line.held.check()
            xml = domain.virsh("dumpxml", domain.name)
            equal({one for one in files(domain) - needed(domain) if one not in xml}, set(), "files that nothing names")
            equal(line.held.live(), live, "the live disks")
            equal(domain.state(), "shut off")
            domain.start()
            while len(line.held.bytes) < KEPT:
                line.grow()


def is_not_read(image):
    try:
        with open(image, "rb") as file:
            file.read()
        true(False, "the image is read")
    except OSError as error:
        true(error.errno in (errno.EIO, errno.ESTALE, errno.EBUSY), f"{error}")


@test
def images_of_one_that_has_begun(directory):
    """Between the crash and the next mount no half-merged bytes are shown. The file is busy for as
    long as QEMU has not let go of the file that it has merged into."""
    log = os.path.join(directory, "moments")
    with Domain("begun", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        domain.start()
        line = Line(domain)
        name = line.oldest()
        with Mount(SYSTEM, "cache=0", "ro") as mount:
            image = mount.path(domain.name, "by-name", name, "vda.raw")
            with open(image, "rb") as file:
                true(len(file.read()) > 0, "it is read before")
            equal(cut_off(line, name, COMMITTED, log), True, "killed")
            equal(last_moment(log), "commit")
            is_not_read(image)
        recovered(line, name, line.look())


@test
def the_file_of_a_detached_disk_is_told_of(directory):
    """Recovery says why it leaves the file, since the delete itself could not."""
    log = os.path.join(directory, "moments")
    with Domain("parted", directory, {"vda": "qcow2", "vdb": "qcow2"}, 4 * MIB) as domain:
        line = Line(domain)
        line.write()
        line.held.snapshot("inner", "internal")
        path = domain.live_source("vdb")[0]
        domain.virsh("detach-disk", domain.name, "vdb", "--config")
        for at in range(2, MOMENTS_MAX):
            true(cut_off(line, "inner", at, log), "the delete is cut off")
            with Mount(SYSTEM, "cache=0", f"domain={domain.name}") as mount:
                settled()
                said = mount.said()
            if "inner" not in domain.snapshots():
                break
        holds(said, "recover parted: ok; the delete of 'inner', which was cut off, is finished")
        holds(said, f"'{path}' is left, because its disk was detached")
        true(os.path.exists(path), "the file of the disk")


def cut_off_before_it_merges(line, name, log):
    """The journal has the step, and libvirt was not called."""
    for at in range(2, MOMENTS_MAX):
        before = line.look()
        equal(cut_off(line, name, at, log), True, "killed")
        [journal] = journals()
        with open(f"{JOURNALS}/{journal}", encoding="utf-8") as file:
            if "step merge\n" in file.read():
                return
        equal(recovered(line, name, before), False, "it is deleted")


def half_merged(line, name, directory):
    """Leaves the files as does a QEMU that is killed at the end of a merge: it has put the file above onto the base,
    and has not written the base's tables. Returns what the domain held before that."""
    cut_off_before_it_merges(line, name, os.path.join(directory, "moments"))
    domain = line.domain
    if domain.running():
        domain.destroy()
    before = line.look()
    base, above = (domain.snapshot_source(f"s{line.count - back}", "vda")[0] for back in (2, 0))
    must("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", base, above)
    true(line.held.live() != before[1], "the domain would read other bytes")
    return before


@test
def a_base_that_qemu_had_not_written_whole(directory):
    """The chain alone does not tell that a merge is whole."""
    for state in "off", "on":
        with Domain(f"half-{state}", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
            if state == "on":
                domain.start()
            line = Line(domain)
            name = line.oldest()
            equal(recovered(line, name, half_merged(line, name, directory)), True, "it is deleted")


@test
def a_base_that_is_not_whole_while_the_domain_runs_again(directory):
    """The delete waits until the domain is shut off. Each image above reads right meanwhile, because libvirt's XML has
    its chain, or is refused."""
    for made in "on", "off":
        with Domain(f"again-{made}", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
            if made == "on":
                domain.start()
            line = Line(domain)
            if made == "off":
                domain.start()
            name = line.oldest()
            before = half_merged(line, name, directory)
            domain.start()
            with Mount(SYSTEM, "cache=0", f"domain={domain.name}") as mount:
                until(lambda: "shut the domain off" in mount.said(), "it says what to do")
                line.held.mount = mount
                if made == "off":
                    is_not_read(mount.path(domain.name, "by-name", line.newest(), "vda.raw"))
                else:
                    equal(line.held.in_mount(line.newest()), line.held.bytes[line.newest()], "an image above")
                domain.destroy()
                settled()
            equal(recovered(line, name, before), True, "it is deleted")


with scratch() as directory:
    run(directory)
