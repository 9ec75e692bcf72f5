# SPDX-License-Identifier: GPL-3.0-or-later
"""Images as other programs write them, or as this QEMU seldom does: snapfs-cat reads the same bytes as
QEMU, and as before the image was patched."""

import os
import shutil
import struct

from corpus import CLUSTER, Patch
from disks import (
    CAT,
    KI,
    MI,
    cat,
    create,
    first_difference,
    full_base,
    io,
    load,
    overlay,
    resize,
    same,
    seeded,
    snapshot,
)
from lib.command import attempt, must
from lib.scratch import scratch
from lib.tap import equal, holds, run, test, true

FORMAT, DATA_FILE, FEATURES, END = 0xE2792ACA, 0x44415441, 0x6803F857, 0


def extensions(image):
    """[(type, bytes)…] as they stand in the header."""
    at, found = image.get(100, ">I") if image.get(4, ">I") == 3 else 72, []
    while image.get(at, ">I") != END:
        kind, length = image.get(at, ">I"), image.get(at + 4, ">I")
        found.append((kind, bytes(image.bytes[at + 8 : at + 8 + length])))
        at += 8 + (length + 7) // 8 * 8
    return found


def put_header(image, length, found, end=True, pad=b"\0"):
    """The names and extensions anew behind a header of that many bytes."""
    size = image.get(16, ">I")
    name = bytes(image.bytes[image.get(8) :][:size])
    raw = b"".join(struct.pack(">II", kind, len(data)) + data + pad * (-len(data) % 8) for kind, data in found)
    raw += bytes(8) if end else b""
    image.bytes[112:CLUSTER] = bytes(CLUSTER - 112)
    image.bytes[length : length + len(raw) + size] = raw + name
    image.put(8, length + len(raw))
    if image.get(4, ">I") == 3:
        image.put32(100, length)


def header_of_104(p):
    put_header(p, 104, extensions(p))


def header_of_160(p):
    put_header(p, 160, extensions(p))
    p.bytes[112:160] = b"\xaa" * 48


def no_end_marker(p):
    put_header(p, 112, extensions(p), end=False)


def padding_that_is_garbage(p):
    put_header(p, 112, [(0x12345678, b"x"), (0x23852876, b""), *extensions(p)], pad=b"\xee")


def no_names_of_features(p):
    put_header(p, 112, [one for one in extensions(p) if one[0] != FEATURES])


def a_format_said_twice(p):
    put_header(p, 112, [(FORMAT, b"vmdk"), *extensions(p)])


def a_size_of_odd_bytes(p):
    p.put(24, p.get(24) - 100)


def marked_dirty_and_corrupt(p):
    p.put(72, 3)


def marks_for_others(p):
    p.put(80, 0xFF00)
    p.put(88, 0xF000000000000000)


def a_longer_l1(p):
    """At the end of the file, which ends with it."""
    p.bytes += bytes(-len(p.bytes) % CLUSTER)
    p.bytes += p.bytes[p.l1 : p.l1 + 8] + bytes(8 * 40)
    p.put(40, len(p.bytes) - 8 * 41)
    p.put32(36, 41)


HEADERS = [header_of_104, header_of_160, no_end_marker, padding_that_is_garbage, no_names_of_features,
           a_format_said_twice, a_size_of_odd_bytes, marked_dirty_and_corrupt, marks_for_others, a_longer_l1]


@test
def headers_of_other_writers(rng, directory):
    path = overlay(directory, "header")
    before = same(path)
    for change in HEADERS:
        image = Patch(path)
        change(image)
        image.write(path + "-patched")
        now = same(path + "-patched")
        difference = first_difference(now, before[: len(now)])
        true(not difference and len(now) in (4 * MI, 4 * MI - 512), f"{change.__name__}: {difference}")


@test
def version_2_with_nothing_but_its_names(rng, directory):
    path = overlay(directory, "bare-v2", compat="0.10")
    before, image = same(path), Patch(path)
    put_header(image, 72, [(FORMAT, b"qcow2")], end=False)
    image.write(path)
    true(same(path) == before, "the bytes")


