# SPDX-License-Identifier: GPL-3.0-or-later
"""The growth of a file by a merge: the forecast is at least the space that QEMU's commit takes.

SNAPFS_GROWTH_PAIRS pairs of random files, of each kind of base, from SNAPFS_SEED.
"""

import os
import random

from lib.command import must
from lib.scratch import scratch
from lib.tap import note, run, test, true

GROWTH_OF = os.environ["SNAPFS_GROWTH_OF"]
PAIRS = int(os.environ.get("SNAPFS_GROWTH_PAIRS", "5"))
KI, MI = 1 << 10, 1 << 20


def stored(path):
    """Returns the space that the file takes on its file system."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        return os.fstat(file.fileno()).st_blocks * 512


def change(rng, path, format, size):
    """Writes, zeros and holes here and there, or all over."""
    commands = []
    step = rng.choice([512, 4 * KI, 64 * KI, MI])
    share = rng.random() ** 2
    at = 0
    while at < size and len(commands) < 400:
        length = min(step * rng.randint(1, 4), size - at)
        if rng.random() < share:
            kind = rng.choice(["write -P 7", "write -P 7", "write -P 7", "write -z", "discard"])
            commands += ["-c", f"{kind} {at} {length}"]
        at += length * rng.randint(1, 3)
    if commands:
        must("qemu-io", "-d", "unmap", "-f", format, *commands, path)


def create(rng, path, size, base=None):
    cluster = rng.choice([512, 512, KI, 4 * KI, 4 * KI, 64 * KI, 2 * MI])
    options = f"cluster_size={cluster},refcount_bits={rng.choice([1, 16, 16, 64])}"
    if cluster >= 16 * KI and rng.random() < 0.3:
        options += ",extended_l2=on"
    below = ["-b", base[0], "-F", base[1]] if base else []
    must("qemu-img", "create", "-q", "-f", "qcow2", "-o", options, *below, path, size)
    return options


def pair(rng, directory, format):
    """Makes a base and an overlay on it, and describes both."""
    base, top = os.path.join(directory, "base"), os.path.join(directory, "top")
    for path in (base, top):
        if os.path.exists(path):
            os.unlink(path)
    size = rng.randint(1, 24) * MI + rng.choice([0, 512])
    like = format
    if format == "raw":
        must("qemu-img", "create", "-q", "-f", "raw", base, size)
    else:
        like = create(rng, base, size)
    for _ in range(rng.randint(0, 3)):
        change(rng, base, format, size)
        if format == "qcow2" and "bits=1," not in like + "," and rng.random() < 0.3:
            must("qemu-img", "snapshot", "-c", "tag", base)
            like += ", a tag"
    larger = size + rng.choice([0, 0, 0, 8 * MI, 64 * MI])
    like += f", {size} bytes, under {create(rng, top, larger, (base, format))}, {larger} bytes"
    for _ in range(rng.randint(1, 3)):
        change(rng, top, "qcow2", larger)
    return base, top, like


def merged(directory, format):
    seed = int(os.environ.get("SNAPFS_SEED", "1"))
    rng = random.Random(f"{seed}{format}")
    note(f"SNAPFS_SEED={seed}")
    told = taken = 0
    for number in range(PAIRS):
        base, top, like = pair(rng, directory, format)
        growth = int(must(GROWTH_OF, top, base, format))
        before = stored(base)
        must("qemu-img", "commit", "-q", "-d", "-f", "qcow2", top)
        grown = stored(base) - before
        true(grown <= growth, f"pair {number}, {like}: {growth} bytes are told, and it took {grown}")
        told, taken = told + growth, taken + max(grown, 0)
    note(f"{told} bytes told, {taken} taken")
    true(told <= 3 * taken + PAIRS * MI, f"{told} bytes are told, and {taken} were taken")


@test
def a_qcow2_grows_by_no_more(directory):
    merged(directory, "qcow2")


@test
def a_raw_file_grows_by_no_more(directory):
    merged(directory, "raw")


with scratch() as top:
    run(top)
