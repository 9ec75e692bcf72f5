# SPDX-License-Identifier: GPL-3.0-or-later
"""snapfs, libvirt's daemon or QEMU is killed while a snapshot is made, at every moment in turn: in
the end the snapshot is there, current and with its bytes, or nothing of it is, and it can be made.

With KILL_ALL set at each moment, else at some of them.
"""

import contextlib
import os
import xml.etree.ElementTree as ElementTree

from lib import daemon
from lib.control import create, last_log
from lib.domain import MIB, SYSTEM, Domain
from lib.dying import MOMENTS_MAX, dying, last_moment, reviving, settled, stride
from lib.held import Held, files, needed, snapshot_documents
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, note, run, test, true

ONE, TWO = {"vda": "qcow2"}, {"vda": "qcow2", "vdb": "qcow2"}


class Making:
    """A domain whose snapshots' bytes are known, and the words by which it gets more of them."""

    def __init__(self, domain, directory, words, runs=True, dies=False):
        self.domain, self.held = domain, Held(domain)
        self.words, self.runs, self.count = words, runs, 0
        self.dies = dies  # QEMU is what is killed
        self.log, self.armed = os.path.join(directory, "moments"), os.path.join(directory, "armed")
        self.outcomes = []

    def begin(self):
        """What the next attempt begins with: the state, and bytes that no snapshot has."""
        self.count += 1
        if self.runs != self.domain.running():
            self.domain.start() if self.runs else self.domain.destroy()
        for index, disk in enumerate(self.domain.disks):
            self.domain.write(2 * self.count + index, (self.count % 3) * MIB, targets=[disk.target])
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.log)

    def look(self):
        return self.domain.current(), self.domain.snapshots(), self.live_files(), self.held.live(), self.domain.state()

    def live_files(self):
        return [self.domain.live_source(disk.target)[0] for disk in self.domain.disks]

    def state_after(self, state):
        if "halt" in self.words or (self.dies and not self.domain.running()):
            return "shut off"
        return state

    def attempt(self, name, mount):
        try:
            create(mount, self.domain, f"{name} {self.words}")
        except OSError as error:
            note(f"{name}: {error} {mount.said()[-600:]}")
            return False
        return True

    def check(self, name, before, done):
        """All is as before, or the snapshot is there as it should be; whether it is."""
        domain, held = self.domain, self.held
        now = self.look()
        made = name in now[1]
        true(made or not done, f"it was made, and is not there: {now}")
        if made:
            equal((now[0], now[3]), (name, before[3]), "the current snapshot and the live disks")
            equal(now[4], self.state_after(before[4]), "the state")
            held.note(name)
            if not self.is_internal():
                equal(held.bytes[name], before[3], "the bytes of the snapshot")
        else:
            equal(now, (*before[:4], self.state_after(before[4])), f"what was there ({domain.virsh('domstate', '--reason', domain.name)})")
        held.check()
        equal(images(domain), wanted(domain), "files")
        self.check_config()
        return made

    def is_internal(self):
        return not self.words

    def check_config(self):
        """The next start is on the live disks."""
        config = ElementTree.fromstring(self.domain.virsh("dumpxml", "--inactive", self.domain.name))
        found = [disk.find("source").get("file") for disk in config.findall("devices/disk")]
        equal(found, self.live_files(), "the files of the domain's configuration")

    def again(self, name):
        """What was not made can be made."""
        with Mount(SYSTEM, "cache=0", f"domain={self.domain.name}") as mount:
            try:
                create(mount, self.domain, f"{name} {self.words}")
            except OSError:
                # libvirt has lost sight of what its QEMU has open, or is at.
                true(self.runs, last_log(mount, self.domain))
                self.domain.destroy()
                self.domain.start()
                create(mount, self.domain, f"{name} {self.words}")
        self.held.note(name)
        equal(self.domain.current(), name, "the current snapshot")
        equal(images(self.domain), wanted(self.domain), "files")

    def judge(self, at, moment, name, before, done):
        made = self.check(name, before, done)
        self.outcomes.append((at, moment, made))
        if self.dies and not self.domain.running():
            self.domain.start()
        if not made and self.runs == self.domain.running():
            self.again(name)

    def tell(self):
        note(" ".join(f"{at}:{moment}:{'new' if made else 'old'}" for at, moment, made in self.outcomes))


