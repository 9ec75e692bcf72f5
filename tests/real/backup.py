# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/backup-vm and scripts/restore-vm with restic and borg: nights of a machine that goes on running,
a failure of each step, and a restore of the whole machine.

SNAPFS_BACKUP_NIGHTS is the number of nights.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

from lib import backups, control, reading
from lib.agent import WithAgent
from lib.command import attempt, must
from lib.domain import MIB, SYSTEM, Domain
from lib.held import Held, files
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, run, test, true
from lib.wait import until

SCRIPTS = os.path.join(os.path.dirname(__file__), "../../scripts")
NIGHTS = int(os.environ.get("SNAPFS_BACKUP_NIGHTS", 2))
DISKS = {"vda": "qcow2", "vdb": "raw"}
# Snapshots that backup-vm has not taken.
USERS = ("backup-before-upgrade", "backup-of-mine")


def backup_vm(mount, domain, place, *options):
    environment = backups.environment(place)
    return attempt(f"{SCRIPTS}/backup-vm", *options, mount.path(domain.name), env=environment)


def well(result):
    equal(result.status, 0, str(result))


def restored(place, tool, to):
    """Restores the tool's last backup below a directory."""
    os.mkdir(to)
    if tool == "restic":
        must("restic", "-q", "restore", "latest", "--target", to, env=backups.environment(place))
    else:
        archive = must("borg", "list", "--short", "--last", "1", env=backups.environment(place)).strip()
        must("borg", "extract", f"::{archive}", cwd=to, env=backups.environment(place))


def lose(domain):
    """Removes the machine and all its files."""
    domain.destroy()
    domain.virsh("undefine", domain.name, "--snapshots-metadata")
    for name in os.listdir(domain.directory):
        if name.startswith(f"{domain.name}-"):
            os.unlink(os.path.join(domain.directory, name))


def nights(directory, tool):
    name = f"web-{tool}"
    place = f"{directory}/backups"
    with Domain(name, directory, DISKS) as domain, Mount(SYSTEM, "flat") as mount:
        domain.start()
        held = Held(domain)
        for night in range(1, NIGHTS + 1):
            domain.write(night)
            domain.write(0x40 + night, 4 * MIB + night * 512, 512, ["vdb"])
            well(backup_vm(mount, domain, place, "-t", tool, "-k", str(NIGHTS - 1)))
            held.note(domain.current())
            equal(len(domain.snapshots()), min(night, NIGHTS - 1), f"snapshots after night {night}")
        made = sorted(held.bytes)
        domain.write(0x99)
        lose(domain)
        restored(place, tool, f"{directory}/back-{tool}")
        backup = f"{directory}/back-{tool}{mount.path(name)}"
        holds(must(f"{SCRIPTS}/restore-vm", backup, mount.point), f"with {NIGHTS} snapshots")
        equal(domain.parents(), dict(zip(made, [None, *made])), "the snapshots")
        equal(domain.current(), made[-1])
        held.check()
        held.mount = mount
        held.check_mount()
        held.is_live(made[-1])
        equal(domain.state(), "shut off")
        domain.start()
        equal(domain.state(), "running")
        domain.read(0, NIGHTS, MIB)
        domain.write(0x77, 2 * MIB)
        true("Pattern verification failed" not in domain.log(), "the guest reads other bytes")
        well(backup_vm(mount, domain, place, "-t", tool, "-k", str(NIGHTS - 1)))
        held.bytes = {one: digest for one, digest in held.bytes.items() if one in domain.snapshots()}
        held.note(domain.current())
        held.check()
        nowhere = attempt(f"{SCRIPTS}/restore-vm", backup, directory)
        holds(nowhere.err, "is no snapfs mount")
        equal(nowhere.status, 1)
        refusal = attempt(f"{SCRIPTS}/restore-vm", backup, mount.point)
        true(refusal.status, "a restore over the machine")
        held.check()


@test
def a_whole_machine_comes_back_from_restic(directory):
    nights(directory, "restic")


@test
def a_whole_machine_comes_back_from_borg(directory):
    nights(directory, "borg")


