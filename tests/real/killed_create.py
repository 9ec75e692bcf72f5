# SPDX-License-Identifier: GPL-3.0-or-later
"""snapfs, libvirt's daemon or QEMU is killed while a snapshot is made: in the end the snapshot is
there, current and with its bytes, or nothing of it is there, and it can be made.

Moments are those of snapfs' own steps, and those of the daemon within its call (tests/tools/kill_at.c).
With KILL_ALL set each kind of snapshot is tried with each victim at each moment; SNAPFS_TEST chooses
kinds by their names. Otherwise a few kinds are tried at a few moments.
"""

import contextlib
import errno
import json
import os
import xml.etree.ElementTree as ElementTree

from lib import daemon
from lib.agent import WithAgent
from lib.control import last_log, write
from lib.domain import MIB, STEP, SYSTEM, Domain
from lib.dying import MOMENTS_MAX, dying, journals, reviving, settled
from lib.held import Held, files, needed, snapshot_documents
from lib.mount import Mount
from lib.reading import tags
from lib.scratch import scratch
from lib.tap import equal, note, run, test, true

OFF, RUNNING, PAUSED = "shut off", "running", "paused"
ONE, TWO = {"vda": "qcow2"}, {"vda": "qcow2", "vdb": "qcow2"}
THREE = {"vda": "qcow2", "vdb": "raw", "vdc": "qcow2"}
DOCUMENT = """document disk-only
<domainsnapshot><name>{name}</name><disks>
  <disk name='vda' snapshot='external'><source file='{path}-vda.{name}'/></disk>
  <disk name='vdb' snapshot='external'/></disks></domainsnapshot>
"""
NAMED = "{name} memspec={path}-{name}.memory diskspec=vda,snapshot=external,file={path}-vda.{name}\n"
# After so many snapshots the domain is made anew, because each attempt reads the bytes of all.
SNAPSHOTS_MAX = 8
# What a guest writes where no other write goes.
LATE, LATE_AT = 0xEE, 3 * MIB


class Kind:
    """The disks, what is written to `create`, and the domain's state before."""

    def __init__(self, disks, text, state=RUNNING, internal=False, agent=False):
        self.disks, self.text, self.state = disks, text, state
        self.internal, self.agent = internal, agent


KINDS = {
    "disks": Kind(TWO, "{name} disk-only\n"),
    "saves": Kind(TWO, "{name} external\n"),
    "named": Kind(TWO, NAMED),
    "tags": Kind(TWO, "{name}\n", internal=True),
    "written": Kind(TWO, DOCUMENT),
    "several": Kind(THREE, "{name} disk-only\n"),
    "quiet": Kind(ONE, "{name} disk-only quiesce\n", agent=True),
    "halted": Kind(ONE, "{name} disk-only halt\n"),
    "paused": Kind(TWO, "{name} disk-only\n", PAUSED),
    "pausedsaves": Kind(TWO, "{name} external\n", PAUSED),
    "pausedtags": Kind(ONE, "{name}\n", PAUSED, internal=True),
    "off": Kind(TWO, "{name} disk-only\n", OFF),
    "offwritten": Kind(TWO, DOCUMENT, OFF),
    "offtags": Kind(TWO, "{name}\n", OFF, internal=True),
}


class Quiet(WithAgent):
    """Its agent's socket is made anew with each start."""

    def start(self, *flags):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.channel)
        super().start(*flags)


