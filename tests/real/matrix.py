# SPDX-License-Identifier: GPL-3.0-or-later
"""Random operations on trees of snapshots of every kind, from seeds: only the requested bytes change, no file
is left or missing, no daemon ends, and few operations are refused.

The profiles are `own`, operations through the mount alone; `beside`, with what users do beside snapfs
and a clone of the domain; and `kills`, where snapfs, QEMU and libvirt's daemon are killed meanwhile.

SNAPFS_MATRIX_PROFILE is one of them (default: all), SNAPFS_MATRIX_SEED the first seed, and
SNAPFS_MATRIX_OPERATIONS the number for each of SNAPFS_MATRIX_RUNS seeds from there on; after
SNAPFS_MATRIX_SECONDS no other is begun. SNAPFS_MATRIX_REPLAY is a file of the operations that a failure
has printed, from `disks` on. SNAPFS_MATRIX_STATUS is a file that gets a line for each seed.
"""

import contextlib
import errno
import os
import time

from lib.command import must
from lib.domain import SYSTEM
from lib.matrix.actor import Actor
from lib.matrix.causes import Refusal
from lib.matrix.count import Count
from lib.matrix.model import MAIN
from lib.matrix.session import PROFILES, Session
from lib.matrix.world import world
from lib.scratch import scratch
from lib.tap import Failure, note, run, test, true

REPLAY = os.environ.get("SNAPFS_MATRIX_REPLAY")
STATUS = os.environ.get("SNAPFS_MATRIX_STATUS")
# One of so many operations may be refused.
REFUSED_ONE_IN = 20
# A short run: the first seed, the number of seeds, and the operations of each.
SHORT = {"own": (5, 1, 25), "beside": (28, 1, 16), "kills": (24, 1, 12)}


def setting(name, default):
    return int(os.environ.get(f"SNAPFS_MATRIX_{name}", default))


def libvirt():
    return must("virsh", "-c", SYSTEM, "version").splitlines()[1].split()[-1]


def say(what, count):
    said = f"{what}, libvirt {VERSION}: {count}"
    note(said)
    if STATUS:
        with open(STATUS, "a", encoding="utf-8") as file:
            print(said, *count.tell(), sep="\n    ", file=file)


def of_seed(profile, seed, operations, deadline):
    """The test of that seed."""

    def operations_of_seed(directory, total):
        session = Session(directory, profile, seed, deadline)
        try:
            session.run(operations)
        finally:
            say(f"{profile}, seed {seed}", session.count)
            total.add(session.count)

    operations_of_seed.__name__ = f"{profile}_operations_of_seed_{seed}"
    return operations_of_seed


def of_profile(profile):
    first, runs, operations = SHORT[profile]
    seconds = setting("SECONDS", 0)
    deadline = time.monotonic() + seconds if seconds else None
    first = setting("SEED", first)
    for seed in range(first, first + setting("RUNS", runs)):
        test(of_seed(profile, seed, setting("OPERATIONS", operations), deadline))


def few_are_refused(_, total):
    say("all seeds", total)
    for line in total.tell():
        note(line)
    true(
        len(total.refused) * REFUSED_ONE_IN <= total.operations(),
        "\n".join([f"{total}:", *total.refused]),
    )


@contextlib.contextmanager
def moved(path, other):
    os.rename(path, other)
    yield
    os.rename(other, path)


@contextlib.contextmanager
def tagged(path):
    must("qemu-img", "snapshot", "-c", "stray", path)
    yield
    must("qemu-img", "snapshot", "-d", "stray", path)


@contextlib.contextmanager
def marked(domain, name, current):
    domain.virsh("snapshot-current", domain.name, name)
    yield
    domain.virsh("snapshot-current", domain.name, current)


@contextlib.contextmanager
def overwritten(path, byte):
    """Another program writes to a file that has users; before, it had that byte there."""
    must("qemu-io", "-f", "qcow2", "-c", "write -P 0x77 1M 512", path)
    yield
    must("qemu-io", "-f", "qcow2", "-c", f"write -P {byte} 1M 512", path)


def is_noticed(audit):
    try:
        audit.check()
    except Failure as failure:
        note(str(failure).splitlines()[0])
        return True
    return False