def interrupted(directory, domain, back, mount):
    """A restore that is told to end removes its own files and keeps all others."""
    bin = tempfile.mkdtemp(dir=directory)
    environment = dict(os.environ, PATH=f"{bin}:{os.environ['PATH']}", REAL=shutil.which("qemu-img"))
    theirs = f"{directory}/mixed.with-memory.memory"
    for after, said in (
        ("kill -TERM $PPID; exec sleep 100", "interrupted"),
        ("kill -INT $PPID; exec sleep 100", "interrupted"),
        (f"echo theirs >{theirs}", "File exists"),
    ):
        with open(f"{bin}/qemu-img", "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\n"$REAL" "$@" || exit\n{after}\n')
        os.chmod(file.name, 0o755)
        result = attempt(f"{SCRIPTS}/restore-vm", back, mount.point, env=environment)
        equal(result.status, 1, str(result))
        holds(result.err, said)
        equal((files(domain), domain.try_virsh("domuuid", "mixed").status), (set(), 1), f"what is left after: {after}")
    with open(theirs, encoding="utf-8") as file:
        equal(file.read(), "theirs\n")
    os.unlink(theirs)


@test
def branches_and_memory_come_back_and_internal_snapshots_are_named(directory):
    with machine(directory, "mixed") as (domain, mount, place):
        held = Held(domain)

        def snapshot(name, kind):
            domain.write(len(held.bytes) + 1)
            held.snapshot(name, kind)

        snapshot("inside", "internal")
        snapshot("first", "external")
        snapshot("with-memory", "memory")
        control.write(mount.path("mixed/by-name/first/revert"), "running\n")
        snapshot("branch", "external")
        domain.write(9)
        well(backup_vm(mount, domain, place))
        backup = domain.current()
        held.note(backup)
        del held.bytes["inside"]
        with open(mount.path("mixed/by-name/with-memory/memory"), "rb") as file:
            memory = file.read()
        lose(domain)
        os.unlink(f"{directory}/mixed.with-memory.memory")
        restored(place, "restic", f"{directory}/back-mixed")
        back = f"{directory}/back-mixed{mount.path('mixed')}"
        with away(f"{back}/by-name/branch/vda.raw"):
            true(attempt(f"{SCRIPTS}/restore-vm", back, mount.point).status, "a restore without an image")
        equal((files(domain), domain.try_virsh("domuuid", "mixed").status), (set(), 1), "what a failed one leaves")
        interrupted(directory, domain, back, mount)
        said = must(f"{SCRIPTS}/restore-vm", back, mount.point)
        holds(said, "not external: inside")
        equal(domain.parents(), {"first": None, "with-memory": "first", "branch": "first", backup: "branch"})
        held.check()
        held.mount = mount
        held.check_mount()
        held.is_live(backup)
        with open(mount.path("mixed/by-name/with-memory/memory"), "rb") as file:
            true(file.read() == memory, "the memory is another one")
        control.write(mount.path("mixed/by-name/with-memory/revert"), "running\n")
        equal(domain.state(), "running")
        held.is_live("with-memory")
        held.check()
        # domain.xml from after another snapshot, which is not in the backup.
        lose(domain)
        os.unlink(f"{directory}/mixed.with-memory.memory")
        with open(f"{back}/domain.xml", "r+", encoding="utf-8") as file:
            document = file.read()
            file.seek(0)
            file.truncate()
            file.write(document.replace(f".{backup}'", ".another'"))
        must(f"{SCRIPTS}/restore-vm", back, mount.point)
        held.check()
        held.is_live(backup)


@contextlib.contextmanager
def machine(directory, name, kind=Domain):
    """A running domain, a flat mount of it, and the directory of the repositories."""
    place = f"{directory}/backups"
    with kind(name, directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM, "flat", "cache=0") as mount:
        domain.start()
        yield domain, mount, place


@contextlib.contextmanager
def away(path):
    os.rename(path, f"{path}.away")
    try:
        yield
    finally:
        os.rename(f"{path}.away", path)


def attach_left_out(domain):
    """A disk that libvirt takes into no snapshot."""
    path, document = (os.path.join(domain.directory, f"{domain.name}-vdz.{end}") for end in ("raw", "xml"))
    must("qemu-img", "create", "-q", "-f", "raw", path, MIB)
    with open(document, "w", encoding="utf-8") as file:
        file.write(f"<disk type='file' device='disk' snapshot='no'><driver name='qemu' type='raw'/>"
                   f"<source file='{path}'/><target dev='vdz' bus='virtio'/></disk>")
    domain.destroy()
    domain.virsh("attach-device", domain.name, document, "--config")
    domain.start()


@test
def a_backup_that_fails_says_so_and_the_next_one_goes_on(directory):
    with machine(directory, "failing") as (domain, mount, place):
        with away(f"{place}/restic"):
            result = backup_vm(mount, domain, place, "-k", "2")
        equal(result.status, 1, str(result))
        holds(result.err, "restic ended with")
        with away(domain.disks[0].path):
            result = backup_vm(mount, domain, place, "-k", "2")
        equal(result.status, 1, str(result))
        holds(result.err, "restic ended with 3")
        for name in USERS:
            domain.snapshot(name, "external")
        well(backup_vm(mount, domain, place))
        attach_left_out(domain)
        result = backup_vm(mount, domain, place)
        well(result)
        equal([line for line in result.err.splitlines() if "is not saved" in line and "'vdz'" in line] != [], True,
              f"the disk that is left out is named in\n{result}")
        true("'vda'" not in result.err, f"and no other is in\n{result}")
        own = set(domain.snapshots()) - set(USERS)
        equal(len(domain.snapshots()), len(USERS) + 1, "snapshots")
        equal(len(own), 1, "backup-vm's own")
        for wrong in (["-k", "x"], ["-f", "-1"], ["-k", ""]):
            true(attempt(f"{SCRIPTS}/backup-vm", *wrong, mount.path(domain.name)).status == 1, f"{wrong}")
        result = attempt(f"{SCRIPTS}/backup-vm", mount.path("nobody"))
        equal(result.status, 1, str(result))
        holds(result.err, "no machine in a snapfs mount")


def made_days_ago(domain, name):
    """Has libvirt list the snapshot with an earlier time."""
    day = lambda found: f"<creationTime>{int(found[1]) - 3 * 86400}<"
    document = re.sub(r"<creationTime>(\d+)<", day, domain.snapshot_xml(name))
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
        file.write(document)
        file.flush()
        domain.virsh("snapshot-create", domain.name, file.name, "--redefine")


@test
def what_cannot_be_merged_is_left_until_it_is_old(directory):
    with machine(directory, "held") as (domain, mount, place):
        well(backup_vm(mount, domain, place))
        [first] = domain.snapshots()
        by_hand = f"{directory}/held-by-hand.qcow2"
        must("qemu-img", "create", "-q", "-f", "qcow2", "-b", domain.disks[0].path, "-F", "qcow2", by_hand)
        domain.write(2)
        result = backup_vm(mount, domain, place, "-f", "2")
        equal(result.status, 1, str(result))
        holds(result.err, f"'{first}' is left for the next run")
        made_days_ago(domain, first)
        result = backup_vm(mount, domain, place, "-f", "2")
        holds(result.err, f"'{first}' is older than 2 days")
        true(first not in domain.snapshots(), f"'{first}' is left\n{result}")
        os.unlink(by_hand)
        well(backup_vm(mount, domain, place))
        equal(len(domain.snapshots()), 1, "snapshots")
        reading.compare(domain, mount, directory)


@test
def what_is_open_is_left_and_goes_on_being_read(directory):
    with machine(directory, "open") as (domain, mount, place):
        well(backup_vm(mount, domain, place))
        [first] = domain.snapshots()
        expected = f"{directory}/expected"
        reading.by_qemu(domain, first, "vda", expected)
        with open(mount.path("open/by-name", first, "vda.raw"), "rb") as image:
            domain.write(9)
            result = backup_vm(mount, domain, place)
            equal(result.status, 1, str(result))
            holds(result.err, f"'{first}' is left for the next run")
            with open(expected, "rb") as file:
                true(image.read() == file.read(), "the reader got other bytes")
        well(backup_vm(mount, domain, place))
        equal(len(domain.snapshots()), 1, "snapshots")


@test
def an_interrupt_leaves_nothing_behind(directory):
    with machine(directory, "cut-off") as (domain, mount, place):
        well(backup_vm(mount, domain, place))
        programs, begun = f"{directory}/programs", f"{directory}/begun"
        os.mkdir(programs)
        os.mkfifo(f"{directory}/never")
        with open(f"{programs}/restic", "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\n: >{begun}\nread line <{directory}/never\n")
        os.chmod(f"{programs}/restic", 0o755)
        environment = dict(backups.environment(place), PATH=f"{programs}:{os.environ['PATH']}")
        process = subprocess.Popen(
            [f"{SCRIPTS}/backup-vm", mount.path(domain.name)], env=environment,
            stderr=subprocess.PIPE, text=True, start_new_session=True,
        )
        until(lambda: os.path.exists(begun), "restic runs")
        second = backup_vm(mount, domain, place)
        equal(second.status, 1)
        holds(second.err, "under way")
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate()[1]
        equal((process.returncode, len(domain.snapshots())), (1, 1), said)
        holds(said, "interrupted")
        well(backup_vm(mount, domain, place))


@test
def a_guest_with_an_agent_is_frozen(directory):
    with machine(directory, "agent", WithAgent) as (domain, mount, place):
        well(backup_vm(mount, domain, place))
        equal(domain.agent.heard[-2:], ["guest-fsfreeze-freeze", "guest-fsfreeze-thaw"])
        domain.agent.fails = {"guest-fsfreeze-freeze"}
        result = backup_vm(mount, domain, place)
        equal(result.status, 1, str(result))
        holds(result.err, "could not be frozen")
        equal(len(domain.snapshots()), 1, "snapshots")
        listed = must("restic", "snapshots", "--json", "--path", mount.path("agent"), env=backups.environment(place))
        equal(len(json.loads(listed)), 2, "backups: that without the agent is made as well")


with scratch() as directory:
    backups.prepare(["restic", "borg"], f"{directory}/backups")
    run(directory)
