"""Random operations on trees of snapshots of every kind, from seeds: nobody's bytes change but those
that were asked to, no file is left or missing, no daemon ends, and few operations are refused.

SNAPFS_MATRIX_SEED is the first seed, SNAPFS_MATRIX_OPERATIONS the number for each of
SNAPFS_MATRIX_RUNS seeds from there on. SNAPFS_MATRIX_REPLAY is a file of the operations that a
failure has printed, from `disks` on.
"""

import os

from lib.command import must
from lib.domain import SYSTEM
from lib.matrix.session import Count, Session
from lib.scratch import scratch
from lib.tap import note, run, test, true

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


def operations_of_a_file(directory, _):
    with open(REPLAY, encoding="utf-8") as file:
        Session(directory, "replay").replay(filter(str.strip, file.read().splitlines()))


if REPLAY:
    test(operations_of_a_file)
else:
    first = setting("SEED", 1)
    for seed in range(first, first + setting("RUNS", 2)):
        test(of_seed(seed))
    test(few_are_refused)
with scratch() as directory:
    run(directory, Count())
