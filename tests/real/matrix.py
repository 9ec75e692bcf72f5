"""Random operations on trees of snapshots of every kind, from seeds: nobody's bytes change but those
that were asked to, no file is left or missing, no daemon ends, and few operations are refused.

SNAPFS_MATRIX_SEED is the first seed, SNAPFS_MATRIX_OPERATIONS the number for each of
SNAPFS_MATRIX_RUNS seeds from there on. SNAPFS_MATRIX_REPLAY is a file of the operations that a
failure has printed, from `disks` on.
"""

import contextlib
import os

from lib.command import must
from lib.domain import SYSTEM
from lib.matrix.session import Count, Session, stage
from lib.scratch import scratch
from lib.tap import Failure, note, run, test, true

REPLAY = os.environ.get("SNAPFS_MATRIX_REPLAY")
# Of so many operations one may be refused.
REFUSED_ONE_IN = 20


def setting(name, default):
    return int(os.environ.get(f"SNAPFS_MATRIX_{name}", default))


def say(what, count):
    line = must("virsh", "-c", SYSTEM, "version").splitlines()[1]
    note(f"{what}, libvirt {line.split()[-1]}: {count}")


def of_seed(seed):
    """The test of that seed."""

    def operations(directory, total):
        count = Session(directory, seed).run(setting("OPERATIONS", 30))
        say(f"seed {seed}", count)
        total.add(count)

    operations.__name__ = f"operations_of_seed_{seed}"
    return operations


def few_are_refused(_, total):
    say("all seeds", total)
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
    """Somebody writes to the file, below what stands on it; before, it held that byte there."""
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
    with stage(directory, "spoilt", {"vda": "qcow2"}) as (actor, audit):
        domain = actor.domain
        base = domain.disks[0].path
        for number, words in enumerate((["create", "e1", "disk-only"], ["create", "i2", "internal"]), 1):
            actor.do(["write", "vda", str(number << 20), "4096", str(number)])
            actor.do(words)
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


def operations_of_a_file(directory, _):
    with open(REPLAY, encoding="utf-8") as file:
        Session(directory, "replay").replay(filter(str.strip, file.read().splitlines()))


if REPLAY:
    test(operations_of_a_file)
else:
    first = setting("SEED", 5)
    for seed in range(first, first + setting("RUNS", 2)):
        test(of_seed(seed))
    test(few_are_refused)
    test(whatever_is_spoilt_is_noticed)
with scratch() as directory:
    run(directory, Count())