class Making:
    """A domain whose snapshots' bytes are known, and which gets more of them. `dies`: QEMU is killed."""

    def __init__(self, domain, directory, kind, dies):
        self.domain, self.held, self.kind, self.dies = domain, Held(domain), kind, dies
        self.count = 0
        self.log, self.armed = os.path.join(directory, "moments"), os.path.join(directory, "armed")
        self.outcomes = []

    def begin(self):
        """Prepares the next attempt: the state, and bytes that no snapshot has."""
        self.count += 1
        wanted = self.kind.state
        if self.domain.state() == PAUSED:
            self.domain.virsh("resume", self.domain.name)
        if (wanted != OFF) != self.domain.running():
            self.domain.destroy() if wanted == OFF else self.domain.start()
        self.write()
        if wanted == PAUSED:
            self.domain.virsh("suspend", self.domain.name)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.log)

    def write(self):
        for index, disk in enumerate(self.domain.disks):
            place = (self.count % 3) * MIB + index * STEP
            self.domain.write(self.count % 251 + 1, place, targets=[disk.target])

    def look(self):
        domain = self.domain
        return domain.current(), domain.snapshots(), self.live_files(), self.held.live(), domain.state()

    def live_files(self):
        return [self.domain.live_source(disk.target)[0] for disk in self.domain.disks]

    def state_after(self, state, made):
        """Of a domain that was in that state."""
        halted = made and "halt" in self.kind.text
        return OFF if halted or (self.dies and not self.domain.running()) else state

    def ask(self, name, mount):
        path = os.path.join(self.domain.directory, self.domain.name)
        write(mount.path(self.domain.name, "create"), self.kind.text.format(name=name, path=path))

    def attempt(self, name, mount):
        try:
            self.ask(name, mount)
        except OSError as error:
            note(f"{name}: {error} {mount.said()[-600:]}")
            return False
        return True

    def check(self, name, before, done):
        """Checks that everything is as before, or the snapshot is right; returns whether it is there."""
        domain, held = self.domain, self.held
        now = self.look()
        made = name in now[1]
        true(made or not done, f"it was made, and is not there: {now}")
        if made:
            equal((now[0], now[3]), (name, before[3]), "the current snapshot and the live disks")
            held.note(name)
            equal(held.bytes[name], before[3], "the bytes of the snapshot")
        else:
            equal(now[:4], before[:4], "what was there")
        state = self.state_after(before[4], made)
        equal(now[4], state, f"the state ({domain.virsh('domstate', '--reason', domain.name)})")
        held.check()
        self.check_config()
        self.check_files()
        if self.kind.agent and domain.running():
            true(not domain.agent.frozen, "the guest is still frozen")
        return made

    def check_files(self):
        equal(images(self.domain), needed(self.domain) | memories(self.domain), "files")
        equal(journals(), [], "journals")
        wanted = set(self.domain.snapshots()) if self.kind.internal else set()
        for disk in self.domain.disks:
            equal(tags_of(self.domain, disk.target), wanted, f"the tags in {disk.target}")

    def check_config(self):
        """The next start is on what the guest writes to now."""
        domain = self.domain
        config = ElementTree.fromstring(domain.virsh("dumpxml", "--inactive", domain.name))
        found = [disk.find("source").get("file") for disk in config.findall("devices/disk")]
        if domain.running():
            equal(qemu_files(domain), found, "QEMU's files, and those of the configuration")
        if self.live_files() != found:
            self.restart()
        equal(self.live_files(), found, "the live disks, and those of the domain's configuration")

    def restart(self):
        """libvirt was cut off when it had QEMU's answer, and does not know where QEMU is."""
        note("libvirt has lost sight of QEMU's files")
        if self.domain.state() == PAUSED:
            self.domain.virsh("resume", self.domain.name)
        self.domain.write(LATE, LATE_AT)
        self.domain.destroy()
        self.domain.start()
        for index in range(len(self.domain.disks)):
            self.domain.read(index, LATE, LATE_AT)
        true("verification failed" not in self.domain.log(), "a write of the guest is lost")
        self.held.check()

    def again(self, name):
        """Makes a snapshot that was not made."""
        with Mount(SYSTEM, "cache=0", f"domain={self.domain.name}") as mount:
            try:
                self.ask(name, mount)
            except OSError as error:
                # libvirt no longer knows its QEMU's files, or its present command.
                said = last_log(mount, self.domain)
                true(self.kind.state != OFF and error.errno != errno.EEXIST, said)
                note(f"again, after a start: {said}")
                self.domain.destroy()
                self.domain.start()
                self.ask(name, mount)
        self.held.note(name)
        equal(self.domain.current(), name, "the current snapshot")
        self.check_files()

    def judge(self, at, moment, name, before, done):
        made = self.check(name, before, done)
        self.outcomes.append((at, moment, made))
        if self.dies and not self.domain.running() and "halt" not in self.kind.text:
            self.domain.start()
        if not made:
            self.again(name)

    def tell(self):
        note(" ".join(f"{at}:{moment}:{'new' if made else 'old'}" for at, moment, made in self.outcomes))


def memories(domain):
    """The memory files that snapshots name."""
    found = [ElementTree.fromstring(one).find("memory").get("file") for one in snapshot_documents(domain).values()]
    return {os.path.basename(path) for path in found if path}


def qemu_files(domain):
    """The files that QEMU itself has its disks on."""
    said = json.loads(domain.virsh("qemu-monitor-command", domain.name, '{"execute":"query-block"}'))
    return [one["inserted"]["file"] for one in sorted(said["return"], key=lambda one: one["qdev"])]


