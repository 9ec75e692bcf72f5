# SPDX-License-Identifier: GPL-3.0-or-later
"""snapfs-cat reads the same bytes as QEMU from every kind of image."""

import json
import os
import shutil

from disks import (
    CAT,
    KI,
    MI,
    cat,
    compare,
    compare_maps,
    create,
    expected,
    first_difference,
    io,
    load,
    resize,
    scribble,
    seeded,
    snapshot,
    tags,
)
from lib.command import attempt, must
from lib.scratch import scratch
from lib.tap import equal, holds, run, test, true

SIZE = 12 * MI

# Ways to make an image.
KINDS = {
    "v2": {"compat": "0.10"},
    "v2-512": {"compat": "0.10", "cluster_size": 512},
    "v3": {},
    "v3-512": {"cluster_size": 512},
    "v3-4k": {"cluster_size": "4k"},
    "v3-2m": {"cluster_size": "2M"},
    "zstd": {"compression_type": "zstd"},
    "zstd-2m": {"compression_type": "zstd", "cluster_size": "2M"},
    "lazy": {"lazy_refcounts": "on"},
    "sub-16k": {"cluster_size": "16k", "extended_l2": "on"},
    "sub-64k": {"extended_l2": "on"},
    "sub-2m-zstd": {"cluster_size": "2M", "extended_l2": "on", "compression_type": "zstd"},
    "refcount-64": {"refcount_bits": 64},
}

BYTES = {None: 64 * KI, "4k": 4 * KI, "16k": 16 * KI, "64k": 64 * KI, "2M": 2 * MI}


def cluster_of(options):
    value = options.get("cluster_size")
    return BYTES.get(value, value)


def check_snapshots(path, rng):
    """Every snapshot and the disk as it is now, no two neighbours the same."""
    before = None
    for id, name in tags(path):
        now = compare(path, rng, "-s", name, id=id)
        true(now != before, f"'{name}' does not differ from the snapshot before")
        equal(first_difference(cat(path, "-i", id), now), None, f"snapshot by id {id}")
        before = now
    true(compare(path, rng) != before, "the disk does not differ from its last snapshot")


@test
def features_of_qcow2_with_snapshots(rng, directory):
    for name, options in KINDS.items():
        path = create(os.path.join(directory, name), SIZE, **options)
        cluster = cluster_of(options)
        for step in range(3):
            scribble(path, rng, directory, compress=(4 if step == 0 else 0), cluster=cluster)
            snapshot(path, f"s{step}")
        scribble(path, rng, directory)
        check_snapshots(path, rng)
        compare_maps(path)


@test
def snapshots_of_other_sizes(rng, directory):
    for name, options in {"grown": {}, "grown-sub": {"extended_l2": "on"}}.items():
        path = create(os.path.join(directory, name), 7 * MI + 512, **options)
        for step, size in enumerate([12 * MI, 3 * MI + 1536, 20 * MI]):
            scribble(path, rng, directory)
            snapshot(path, f"s{step}")
            resize(path, size)
        scribble(path, rng, directory)
        check_snapshots(path, rng)
        equal([len(cat(path, "-i", i)) for i in "123"], [7 * MI + 512, 12 * MI, 3 * MI + 1536], "sizes")


@test
def saved_memory_is_no_part_of_the_disk(rng, directory):
    path = create(os.path.join(directory, "memory"), 2 * MI)
    scribble(path, rng, directory)
    before = compare(path, rng)
    must("qemu-system-x86_64", "-accel", "tcg", "-S", "-m", "16", "-nodefaults", "-display", "none",
         "-monitor", "stdio", "-drive", f"file={path},format=qcow2,if=ide", text="savevm full\nquit\n")
    io(path, ["write -P 9 0 1M"])
    resize(path, 64 * MI)
    equal(first_difference(cat(path, "-s", "full"), before), None, "snapshot with memory")
    equal(cat(path, "-s", "full", "-o", 2 * MI, "-l", MI), b"", "bytes behind the disk")
    holds(must(os.environ["SNAPFS_CAT"], "-f", "qcow2", "--info", path), "full (2097152 bytes", "info")
    true(len(must(os.environ["SNAPFS_CAT"], "-f", "qcow2", "-s", "full", "--map", path)) > 2, "a map")


