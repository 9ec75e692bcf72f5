# SPDX-License-Identifier: GPL-3.0-or-later
"""Images made by QEMU, and the bytes that QEMU reads from them."""

import json
import os
import random
import shutil
import subprocess

from lib.command import attempt, must
from lib.tap import fail, true

CAT = os.environ["SNAPFS_CAT"]
KI, MI = 1024, 1024 * 1024


def seeded(seed=None):
    """A random generator whose seed is printed; SNAPFS_SEED repeats a run."""
    seed = int(os.environ.get("SNAPFS_SEED", seed or random.randrange(1 << 32)))
    print(f"# SNAPFS_SEED={seed}", flush=True)
    return random.Random(seed)


def create(path, size, backing=None, format="qcow2", **options):
    """qemu-img create; options such as cluster_size, with `backing` = (name, format)."""
    below = ["-b", backing[0], "-F", backing[1], "-u"] if backing else []
    extra = ",".join(f"{key}={value}" for key, value in options.items())
    must("qemu-img", "create", "-q", "-f", format, *below, *(["-o", extra] if extra else []), path, size)
    return path


def io(path, commands, format="qcow2"):
    """One qemu-io process that runs the commands."""
    arguments = [part for command in commands for part in ("-c", command)]
    result = attempt("qemu-io", "-f", format, *arguments, path)
    true(result.status == 0 and "failed" not in result.out + result.err, str(result))


def size_of(path, format="qcow2"):
    return json.loads(must("qemu-img", "info", "-f", format, "--output=json", path))["virtual-size"]