def images(domain):
    return {name for name in files(domain) if not name.endswith((".xml", ".agent"))}


def tags_of(domain, target):
    source, format = domain.live_source(target)
    return set(tags(source)) if format == "qcow2" else set()


def moments(log):
    with contextlib.suppress(FileNotFoundError), open(log, encoding="ascii") as file:
        return file.read().split()
    return []


# ---- the victims, each with its moments: a function kills at one, and returns whether the snapshot was made


def snapfs(making, at, name):
    with dying(making.domain, at, making.log) as mount:
        return making.attempt(name, mount)


def daemon_between(making, at, name):
    with reviving(), dying(making.domain, at, making.log, KILL_PID_FILE=daemon.PID_FILE) as mount:
        return outlived(making, name, mount)


def qemu_between(making, at, name):
    with dying(making.domain, at, making.log, KILL_PID_FILE=pid_file(making)) as mount:
        return outlived(making, name, mount)


def outlived(making, name, mount):
    """A snapfs that lives settles by itself what it can."""
    done = making.attempt(name, mount)
    mount.end()
    return done


def daemon_within(making, at, name, **more):
    daemon.restart_dying(at, making.log, making.armed, **more)
    with reviving(), Mount(SYSTEM, "cache=0", f"domain={making.domain.name}") as mount:
        with open(making.armed, "wb"):
            done = making.attempt(name, mount)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(making.armed)
        settled()
    daemon.restart()
    return done


def qemu_within(making, at, name):
    return daemon_within(making, at, name, KILL_PID_FILE=pid_file(making))


def pid_file(making):
    return f"/run/libvirt/qemu/{making.domain.name}.pid"


VICTIMS = (snapfs, daemon_between, qemu_between, daemon_within, qemu_within)


def at_moment(making, at, victim):
    """Whether the moment came."""
    making.begin()
    name, before = f"s{making.count}", making.look()
    done = victim(making, at, name)
    came = moments(making.log)
    with Mount(SYSTEM, "cache=0", f"domain={making.domain.name}") as mount:
        settled()
        making.held.mount = mount
        making.judge(at, came[at - 1] if len(came) >= at else "end", name, before, done)
    return len(came) >= at


@contextlib.contextmanager
def made_on(name, directory, kind, victim):
    with (Quiet if kind.agent else Domain)(name, directory, kind.disks, 4 * MIB) as domain:
        making = Making(domain, directory, kind, victim in (qemu_between, qemu_within))
        yield making
        making.tell()


def at_moments(directory, word, victim, chosen):
    """Kills at these moments in turn, up to the first that does not come."""
    for start in range(0, len(chosen), SNAPSHOTS_MAX):
        few = chosen[start : start + SNAPSHOTS_MAX]
        name = f"{word}-{VICTIMS.index(victim)}-{few[0]}"
        with made_on(name, directory, KINDS[word], victim) as making:
            if not all(at_moment(making, at, victim) for at in few):
                return


ALL = range(1, MOMENTS_MAX)
# The first moment after libvirt's call, which is to freeze the guest or to make the snapshot.
CALLED = FROZEN = 2
# When QEMU is on the overlays of two disks, and libvirt has not noted that.
SWITCHED = 34
SHORT = (
    ("disks", snapfs, ALL),
    ("saves", snapfs, (CALLED,)),
    ("offtags", snapfs, (CALLED,)),
    ("halted", snapfs, (CALLED,)),
    ("paused", snapfs, (CALLED,)),
    ("disks", daemon_within, (19, SWITCHED)),
    ("saves", daemon_within, (4,)),
    ("tags", daemon_within, (4,)),
    ("off", daemon_within, (3,)),
    ("offtags", daemon_within, (1,)),
    ("disks", qemu_within, (22,)),
    ("named", qemu_within, (37,)),
    ("tags", qemu_within, (3,)),
    ("written", daemon_between, (CALLED,)),
    ("quiet", daemon_between, (FROZEN,)),
    ("several", qemu_between, (CALLED,)),
)


def of(word, victim, chosen):
    def kind_is_made(directory):
        at_moments(directory, word, victim, chosen)

    kind_is_made.__name__ = f"{word}_and_{victim.__name__}_is_killed"
    test(kind_is_made)


if os.environ.get("KILL_ALL"):
    for victim in VICTIMS:
        for word, kind in KINDS.items():
            if kind.state != OFF or victim not in (qemu_between, qemu_within):
                of(word, victim, ALL)
else:
    for one in SHORT:
        of(*one)


with scratch() as directory:
    run(directory)