@test
def compressed_as_a_whole(rng, directory):
    plain = create(os.path.join(directory, "plain"), SIZE)
    scribble(plain, rng, directory, count=80)
    for kind in ("zlib", "zstd"):
        for cluster in ("4k", "64k", "2M"):
            path = os.path.join(directory, f"whole-{kind}-{cluster}")
            options = f"compression_type={kind},cluster_size={cluster}"
            must("qemu-img", "convert", "-c", "-f", "qcow2", "-O", "qcow2", "-o", options, plain, path)
            compare(path, rng)
            compare_maps(path)


@test
def data_files(rng, directory):
    for raw in ("off", "on"):
        path = os.path.join(directory, f"with-data-{raw}")
        create(path, SIZE, data_file=path + ".data", data_file_raw=raw)
        scribble(path, rng, directory)
        compare(path, rng)
        compare_maps(path)
    path = os.path.join(directory, "data-backed")
    create(os.path.join(directory, "data-base"), SIZE, format="raw")
    io(os.path.join(directory, "data-base"), ["write -P 3 0 12M"], format="raw")
    create(path, SIZE, backing=("data-base", "raw"), data_file=path + ".data", extended_l2="on")
    scribble(path, rng, directory)
    compare(path, rng)


@test
def preallocated_images(rng, directory):
    for how in ("metadata", "falloc", "full"):
        for sub in ("off", "on"):
            path = os.path.join(directory, f"pre-{how}-{sub}")
            create(path, SIZE, preallocation=how, extended_l2=sub)
            scribble(path, rng, directory)
            compare(path, rng)


@test
def holes_of_what_was_allocated_in_advance(rng, directory):
    """An image as virt-manager makes it: every cluster has its place, and few were ever written."""
    for name, options in {"advance": {}, "advance-sub": {"extended_l2": "on"},
                          "advance-2m": {"cluster_size": "2M"}}.items():
        path = create(os.path.join(directory, name), 10 * SIZE, preallocation="metadata", **options)
        io(path, ["write -P 3 1M 64k", "write -P 4 70M 1M", "write -z 72M 2M"])
        compare_maps(path)
        snapshot(path, "kept")
        for which in ([], ["-s", "kept"]):
            extents = json.loads(must(CAT, "-f", "qcow2", *which, "--map", path))
            equal(sum(one["length"] for one in extents if not one["zero"]), MI + 64 * KI, f"bytes in {name} {which}")
        copy = path + ".copy"
        must(CAT, "-f", "qcow2", "--output", copy, path)
        true(os.stat(copy).st_blocks * 512 < 2 * MI, f"the copy of {name} is sparse")


def odd_base(directory, rng):
    """A raw file with holes whose length is not a multiple of 512."""
    path = os.path.join(directory, "odd.raw")
    with open(path, "wb") as file:
        file.write(rng.randbytes(3 * MI + 77))
        file.seek(5 * MI)
        file.write(rng.randbytes(MI + 77))
    return path


@test
def raw_files(rng, directory):
    path = odd_base(directory, rng)
    compare(path, rng, format="raw")
    equal(len(cat(path, format="raw")), 6 * MI + 512, "rounded up to a sector")
    with open(path, "r+b") as file:
        file.write(load(create(os.path.join(directory, "in-raw"), MI))[:4096])
    compare(path, rng, format="raw")