def whatever_is_spoilt_is_noticed(directory, _):
    with world(directory, "spoilt", {"vda": "qcow2"}) as one:
        actor, audit = Actor(one, MAIN), one.audit
        domain = actor.domain
        base = domain.disks[0].path
        for number, words in enumerate((["create", "e1", "disk-only"], ["create", "i2", "internal"]), 1):
            actor.do(["write", "vda", str(number << 20), "4096", str(number)])
            actor.do(words)
            audit.check()
        actor.do(["write", "vda", "0", "512", "3"])
        live = domain.live_source("vda")[0]
        audit.check()
        for what, spoilt in {
            "a byte of a snapshot": overwritten(base, 1),
            "a byte of the live disk": overwritten(live, 1),
            "a tag": tagged(live),
            "the current mark": marked(domain, "e1", "i2"),
            "a file that nothing needs": moved(domain.path, f"{domain.path}.stray"),
            "a file that is missing": moved(base, f"{base}.away"),
        }.items():
            with spoilt:
                true(is_noticed(audit), f"{what} is not noticed")
        audit.check()


FILE = "/nowhere/a file"
# What snapfs might say of a domain of which nothing of that is so.
LIES = (
    (errno.EBUSY, "the domain has a saved state that a later start would resume on the reverted disks"),
    (errno.EBUSY, f"the live disk vda of a domain uses the image '{FILE}' in a mount, whose path needs this snapshot"),
    (errno.EBUSY, f"'vda.raw' of snapshot 'e1' is open: pid {os.getpid()} (qemu-system-x86); close it"),
    (errno.EOPNOTSUPP, f"'{FILE}' is inside a snapfs mount, whose files snapfs itself does not open"),
    (errno.EOPNOTSUPP, "the memory was saved when the domain was called 'another', and libvirt"),
    (errno.EBUSY, "'{}' cannot be copied for the revert, and others use it: the running domain writes to it"),
    (errno.EBUSY, "cannot revert disk 'vda': '{}' had another backing file when the snapshot was made"),
    (errno.EBUSY, "cannot merge '{}' into '{}': the image '{}' (no domain has it) uses them"),
    (errno.EBUSY, "cannot delete 'e1': the file '{}', which has disk 'vda', is away: No such file or directory"),
    (errno.EBUSY, "reverting would write to '{}', on which stands one (cannot be followed below '{}')"),
    (errno.EBUSY, "reverting would write to '{}', used by snapshot 'e2'"),
    (errno.EIO, "the backing file of '{}' is '{}' by its header, and none by the XML"),
    (errno.EBUSY, "reverting would put disk 'vda' on a chain without '{}', which the XML of snapshot 'e1' leaves out"),
    (errno.EBUSY, "the guest has been paused since its memory was last saved or restored"),
    (errno.EBUSY, "the domain is busy"),
    (errno.EIO, "libvirt: internal error"),
)


def is_believed(number, sentence, *of):
    try:
        return bool(Refusal(*of).explained(number, sentence))
    except Failure:
        return False


def a_refusal_is_explained_by_what_is_so(directory, _):
    with world(directory, "told", {"vda": "qcow2"}) as one:
        actor = Actor(one, MAIN)
        actor.do(["create", "e1", "disk-only"])
        one.audit.check()
        base = actor.domain.disks[0].path
        for number, sentence in LIES:
            for words in (["delete", "e1", "merge"], ["revert", "e1"]):
                told = sentence.format(*[base] * sentence.count("{}"))
                true(not is_believed(number, told, one, MAIN, words), f"believed: {told}")
        actor.do(["start"])
        actor.do(["suspend"])
        true(is_believed(*LIES[-3], one, MAIN, ["create", "e2"]), "the guest is paused")


def operations_of_a_file(directory, _):
    profile = os.environ.get("SNAPFS_MATRIX_PROFILE", "beside")
    with open(REPLAY, encoding="utf-8") as file:
        Session(directory, profile, "replay").replay(filter(str.strip, file.read().splitlines()))


VERSION = libvirt()
if REPLAY:
    test(operations_of_a_file)
else:
    for one in os.environ.get("SNAPFS_MATRIX_PROFILE", " ".join(PROFILES)).split():
        of_profile(one)
    test(few_are_refused)
    test(whatever_is_spoilt_is_noticed)
    test(a_refusal_is_explained_by_what_is_so)
with scratch() as directory:
    run(directory, Count())