@test
def a_backing_name_of_no_length_is_none(rng, directory):
    path = overlay(directory, "nameless", ["write -P 9 1M 1M"])
    image = Patch(path)
    image.put32(16, 0)
    image.write(path)
    equal(set(same(path)), {0, 9}, "the bytes")


@test
def a_format_that_is_a_protocol_of_qemus(rng, directory):
    """QEMU and snapfs take it for raw."""
    with open(os.path.join(directory, "flat"), "wb") as file:
        file.write(rng.randbytes(MI + 77))
    path = create(os.path.join(directory, "over-flat"), 2 * MI, backing=("flat", "raw"))
    io(path, ["write -P 9 64k 64k"])
    before, image = same(path), Patch(path)
    put_header(image, 112, [(kind, b"file" if kind == FORMAT else data) for kind, data in extensions(image)])
    image.write(path)
    true(same(path) == before, "the bytes")


@test
def references_of_every_width_and_bitmaps(rng, directory):
    for bits in (1, 8, 64):
        path = overlay(directory, f"refcount-{bits}", refcount_bits=bits)
        must("qemu-img", "bitmap", "--add", path, "b0")
        equal(set(same(path)), {7, 9}, f"{bits} bits")


@test
def unknown_features_are_refused_by_name(rng, directory):
    path = overlay(directory, "feature")
    for bit in (5, 33, 63):
        rows = [(1, bit, b"of another kind"), (0, bit - 1, b"another bit"), (0, bit, b"a new way")]
        image = Patch(path)
        put_header(image, 112, [*[one for one in extensions(image) if one[0] != FEATURES],
                                (FEATURES, b"".join(struct.pack(">BB46s", *row) for row in rows))])
        image.put(72, 1 << bit)
        image.write(path + "-new")
        result = attempt(CAT, "-f", "qcow2", path + "-new")
        equal((result.status, result.out), (1, ""), f"bit {bit}")
        holds(result.err, f"needs a feature that snapfs does not know: 'a new way' (bit {bit})", "sentence")


# ---- snapshots ----


def put_snapshots(path, entries):
    """Rewrites the table; entries: (index of the entry taken over, id, name, extra bytes kept)."""
    image, olds, at = Patch(path), [], 0
    at = image.table
    for _ in range(image.get(60, ">I")):
        id_len, name_len, extra = image.get(at + 12, ">H"), image.get(at + 14, ">H"), image.get(at + 36, ">I")
        olds.append((bytes(image.bytes[at : at + 40]), bytes(image.bytes[at + 40 : at + 40 + extra])))
        at += (40 + extra + id_len + name_len + 7) // 8 * 8
    raw = b""
    for index, id, name, extra in entries:
        fixed, more = olds[index]
        more = more[:extra].ljust(extra, b"\0")
        fixed = fixed[:12] + struct.pack(">HH", len(id), len(name)) + fixed[16:36] + struct.pack(">I", extra)
        raw += fixed + more + id + name
        raw += bytes(-len(raw) % 8)
    image.bytes += bytes(-len(image.bytes) % CLUSTER)
    image.put(64, len(image.bytes))
    image.put32(60, len(entries))
    image.bytes += raw
    image.write(path)


@test
def snapshots_of_other_writers(rng, directory):
    path = create(os.path.join(directory, "tags"), 4 * MI)
    for value in range(1, 7):
        io(path, [f"write -P {value} 0 4M"])
        snapshot(path, f"s{value}")
    names = [b"", b"7", b"a/../b", b"\xff\xfe", b"x" * 250, b"last"]
    ids = [b"1", b"2", b"7", b"40", b"5x", b"6"]
    extras = [0, 8, 16, 24, 1024, 16]
    put_snapshots(path, list(zip(range(6), ids, names, extras)))
    for value, (id, name) in enumerate(zip(ids, names), 1):
        equal(set(same(path, "-i", id.decode(), id=id.decode())), {value}, f"id {id}")
        equal(set(cat(path, "-s", os.fsdecode(name))), {value}, f"name {name}")
    result = attempt(CAT, "-f", "qcow2", "-s", "7", "-i", "7", path)
    true(result.status == 1, "an id and the name of another")


