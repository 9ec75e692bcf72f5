# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's daemon is killed, and the qemu-img that it has started goes on, for longer than the daemon
takes to be started again: no file appears, and no tag changes, after snapfs has looked at them.
"""

import contextlib
import os
import shutil
import threading

from lib import daemon, reading
from lib.command import must
from lib.control import create, job, last_log, write
from lib.domain import MIB, SYSTEM, Domain
from lib.dying import journals, settled
from lib.held import Held, files, tidy
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, note, run, test, true
from lib.wait import until

TWO = {"vda": "qcow2", "vdb": "qcow2"}

# The call of qemu-img that `wanted` names waits until somebody has opened the pipe `gate`.
PROGRAM = """#!/bin/sh
cd {directory}
case "$*" in
$(cat wanted 2>/dev/null)) rm wanted; echo $$ >at.new; mv at.new at; read -r _ <gate ;;
esac
exec {program} "$@"
"""


class Gate:
    """A daemon whose qemu-img can be held."""

    def __init__(self, directory):
        self.directory = os.path.join(directory, "gate")
        self.at, self.gate = os.path.join(self.directory, "at"), os.path.join(self.directory, "gate")
        os.mkdir(self.directory)
        os.mkfifo(self.gate)
        with open(f"{self.directory}/qemu-img", "w", encoding="utf-8") as file:
            file.write(PROGRAM.format(directory=self.directory, program=shutil.which("qemu-img")))
        os.chmod(file.name, 0o755)
        self.revive()

    def revive(self):
        daemon.kill()
        daemon.start({"PATH": f"{self.directory}:{os.environ['PATH']}"})

    def hold(self, pattern):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.at)
        with open(f"{self.directory}/wanted", "w", encoding="utf-8") as file:
            file.write(pattern)

    def held(self):
        """Returns the number of the process that waits."""
        until(lambda: os.path.exists(self.at), "qemu-img is called")
        with open(self.at, encoding="ascii") as file:
            return int(file.read())

    def open(self, pid):
        with open(self.gate, "w", encoding="ascii") as file:
            file.write("\n")
        until(lambda: not os.path.exists(f"/proc/{pid}"), "qemu-img has ended")


class Attempt(threading.Thread):
    """Runs one operation through a mount; `failure` is its failure."""

    def __init__(self, call):
        super().__init__()
        self.call, self.failure = call, None
        self.start()

    def run(self):
        try:
            self.call()
        except OSError as error:
            self.failure = error


def is_awaited(mount, domain):
    return "qemu-img" in job(mount, domain).get("Step", "")


def cut_off(gate, mount, domain, pattern, call, meanwhile=lambda attempt: None):
    """Kills the daemon in that call of qemu-img; returns the failure of the operation, or None."""
    gate.hold(pattern)
    attempt = Attempt(call)
    pid = gate.held()
    gate.revive()
    until(lambda: not attempt.is_alive() or is_awaited(mount, domain), "snapfs waits, or has answered")
    meanwhile(attempt)
    gate.open(pid)
    attempt.join()
    settled()
    note(f"{pattern}: {last_log(mount, domain)}")
    return attempt.failure


def both_cut_off(gate, domain, pattern, call):
    """The daemon and snapfs are killed, and the next mount finds the journal."""
    gate.hold(pattern)
    first = Mount(SYSTEM, "cache=0").__enter__()
    attempt = Attempt(lambda: call(first))
    pid = gate.held()
    first.clean()
    attempt.join()
    gate.revive()
    with Mount(SYSTEM, "cache=0") as later:
        until(lambda: not journals() or is_awaited(later, domain), "the next mount waits, or is through")
        gate.open(pid)
        settled()
        note(f"{pattern}: {last_log(later, domain)}")


@contextlib.contextmanager
def prepared(directory, name, *kinds):
    """A domain that is shut off, with snapshots s1, s2, … of those kinds, and other bytes since."""
    with Domain(name, directory, TWO, 4 * MIB) as domain:
        held = Held(domain)
        for number, kind in enumerate((*kinds, None), 1):
            for index, disk in enumerate(domain.disks):
                domain.write(8 * number + index + 1, number * MIB // 4, 4096, [disk.target])
            if kind:
                held.snapshot(f"s{number}", kind)
        yield domain, held


def own_tags(domain, target):
    """The snapshots whose bytes of the disk are in the file that the disk is on."""
    path, _ = domain.live_source(target)
    return [
        name
        for name in domain.snapshots()
        if domain.is_internal(name, target) and domain.snapshot_source(name, target)[0] == path
    ]


def whole(domain, held, live):
    """Checks that every snapshot has its bytes, the live disks have these, and nothing is left over."""
    held.check()
    equal(held.live(), live, "the live disks")
    equal(domain.state(), "shut off")
    tidy(domain)
    for disk in domain.disks:
        tags = reading.tags(domain.live_source(disk.target)[0])
        equal(sorted(tags), sorted(own_tags(domain, disk.target)), f"tags of {disk.target}")


def whole_with(domain, held, live, name):
    """The same, with the new snapshot or without."""
    if name in domain.snapshots():
        held.note(name)
        equal(held.bytes[name], live, f"the bytes of {name}")
    whole(domain, held, live)


def makes(mount, domain, held, name, words):
    """Makes a snapshot that was not made."""
    live = held.live()
    if name not in domain.snapshots():
        create(mount, domain, f"{name} {words}")
    whole_with(domain, held, live, name)
    equal(domain.current(), name, "the current snapshot")


def comes_late(directory, gate, name, before, words, call):
    """The snapshot is made as a whole, or not at all and then anew; `call` is qemu-img's for it."""
    with prepared(directory, name, before) as (domain, held):
        with Mount(SYSTEM, "cache=0") as mount:
            for one, target in ("first", "vda"), ("second", "vdb"):
                live = held.live()
                cut_off(
                    gate, mount, domain, call.format(one, target), lambda: create(mount, domain, f"{one} {words}")
                )
                whole_with(domain, held, live, one)
                makes(mount, domain, held, one, words)
                for index, disk in enumerate(domain.disks):
                    domain.write(2 * len(held.bytes) + index + 50, 3 * MIB, targets=[disk.target])
        live = held.live()
        both_cut_off(gate, domain, call.format("third", "vda"), lambda one: create(one, domain, f"third {words}"))
        whole_with(domain, held, live, "third")


