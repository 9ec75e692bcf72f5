"""Readers of images that QEMU changes all the while: not one wrong byte, and a sane number right.

SNAPFS_LIVE_SECONDS makes it longer.
"""

import json
import os
import re
import subprocess

from disks import MI, create, io, seeded
from lib.command import attempt, must
from lib.scratch import scratch
from lib.tap import equal, fail, note, run, test, true

READER = os.environ["SNAPFS_LIVE_READER"]
SECONDS = int(os.environ.get("SNAPFS_LIVE_SECONDS", "4"))
SIZE = 4 * MI
CLASSES, ACTIVE = 16, 15


class Values:
    """A new byte for each generation of a tag: v % 16 is the tag's number, ACTIVE means no tag."""

    def __init__(self):
        self.round = 0

    def next(self, kind):
        self.round += 1
        return self.round % 15 * CLASSES + kind


class Qemu:
    """A QEMU process with the image open for writing, commanded over QMP."""

    def __init__(self, path, **options):
        node = {"driver": "qcow2", "node-name": "disk", "discard": "unmap",
                "file": {"driver": "file", "filename": path, "discard": "unmap"}, **options}
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-M", "none", "-nodefaults", "-display", "none", "-qmp", "stdio",
             "-blockdev", json.dumps(node)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        self.do("qmp_capabilities")

    def do(self, command, **arguments):
        """Returns what QMP answers and the lines that QEMU printed besides."""
        print(json.dumps({"execute": command, "arguments": arguments}), file=self.process.stdin, flush=True)
        printed = []
        for line in self.process.stdout:
            answer = json.loads(line) if line.startswith("{") else printed.append(line) or {}
            if "error" in answer:
                fail(f"{command} {arguments}: {answer}")
            if "return" in answer:
                return answer["return"], "".join(printed)
        return fail(f"QEMU died of {command} {arguments}")

    def io(self, command):
        answer, printed = self.do("human-monitor-command", **{"command-line": f'qemu-io disk "{command}"'})
        true(" bytes at offset " in printed and not answer, f"{command}: {printed}{answer}")

    def end(self):
        self.do("quit")
        self.process.communicate(timeout=30)


def readers(path, *tags, threads=3):
    return subprocess.Popen([READER, path, str(SECONDS), str(threads), *tags],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def verdict(process, rounds, least):
    """Nothing wrong, nothing failed in an unexpected way, at least so many reads right."""
    out, err = process.communicate(timeout=SECONDS + 60)
    note(f"{out.strip()} in {rounds} rounds")
    counts = {word: int(number) for word, number in re.findall(r"(\w+) (\d+)", out)}
    equal(counts.get("wrong"), 0, f"wrong reads: {out}{err}")
    equal(counts["failed"], 0, f"unexpected errors: {err[-2000:]}")
    true(counts["right"] >= least, f"too few were right: {out}")
    true(rounds >= 5, f"only {rounds} rounds")


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
    qemu = Qemu(path, **({"cache": {"direct": True}} if cache == "none" else {}))
    process, rounds, values, there = readers(path, "t0", "t1", "t2", "t3"), 0, Values(), set()
    while process.poll() is None:
        qemu_round(qemu, values, rng, there)
        rounds += 1
    qemu.end()
    verdict(process, rounds, least=100)


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
    process, rounds, values, there = readers(path, "t0", "t1"), 0, Values(), set()
    while process.poll() is None:
        kind = rng.randrange(2)
        if f"t{kind}" in there:
            must("qemu-img", "snapshot", "-d", f"t{kind}", path)
        io(path, [f"write -P {values.next(kind)} 0 {SIZE}"])
        must("qemu-img", "snapshot", "-c", f"t{kind}", path)
        io(path, [f"write -P {values.next(ACTIVE)} 0 {SIZE}"])
        there.add(f"t{kind}")
        rounds += 1
    verdict(process, rounds, least=100)


@test
def commits_into_a_file_being_read(rng, directory):
    base = create(os.path.join(directory, "base"), SIZE)
    values, overlay = Values(), os.path.join(directory, "overlay")
    io(base, [f"write -P {values.next(0)} 0 {SIZE}"])
    process, rounds = readers(base, "-"), 0
    while process.poll() is None:
        create(overlay, SIZE, backing=("base", "qcow2"))
        io(overlay, [f"write -P {values.next(0)} 0 {SIZE}"])
        must("qemu-img", "commit", "-q", overlay)
        rounds += 1
    verdict(process, rounds, least=100)


@test
def commits_below_the_file_being_read(rng, directory):
    """The top is empty: every byte comes from the file below."""
    base, top = create(os.path.join(directory, "low"), SIZE), os.path.join(directory, "top")
    values, overlay = Values(), os.path.join(directory, "side")
    io(base, [f"write -P {values.next(0)} 0 {SIZE}"])
    create(top, SIZE, backing=("low", "qcow2"))
    process, rounds = readers(top, "-"), 0
    while process.poll() is None:
        create(overlay, SIZE, backing=("low", "qcow2"))
        io(overlay, [f"write -P {values.next(0)} 0 {SIZE}"])
        must("qemu-img", "commit", "-q", overlay)
        rounds += 1
    verdict(process, rounds, least=100)


@test
def the_disk_of_a_running_qemu_is_refused(rng, directory):
    path = create(os.path.join(directory, "active"), SIZE)
    qemu = Qemu(path)
    result = attempt(os.environ["SNAPFS_CAT"], "-f", "qcow2", path)
    qemu.end()
    equal((result.status, result.out), (1, ""), "the active layer")
    true("in use" in result.err, result.err)
    equal(len(must(os.environ["SNAPFS_CAT"], "-f", "qcow2", path)), SIZE, "once it ended")


with scratch() as place:
    run(seeded(), place)
