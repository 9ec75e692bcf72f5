# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged and hostile images are refused with the right errno, within bounded time and memory, and a
damaged cluster costs that range only."""

import os
import resource
import subprocess

import defects  # noqa: F401 (adds its rows)
from corpus import COPIED, Patch, write_corpus
from disks import KI, MI, create, io
from lib.scratch import scratch
from lib.tap import equal, fail, holds, run, test, true

PROBE, SANITIZED = os.environ["SNAPFS_PROBE"], os.environ["SNAPFS_SANITIZE"] != "none"
# Limits of processor time; the clock is only for hangs.
SECONDS, CALL_MS, RESIDENT_KIB, HANGS = 20, 2000, 256 * KI, 120
# A sanitizer maps the whole address space, and has limits of its own.
LIMITS = {resource.RLIMIT_CPU: SECONDS, **({} if SANITIZED else {resource.RLIMIT_AS: 256 * MI})}
ASAN = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=16:max_allocation_size_mb=64"


def set_limits():
    for kind, most in LIMITS.items():
        resource.setrlimit(kind, (most, most))


def probe(path, *tag, format="qcow2"):
    """Returns the answer of tests/image/probe.c; the process stays within its bounds."""
    done = subprocess.run([PROBE, format, path, *tag], capture_output=True, text=True, errors="replace",
                          timeout=HANGS, preexec_fn=set_limits, env={**os.environ, "ASAN_OPTIONS": ASAN})
    if done.returncode:
        fail(f"probe {path}: {done.returncode} {done.stderr}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    true(used < RESIDENT_KIB, f"{path}: {used} KiB resident")
    return done.stdout


@test
def each_defect_is_refused(directory):
    rows = list(write_corpus(directory))
    wrong = []
    for path, tag, number, when, word in rows:
        line = probe(path, *([tag] if tag else [])).splitlines()[0]
        bad = 0 if line.startswith("open") else int(line.split()[3])
        expected = f" {number} " in line and word in line and (bad > 0 or when == "open")
        if not expected or line.startswith("open") != (when == "open"):
            wrong.append(f"{os.path.basename(path)}: expected {when} {number} '{word}', got: {line}")
    equal(wrong, [], f"of {len(rows)} images")


@test
def healthy_ones_are_read(directory):
    for name in ("plain", "v2", "sub", "zlib", "zstd", "snap", "data", "over", "512"):
        holds(probe(os.path.join(directory, "base-" + name)), " bad 0 ", name)


@test
def damage_costs_one_cluster(directory):
    path = os.path.join(directory, "one-bad")
    image = Patch(os.path.join(directory, "base-plain"))
    image.put(image.l2() + 5 * 8, 1 << 54)
    image.write(path)
    holds(probe(path), "good 63 bad 1 EIO", "64 clusters")


@test
def nothing_shines_through_damage(directory):
    """If a table is cut off, QEMU shows the old bytes of the backing file there."""
    path = os.path.join(directory, "no-shine")
    image = Patch(os.path.join(directory, "base-over"))
    image.put(image.l1, (len(image.bytes) // 65536 + 5) * 65536 | COPIED)
    image.write(path)
    holds(probe(path), "good 0 bad", "no read succeeds")


@test
def a_format_is_never_guessed(directory):
    path = os.path.join(directory, "base-plain")
    holds(probe(path, format=""), "open EINVAL", "no format")
    holds(probe(path, format="raw"), " bad 0 ", "raw is raw")
    holds(probe(path, format="cloop"), "open EOPNOTSUPP", "another format")
    holds(probe(path, "s1", format="raw"), "open ENOENT", "a snapshot of a raw file")


@test
def every_l1_entry_at_one_l2_table(directory):
    """Millions of empty entries: no call may take time for each, or lose the hole."""
    for cluster, size in ((2 * MI, 128 * 1024 * 1024 * MI), (512, 4 * 1024 * MI)):
        path = create(os.path.join(directory, f"same-l2-{cluster}"), size, cluster_size=cluster)
        io(path, ["write -P 1 0 64k"])
        image = Patch(path)
        table = image.get(image.l1)
        image.bytes[image.l2() : image.l2() + cluster] = bytes(cluster)
        for index in range(image.get(36, ">I")):
            image.put(image.l1 + 8 * index, table)
        image.write(path)
        said = probe(path)
        holds(said, " bad 0 ", "read")
        holds(said, " hole 0 ", "map and seeks")
        true(int(said.split()[-1]) < CALL_MS, f"the slowest call: {said}")


def worst_base(path):
    """Every cluster is alone in its place."""
    create(path, MI, cluster_size=512)
    io(path, ["write -P 7 0 1M"])
    image = Patch(path)
    for table in range(32):
        at = image.l2(table)
        image.bytes[at : at + 512] = b"".join(image.bytes[i : i + 8] for i in range(at + 504, at - 1, -8))
    image.write(path)


@test
def a_chain_in_which_all_layers_have_to_be_asked(directory):
    """256 layers, all with tables whose entries for clusters of 512 bytes are empty."""
    worst_base(os.path.join(directory, "worst-000"))
    path = create(os.path.join(directory, "worst"), MI, backing=("worst-000", "qcow2"), cluster_size=512)
    io(path, [f"write -P 1 {at * 32}k 512" for at in range(32)])
    image = Patch(path)
    for table in range(32):
        image.put(image.l2(table), 0)
    for layer in range(1, 256):
        image.bytes[image.get(8) + 6 : image.get(8) + 9] = b"%03d" % (layer - 1)
        image.write(f"{path}-{layer:03}")
    said = probe(f"{path}-255")
    holds(said, "good 16 bad 0 ", "read")
    true(int(said.split()[-1]) < CALL_MS, f"the slowest call: {said}")


@test
def random_damage_never_crashes(directory):
    """Bytes of headers and tables are flipped at random; the reader survives each."""
    import random

    seed = int(os.environ.get("SNAPFS_SEED", random.randrange(1 << 32)))
    print(f"# SNAPFS_SEED={seed}")
    rng = random.Random(seed)
    path = os.path.join(directory, "flipped")
    for name in ("512", "sub", "zlib", "snap", "over"):
        clean = Patch(os.path.join(directory, "base-" + name))
        places = [0, clean.l1, clean.l2()] + ([clean.table] if name == "snap" else [])
        for _ in range(60):
            image = Patch(clean.path)
            for _ in range(rng.randrange(1, 6)):
                image.bytes[rng.choice(places) + rng.randrange(128)] = rng.choice([0, 1, 0x7F, 0x80, 0xFF])
            image.write(path)
            probe(path, *(["s1"] if name == "snap" else []))


with scratch() as place:
    run(place)