@test
def snapshots_stand_on_the_backing_file_of_now(rng, directory):
    path = overlay(directory, "rebased")
    snapshot(path, "s1")
    create(os.path.join(directory, "other"), 3 * MI)
    io(os.path.join(directory, "other"), ["write -P 6 0 3M"])
    must("qemu-img", "rebase", "-u", "-b", "other", "-F", "qcow2", path)
    bytes_ = same(path, "-s", "s1", id="1")
    equal([bytes_[at * MI] for at in range(4)], [6, 9, 6, 0], "the bytes")


@test
def snapshots_grown_and_shrunk_since(rng, directory):
    """QEMU shows the present size; the bytes are those of the reverted copy."""
    full_base(directory)
    for sub in ("off", "on"):
        path = overlay(directory, f"sizes-{sub}", ["write -P 1 0 1M"], extended_l2=sub)
        for value, size in ((2, 6 * MI + 512), (3, 2 * MI), (4, 4 * MI)):
            snapshot(path, f"s{value}")
            resize(path, size)
            io(path, [f"write -P {value} 1M 512k"])
        equal([len(same(path, "-s", f"s{v}", id=str(v - 1))) for v in (2, 3, 4)],
              [4 * MI, 6 * MI + 512, 2 * MI], "sizes")
        equal(len(same(path)), 4 * MI, "now")


# ---- layers and files ----


@test
def a_short_layer_in_the_middle(rng, directory):
    """The file below shows up to its end; after it are zeros, whatever the base has there."""
    full_base(directory)
    create(os.path.join(directory, "short"), 2 * MI + 1536, backing=("base", "qcow2"), cluster_size="4k")
    path = create(os.path.join(directory, "tall"), 6 * MI, backing=("short", "qcow2"), cluster_size="2M")
    bytes_ = same(path)
    equal((bytes_.count(7), bytes_.rstrip(b"\0").count(0)), (2 * MI + 1536, 0), "the bytes")
    io(path, ["write -P 5 3M 512"])
    equal(same(path)[2 * MI : 4 * MI].count(7), 1536, "around a write")


@test
def a_raw_data_file_is_read_by_the_tables(rng, directory):
    path = create(os.path.join(directory, "by-tables"), MI, data_file=f"{directory}/by-tables.raw",
                  data_file_raw="on")
    io(path, ["write -P 5 0 1M"])
    image = Patch(path)
    image.put(image.l2() + 8 * 3, 1)
    image.put(image.l2() + 8 * 5, 0)
    image.write(path)
    bytes_ = same(path)
    equal([bytes_[at * 64 * KI] for at in range(8)], [5, 5, 5, 0, 5, 0, 5, 5], "clusters")


@test
def data_files_by_a_name_next_to_the_image(rng, directory):
    """QEMU resolves it from its working directory, libvirt and snapfs from the image's directory."""
    for name, options in {"near": {}, "near-raw": {"data_file_raw": "on"},
                          "near-512": {"cluster_size": 512}, "near-sub": {"extended_l2": "on"}}.items():
        path = create(os.path.join(directory, name), MI, data_file=f"{directory}/{name}.raw", **options)
        io(path, ["write -P 5 0 300k", "write -z 64k 64k", "discard 128k 64k"])
        want, image = same(path), Patch(path)
        long = f"{directory}/{name}.raw".encode()
        found = [(kind, f"{name}.raw".encode() if kind == DATA_FILE else data) for kind, data in extensions(image)]
        true(any(kind == DATA_FILE for kind, _ in found) and long not in b"".join(d for _, d in found), "the name")
        first = 1 << image.get(20, ">I")
        raw = b"".join(struct.pack(">II", k, len(d)) + d + bytes(-len(d) % 8) for k, d in found) + bytes(8)
        image.bytes[112:first] = raw[: first - 112].ljust(first - 112, b"\0")
        image.write(path)
        equal(first_difference(cat(path), want), None, name)
        shutil.move(path, path + ".moved")
        must("qemu-img", "convert", "-f", "qcow2", "-O", "raw", path + ".moved", path + ".qemu", cwd=directory)
        equal(first_difference(load(path + ".qemu"), want), None, "QEMU, run there")


with scratch() as place:
    run(seeded(), place)