@test
def chains_of_every_size(rng, directory):
    sizes = [512, "4k", "64k", "2M", "16k"]
    for chain in range(3):
        below, format = odd_base(directory, rng), "raw"
        for step in range(8):
            path = os.path.join(directory, f"chain-{chain}-{step}")
            cluster = rng.choice(sizes)
            sub = {"extended_l2": "on"} if cluster in ("64k", "2M", "16k") and rng.random() < 0.4 else {}
            size = rng.randrange(2 * MI, 9 * MI) // 512 * 512
            create(path, size, backing=(os.path.basename(below), format), cluster_size=cluster, **sub)
            scribble(path, rng, directory, count=12, compress=2, cluster=BYTES.get(cluster, cluster))
            if rng.random() < 0.4:
                snapshot(path, "inside")
                resize(path, rng.randrange(2 * MI, 12 * MI) // 512 * 512)
                scribble(path, rng, directory, count=5)
            check_snapshots(path, rng)
            compare_maps(path)
            below, format = path, "qcow2"


@test
def deep_chains(rng, directory):
    deep = os.path.join(directory, "deep")
    os.mkdir(deep)
    below = create(os.path.join(deep, "0"), MI, cluster_size=512)
    io(below, ["write -P 255 0 1M"])
    template = create(os.path.join(deep, "template"), MI, backing=("0", "qcow2"), cluster_size=512)
    for step in range(1, 257):
        path = os.path.join(deep, str(step))
        shutil.copyfile(template, path)
        must("qemu-img", "rebase", "-u", "-b", str(step - 1), "-F", "qcow2", path)
    io(path, [f"write -P 7 {512 * k} 512" for k in range(3)])
    top = cat(os.path.join(deep, "255"))
    equal((len(top), set(top)), (MI, {255}), "the bytes of 256 layers")
    result = attempt(os.environ["SNAPFS_CAT"], "-f", "qcow2", path)
    equal((result.status, result.out), (1, ""), "257 layers")
    holds(result.err, "more than 256 layers", "sentence")


@test
def names_of_backing_files(rng, directory):
    for sub in ("real", "link"):
        os.mkdir(os.path.join(directory, sub))
    base = create(os.path.join(directory, "real", "base"), MI)
    io(base, ["write -P 1 0 1M"])
    overlay = create(os.path.join(directory, "real", "overlay"), MI, backing=("base", "qcow2"))
    other = create(os.path.join(directory, "link", "base"), MI)
    io(other, ["write -P 2 0 1M"])
    link = os.path.join(directory, "link", "overlay")
    os.symlink(overlay, link)
    for path, value in ((overlay, 1), (link, 2)):
        equal(set(compare(path, rng)), {value}, f"next to {path}, as QEMU has it")
    strange = create(os.path.join(directory, "real", "b:x"), MI)
    io(strange, ["write -P 5 0 1M"])
    must("qemu-img", "rebase", "-u", "-b", "./b:x", "-F", "qcow2", overlay)
    equal(set(compare(overlay, rng)), {5}, "a colon in the name")


@test
def tags_that_clash(rng, directory):
    path = create(os.path.join(directory, "clash"), MI)
    for value, name in enumerate(["2", "1", "x/../y"], 1):
        io(path, [f"write -P {value} 0 1M"])
        snapshot(path, name)
    equal(set(cat(path, "-s", "1")), {2}, "-s is a name, never an id")
    equal(set(cat(path, "-i", "1")), {1}, "-i is an id, never a name")
    equal(set(cat(path, "-s", "x/../y")), {3}, "any bytes are a name")
    snapshot(path, "1")
    result = attempt(os.environ["SNAPFS_CAT"], "-f", "qcow2", "-s", "1", path)
    equal(result.status, 1, "two snapshots of one name")
    holds(result.err, "by its id", "sentence")


@test
def huge_disks(rng, directory):
    path = create(os.path.join(directory, "huge"), "2E", cluster_size="2M")
    io(path, ["write -P 7 1E 64k"])
    result = attempt(os.environ["SNAPFS_CAT"], "-f", "qcow2", "--map", path, seconds=20)
    equal((result.status, result.out.count('"data": true')), (0, 1), "a map of 2 EiB")
    equal(set(cat(path, "-o", 1 << 60, "-l", 65536)), {7}, "the data in the middle")


with scratch() as place:
    run(seeded(), place)
