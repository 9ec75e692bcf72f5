# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot's saved memory is the bytes that QEMU reads, or a file as it is, or an error."""

import json
import os
import shutil
import struct
import subprocess

from disks import KI, MI, create, first_difference, io, load, resize, scribble, seeded, snapshot
from lib import reading
from lib.command import attempt, must
from lib.scratch import scratch
from lib.tap import equal, fail, holds, run, test, true

CAT = os.environ["SNAPFS_MEMORY_CAT"]
SIZE = 3 * MI + 512
NOISE = 700 * KI
# The snapshot table: bytes before the extra data, the places of the 32 bit fields, and the extra
# data's first field, the size of the memory.
FIXED, EXTRA_SIZE, NAME_SIZE, ID_SIZE = 40, 36, 14, 12


def save(path, directory, rng, *names):
    """For each name, another QEMU saves its memory, which holds other noise."""
    noise = os.path.join(directory, "noise")
    for name in names:
        with open(noise, "wb") as file:
            file.write(rng.randbytes(NOISE))
        must("qemu-system-x86_64", "-accel", "tcg", "-S", "-m", "16", "-nodefaults", "-display", "none",
             "-monitor", "stdio", "-drive", f"file={path},format=qcow2,if=ide",
             "-device", f"loader,file={noise},addr=0x100000,force-raw=on",
             text=f"savevm {name}\nquit\n")


def sizes(path):
    """The bytes of memory of each snapshot, by its name."""
    info = json.loads(must("qemu-img", "info", "-f", "qcow2", "--output=json", path))
    return {one["name"]: one["vm-state-size"] for one in info["snapshots"]}


def expected(path, name, size):
    """Returns the memory as QEMU reads it from a copy of the image that was reverted to the snapshot."""
    copy = path + ".reverted"
    shutil.copyfile(path, copy)
    must("qemu-img", "snapshot", "-a", name, copy)
    sectors = (size + 511) // 512 * 512
    dump = must("qemu-io", "-f", "qcow2", "-c", f"read -b -v 0 {sectors}", copy)
    os.unlink(copy)
    lines = reading.DUMPED.findall(dump)
    equal(len(lines) * 16, sectors, "bytes of qemu-io's dump")
    return bytes.fromhex("".join(lines))[:size]


def memory(path, tag, format="qcow2"):
    done = subprocess.run([CAT, format, path, *([tag] if tag else [])], capture_output=True, timeout=60)
    if done.returncode:
        fail(f"memory of {tag} in {path}: {done.stderr.decode()}")
    return done.stdout


def refusal(number, part, path, *tag, format="qcow2"):
    result = attempt(CAT, format, path, *tag)
    equal(result.status, 1, "exit status")
    holds(result.err, number + " ", "errno")
    holds(result.err, part, "sentence")


def entry(path, name):
    """Where a snapshot's entry begins in the file, and its L1 table."""
    data = load(path)
    count, at = struct.unpack_from(">IQ", data, 60)
    for _ in range(count):
        extra, = struct.unpack_from(">I", data, at + EXTRA_SIZE)
        ids, names = struct.unpack_from(">HH", data, at + ID_SIZE)
        begin = at + FIXED + extra + ids
        if data[begin : begin + names] == name.encode():
            return at, struct.unpack_from(">Q", data, at)[0]
        at += (FIXED + extra + ids + names + 7) // 8 * 8
    return fail(f"no '{name}'")


def poke(path, at, word):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(struct.pack(">Q", word))


def peek(path, at):
    return struct.unpack_from(">Q", load(path), at)[0]


@test
def saved_memory_is_what_qemu_reads(rng, directory):
    kinds = {"512": {"cluster_size": 512}, "2m": {"cluster_size": "2M"}, "sub": {"extended_l2": "on"}}
    for kind, options in kinds.items():
        path = create(os.path.join(directory, kind), SIZE, **options)
        scribble(path, rng, directory)
        save(path, directory, rng, "one", "two")
        snapshot(path, "none")
        resize(path, 64 * MI)
        scribble(path, rng, directory)
        size = sizes(path)
        true(size["one"] > NOISE and size["none"] == 0, f"sizes {size}")
        want = {name: expected(path, name, size[name]) for name in ("one", "two")}
        true(want["one"] != want["two"], "both memories are the same")
        for name, theirs in want.items():
            difference = first_difference(memory(path, name), theirs)
            true(not difference, f"memory of '{name}' in {kind}: {difference}")
        refusal("ENOENT", "has no memory saved with it", path, "none")
        refusal("ENOENT", "has no snapshot", path, "nobody")
        refusal("EINVAL", "none is named", path)


@test
def nothing_of_the_files_below_is_memory(rng, directory):
    base = create(os.path.join(directory, "below"), 1024 * MI)
    io(base, [f"write -P 7 {at}M 4M" for at in range(500, 540, 4)])
    path = create(os.path.join(directory, "above"), SIZE, backing=("below", "qcow2"))
    save(path, directory, rng, "one")
    size = sizes(path)["one"]
    theirs = expected(path, "one", size)
    equal(first_difference(memory(path, "one"), theirs), None, "memory above a longer file")
    at, l1 = entry(path, "one")
    table = peek(path, l1 + 8) & 0x00FFFFFFFFFFFE00
    poke(path, table + 8, 0)
    refusal("EIO", "byte 65536 of the saved memory: a part that was never written", path, "one")
    poke(path, l1 + 8, 0)
    refusal("EIO", "byte 0 of the saved memory", path, "one")


@test
def impossible_sizes(rng, directory):
    path = create(os.path.join(directory, "sizes"), SIZE)
    save(path, directory, rng, "one")
    at, _ = entry(path, "one")
    for size, part in ((1 << 63, "impossible size"), ((1 << 63) - 1, "impossible size"),
                       (1 << 40, "does not cover")):
        poke(path, at + FIXED, size)
        refusal("EINVAL", part, path, "one")
    poke(path, at + FIXED, 77)
    equal(len(memory(path, "one")), 77, "a size that is no multiple of a sector")


@test
def a_file_is_memory_as_it_is(rng, directory):
    path = os.path.join(directory, "saved")
    for length in (0, 1, 512, MI + 77):
        data = rng.randbytes(length)
        with open(path, "wb") as file:
            file.write(data)
        equal(memory(path, None, format="raw"), data, f"a file of {length} bytes")


@test
def an_encrypted_image_is_no_memory(_, directory):
    path = create(os.path.join(directory, "encrypted"), MI)
    with open(path, "r+b") as file:  # QEMU takes seconds to make one
        file.seek(32)
        file.write((2).to_bytes(4, "big"))
    refusal("EINVAL", "none is named", path)
    vdi = create(os.path.join(directory, "vdi"), MI, format="vdi")
    refusal("EINVAL", "which holds no memory", vdi, format="vdi")


with scratch() as place:
    run(seeded(), place)