@test
def an_overlay_comes_late(directory, gate):
    comes_late(directory, gate, "late", "external", "external", "create*-{1}.{0}")


@test
def a_tag_comes_late(directory, gate):
    comes_late(directory, gate, "tagged", "internal", "", "snapshot*-c*{0}*-{1}.*")


@test
def an_overlay_of_a_clone_on_an_image_of_the_mount_comes_late(directory, gate):
    with prepared(directory, "origin", "external") as (domain, held), Mount(SYSTEM, "cache=0") as mount:
        path = os.path.join(directory, "clone-vda.qcow2")
        image = mount.path("origin/by-name/s1/vda.raw")
        must("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", image, path)
        clone = Domain("clone", directory, {"vda": "qcow2"}, 4 * MIB)
        try:
            clone.define()
            of_clone = Held(clone)
            live = of_clone.live()
            cut_off(gate, mount, clone, "create*/clone-vda.c1", lambda: create(mount, clone, "c1 external"))
            equal(files(clone), {os.path.basename(one) for one in used(clone)}, "files of the clone")
            equal(of_clone.live(), live, "the disk of the clone")
            if "c1" not in clone.snapshots():
                create(mount, clone, "c1 external")
            equal(files(clone), {os.path.basename(one) for one in used(clone)}, "files of the clone")
        finally:
            clone.remove()
            os.unlink(path)
        held.check()


def used(clone):
    """Returns the clone's own files in the chain of its disk."""
    found = reading.chain(*clone.live_source("vda"))
    return [one for one in found if one.startswith(clone.directory)]


@test
def a_disk_is_reverted_late(directory, gate):
    def waits(attempt):
        """Else writes after the answer would be reverted as well."""
        true(attempt.is_alive(), f"the revert has ended: {attempt.failure or 'ok'}")

    with prepared(directory, "back", "internal", "internal") as (domain, held):
        with Mount(SYSTEM, "cache=0") as mount:
            revert = mount.path("back/by-name/s2/revert")
            cut_off(gate, mount, domain, "snapshot*-a*s2*-vdb.*", lambda: write(revert, "\n"), waits)
        equal(domain.current(), "s2")
        whole(domain, held, held.bytes["s2"])
        both_cut_off(
            gate, domain, "snapshot*-a*s1*-vda.*", lambda one: write(one.path("back/by-name/s1/revert"), "\n")
        )
        equal(domain.current(), "s1")
        whole(domain, held, held.bytes["s1"])


@test
def an_overlay_of_a_revert_comes_late(directory, gate):
    with prepared(directory, "forth", "external", "external") as (domain, held):
        live, pattern = held.live(), "create*/forth-vdb.*"
        with Mount(SYSTEM, "cache=0") as mount:
            revert = mount.path("forth/by-name/s1/revert")
            failure = cut_off(gate, mount, domain, pattern, lambda: write(revert, "\n"))
            true(failure, "the revert is done")
            whole(domain, held, live)
            both_cut_off(gate, domain, pattern, lambda one: write(one.path("forth/by-name/s1/revert"), "\n"))
            whole(domain, held, live)
            write(revert, "\n")
            whole(domain, held, held.bytes["s1"])


@test
def a_tag_goes_late(directory, gate):
    with prepared(directory, "gone", "internal", "internal", "internal") as (domain, held):
        live = held.live()
        with Mount(SYSTEM, "cache=0") as mount:
            for name, target in ("s2", "vda"), ("s1", "vdb"):
                delete = mount.path("gone/by-name", name, "delete")
                cut_off(gate, mount, domain, f"snapshot*-d*{name}*-{target}.*", lambda: write(delete, "merge\n"))
                until(lambda: name not in domain.snapshots(), f"{name} is deleted")
                del held.bytes[name]
                whole(domain, held, live)
                held.mount = mount
                held.check_mount()


with scratch() as directory:
    run(directory, Gate(directory))
