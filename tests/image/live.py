# SPDX-License-Identifier: GPL-3.0-or-later
"""Readers of images that QEMU changes all the time: no byte is wrong, and enough reads succeed.

SNAPFS_LIVE_SECONDS makes it longer.
"""

import os
import re
import subprocess
import tempfile
import time

from disks import MI, create, io, seeded, snapshot
from lib.command import attempt, must
from lib.scratch import scratch
from lib.tap import equal, note, run, test, true
from qemu import Qemu

READER = os.environ["SNAPFS_LIVE_READER"]
SECONDS, ROUNDS = int(os.environ.get("SNAPFS_LIVE_SECONDS", "4")), 5
SIZE = 4 * MI
CLASSES, ACTIVE = 16, 15


class Values:
    """A new byte for each generation of a tag: v % 16 is the tag's number, ACTIVE means no tag."""

    def __init__(self):
        self.round = 0

    def next(self, kind):
        self.round += 1
        return self.round % 15 * CLASSES + kind


def while_read(path, tags, change, least=100):
    """Calls `change` for SECONDS and ROUNDS at least, beside readers that are ended in any case.
    No byte is wrong, no read fails in an unexpected way, and at least so many reads are right."""
    with tempfile.TemporaryFile("w+") as errors, subprocess.Popen(
            [READER, path, "3", *tags], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            text=True) as process:
        try:
            rounds, until = 0, time.monotonic() + SECONDS
            while rounds < ROUNDS or time.monotonic() < until:
                change()
                rounds += 1
            out, _ = process.communicate()
        finally:
            process.kill()
        errors.seek(0)
        err = errors.read(2000)
    note(f"{out.strip()} in {rounds} rounds")
    counts = {word: int(number) for word, number in re.findall(r"(\w+) (\d+)", out)}
    equal(counts.get("wrong"), 0, f"wrong reads: {out}{err}")
    equal(counts["failed"], 0, f"unexpected errors: {err}")
    true(counts["right"] >= least, f"too few were right: {out}")


def qemu_round(qemu, values, rng, there):
    """Some writes, then a snapshot made or deleted or made again."""
    kind = rng.randrange(4)
    tag = f"t{kind}"
    if tag in there:
        qemu.do("blockdev-snapshot-delete-internal-sync", device="disk", name=tag)
        there.discard(tag)
    qemu.io(f"write -P {values.next(ACTIVE)} {rng.randrange(4)}M 1M")
    qemu.io(f"discard {rng.randrange(8) * 512}k 512k")
    if rng.random() < 0.8:
        qemu.io(f"write -P {values.next(kind)} 0 {SIZE}")
        qemu.do("blockdev-snapshot-internal-sync", device="disk", name=tag)
        there.add(tag)
    qemu.io(f"write -P {values.next(ACTIVE)} 0 {SIZE}")


def stress(directory, rng, name, cache="writeback", **options):
    path = create(os.path.join(directory, name), SIZE, **options)
    values, there = Values(), set()
    with Qemu(path, **({"cache": {"direct": True}} if cache == "none" else {})) as qemu:
        while_read(path, ["t0", "t1", "t2", "t3"], lambda: qemu_round(qemu, values, rng, there))


@test
def internal_snapshots_of_a_running_qemu(rng, directory):
    stress(directory, rng, "run-64k", cache="none")


@test
def internal_snapshots_in_small_clusters(rng, directory):
    stress(directory, rng, "run-4k", cluster_size="4k")


@test
def internal_snapshots_with_subclusters(rng, directory):
    stress(directory, rng, "run-sub", extended_l2="on", lazy_refcounts="on")


@test
def internal_snapshots_by_qemu_img(rng, directory):
    path = create(os.path.join(directory, "tool"), SIZE)
    values, there = Values(), set()

    def change():
        kind = rng.randrange(2)
        if f"t{kind}" in there:
            must("qemu-img", "snapshot", "-d", f"t{kind}", path)
        io(path, [f"write -P {values.next(kind)} 0 {SIZE}"])
        snapshot(path, f"t{kind}")
        io(path, [f"write -P {values.next(ACTIVE)} 0 {SIZE}"])
        there.add(f"t{kind}")

    while_read(path, ["t0", "t1"], change)


def commits_into(base, overlay):
    """The base, full of one value, and a function that commits another value into it."""
    values = Values()
    create(base, SIZE)
    io(base, [f"write -P {values.next(0)} 0 {SIZE}"])

    def change():
        create(overlay, SIZE, backing=(os.path.basename(base), "qcow2"))
        io(overlay, [f"write -P {values.next(0)} 0 {SIZE}"])
        must("qemu-img", "commit", "-q", overlay)

    return change


@test
def commits_into_a_file_being_read(rng, directory):
    base = os.path.join(directory, "base")
    change = commits_into(base, os.path.join(directory, "overlay"))
    while_read(base, ["-"], change)


@test
def commits_below_the_file_being_read(rng, directory):
    """The top is empty: every byte comes from the file below."""
    change = commits_into(os.path.join(directory, "low"), os.path.join(directory, "side"))
    top = create(os.path.join(directory, "top"), SIZE, backing=("low", "qcow2"))
    while_read(top, ["-"], change)


@test
def the_disk_of_a_running_qemu_is_refused(rng, directory):
    path = create(os.path.join(directory, "active"), SIZE)
    with Qemu(path):
        result = attempt(os.environ["SNAPFS_CAT"], "-f", "qcow2", path)
    equal((result.status, result.out), (1, ""), "the active layer")
    true("in use" in result.err, result.err)
    equal(len(must(os.environ["SNAPFS_CAT"], "-f", "qcow2", path)), SIZE, "once it ended")


with scratch() as place:
    run(seeded(), place)