def scribble(path, rng, directory, count=40, compress=0, discard=True, cluster=64 * KI):
    """Random writes, zeros and discards, and `compress` compressed clusters before them.

    Those go in a process of their own: QEMU's `write -c` after freeing a cluster in the same process
    can leave a cluster that it cannot read itself.
    """
    size = size_of(path)
    noise = os.path.join(directory, "noise")
    with open(noise, "wb") as file:
        for _ in range(8):
            file.write(rng.randbytes(64 * KI) + bytes([rng.randrange(256)]) * 64 * KI)
    clusters = range(size // cluster)
    places = rng.sample(clusters, min(compress, len(clusters)))
    if places:
        io(path, [_write("-c", at * cluster, cluster, rng, noise) for at in places])
    io(path, [_anything(size, rng, noise, discard) for _ in range(count)])


def _write(flag, offset, length, rng, noise):
    if rng.random() < 0.5:
        return f"write {flag} -P {rng.randrange(1, 256)} {offset} {length}"
    return f"write {flag} -s {noise} {offset} {length}"


def _anything(size, rng, noise, discard):
    offset = rng.randrange(size // 512) * 512
    length = min(size - offset, rng.choice([512, 4 * KI, 20 * KI, 64 * KI, 300 * KI, MI]))
    kinds = ["write"] * 6 + ["zero", "zero -u"] + (["discard"] if discard else [])
    kind = rng.choice(kinds)
    if kind == "write":
        return _write("", offset, length, rng, noise)
    if kind == "discard":
        return f"discard {offset} {length}"
    return f"write -z {'-u ' if kind.endswith('u') else ''}{offset} {length}"


def snapshot(path, name):
    must("qemu-img", "snapshot", "-c", name, path)


def resize(path, size):
    must("qemu-img", "resize", "-q", "-f", "qcow2", "--shrink", path, size)


def tags(path):
    info = json.loads(must("qemu-img", "info", "-f", "qcow2", "--output=json", path))
    return [(one["id"], one["name"]) for one in info.get("snapshots", [])]


def expected(path, format="qcow2", id=None):
    """A raw file of QEMU's reading. For a snapshot, QEMU reads a copy reverted to it, because `convert -l` takes
    the size of the disk as it is now."""
    out = f"{path}.{id or 'now'}.raw"
    source = path
    if id:
        source = os.path.join(os.path.dirname(path), "reverted-" + os.path.basename(path))
        shutil.copyfile(path, source)
        must("qemu-img", "snapshot", "-a", id, source)
    must("qemu-img", "convert", "-f", format, "-O", "raw", source, out)
    if id:
        os.unlink(source)
    return out


def cat(path, *options, format="qcow2"):
    """The bytes that snapfs-cat writes."""
    done = subprocess.run([CAT, "-f", format, *map(str, options), path], capture_output=True, timeout=120)
    if done.returncode:
        fail(f"snapfs-cat {options} {path}: {done.stderr.decode()}")
    return done.stdout


def load(path):
    with open(path, "rb") as file:
        return file.read()


def first_difference(ours, theirs):
    if len(ours) != len(theirs):
        return f"{len(ours)} bytes, QEMU has {len(theirs)}"
    for at in range(0, len(ours), 512):
        if ours[at : at + 512] != theirs[at : at + 512]:
            return f"they differ at {at}"
    return None


def compare(path, rng, *which, format="qcow2", id=None):
    """Checks that snapfs-cat's whole output, parts of it and a sparse copy are QEMU's bytes; returns them."""
    want = expected(path, format, id)
    theirs = load(want)
    difference = first_difference(cat(path, *which, format=format), theirs)
    true(not difference, f"{path} {which}: {difference}")
    for _ in range(4):
        offset, length = rng.randrange(len(theirs)), rng.randrange(1, 400 * KI)
        part = cat(path, *which, "-o", offset, "-l", length, format=format)
        true(part == theirs[offset : offset + length], f"{path} {which}: {length} bytes at {offset}")
    copy = path + ".copy"
    must(CAT, "-f", format, *which, "--output", copy, path)
    difference = first_difference(load(copy), theirs)
    true(not difference, f"sparse copy of {path} {which}: {difference}")
    os.unlink(copy)
    os.unlink(want)
    return theirs


def parse_map(text):
    """Returns the extents of a map, with neighbours merged: QEMU versions cut them differently."""
    merged = []
    for one in json.loads(text):
        host = one.get("offset") if one["present"] else None
        row = [one["start"], one["length"], one["depth"], one["present"], one["zero"], one["data"], host]
        if merged and _carries_on(merged[-1], row):
            merged[-1][1] += row[1]
        else:
            merged.append(row)
    return merged


def _carries_on(before, row):
    follows = before[6] is None and row[6] is None
    if before[6] is not None and row[6] is not None:
        follows = before[6] + before[1] == row[6]
    return before[2:6] == row[2:6] and follows


def compare_maps(path, format="qcow2"):
    """Checks that snapfs-cat's map is QEMU's; returns the number of extents."""
    ours = parse_map(must(CAT, "-f", format, "--map", path))
    theirs = parse_map(must("qemu-img", "map", "-f", format, "--output=json", path))
    for mine, other in zip(ours, theirs):
        true(mine == other, f"map of {path}:\nours {mine}\nQEMU {other}")
    true(len(ours) == len(theirs), f"map of {path}: {len(ours)} extents, QEMU has {len(theirs)}")
    return len(ours)


def same(path, *which, id=None):
    """Checks that snapfs-cat's bytes and map are QEMU's; returns the bytes."""
    want = load(expected(path, id=id))
    difference = first_difference(cat(path, *which), want)
    true(not difference, f"{path} {which}: {difference}")
    if not id:
        compare_maps(path)
    return want


def full_base(directory):
    path = os.path.join(directory, "base")
    if not os.path.exists(path):
        create(path, 4 * MI)
        io(path, ["write -P 7 0 4M"])
    return path


def overlay(directory, name, commands=("write -P 9 1M 300k",), **options):
    """A disk of 4 MiB over a full base."""
    full_base(directory)
    path = create(os.path.join(directory, name), 4 * MI, backing=("base", "qcow2"), **options)
    io(path, list(commands))
    return path