def memories(domain):
    """The memory files that snapshots name."""
    found = [ElementTree.fromstring(one).find("memory").get("file") for one in snapshot_documents(domain).values()]
    return {os.path.basename(path) for path in found if path}


def images(domain):
    return {name for name in files(domain) if not name.endswith((".xml", ".agent"))}


def wanted(domain):
    return needed(domain) | memories(domain)


def kill_snapfs(making, begin=1):
    """At each moment of its own, or one alone."""
    for at in range(begin, MOMENTS_MAX, stride(MOMENTS_MAX) if begin > 1 else 1):
        making.begin()
        name, before = f"s{making.count}", making.look()
        with dying(making.domain, at, making.log) as mount:
            done = making.attempt(name, mount)
        with Mount(SYSTEM, "cache=0", f"domain={making.domain.name}") as mount:
            settled()
            making.held.mount = mount
            making.judge(at, last_moment(making.log), name, before, done)
        if done:
            break


def moments(log):
    with contextlib.suppress(FileNotFoundError), open(log, encoding="ascii") as file:
        return file.read().split()
    return []


def kill_other(making, chosen, **more):
    """libvirt's daemon, or what else is named, at some moments of the daemon, or all."""
    for at in range(1, MOMENTS_MAX) if os.environ.get("KILL_ALL") else chosen:
        making.begin()
        name, before = f"s{making.count}", making.look()
        daemon.restart_dying(at, making.log, making.armed, **more)
        with reviving(), Mount(SYSTEM, "cache=0", f"domain={making.domain.name}") as mount:
            with open(making.armed, "wb"):
                done = making.attempt(name, mount)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(making.armed)
            settled()
        found = moments(making.log)
        making.judge(at, found[-1] if found else "none", name, before, done)
        if len(found) < at:
            break
    daemon.restart()


@contextlib.contextmanager
def made_on(name, directory, disks, words, runs=True, dies=False):
    with Domain(name, directory, disks, 4 * MIB) as domain:
        making = Making(domain, directory, words, runs, dies)
        yield making
        making.tell()


# After libvirt's call is made.
CALLED = 2


@test
def snapfs_is_killed(directory):
    with made_on("one", directory, ONE, "disk-only") as making:
        kill_snapfs(making)
    with made_on("saves", directory, TWO, "external") as making:
        kill_snapfs(making, CALLED)
    with made_on("off", directory, TWO, "", runs=False) as making:
        kill_snapfs(making, CALLED)
    with made_on("halted", directory, ONE, "disk-only halt") as making:
        kill_snapfs(making, CALLED)


@test
def libvirts_daemon_is_killed_with_disks_alone(directory):
    with made_on("disks", directory, TWO, "disk-only") as making:
        kill_other(making, (19, 25))


@test
def libvirts_daemon_is_killed_with_a_memory(directory):
    with made_on("saved", directory, TWO, "external") as making:
        kill_other(making, (4,))


@test
def libvirts_daemon_is_killed_with_tags(directory):
    with made_on("tagged", directory, TWO, "") as making:
        kill_other(making, (4,))


@test
def libvirts_daemon_is_killed_while_it_is_shut_off(directory):
    with made_on("shut", directory, TWO, "disk-only", runs=False) as making:
        kill_other(making, (3,))
    with made_on("tags", directory, TWO, "", runs=False) as making:
        kill_other(making, (1,))


@test
def qemu_is_killed(directory):
    for name, words, chosen in (("dead", "disk-only", (22,)), ("died", "external", (8,)), ("dies", "", (3,))):
        with made_on(name, directory, TWO, words, dies=True) as making:
            kill_other(making, chosen, KILL_PID_FILE=f"/run/libvirt/qemu/{name}.pid")


with scratch() as directory:
    run(directory)
