# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters of every size and kind over a full base: snapfs-cat reads the same bytes as QEMU."""

import ctypes
import ctypes.util
import os
import zlib

from corpus import COMPRESSED, COPIED, OFFSET, ZERO, Patch
from disks import CAT, KI, MI, cat, compare_maps, create, io, overlay, same, seeded
from lib.command import attempt
from lib.scratch import scratch
from lib.tap import equal, run, test, true


@test
def clusters_of_every_size(rng, directory):
    """Data, both kinds of zeros, compressed clusters, and holes over a full base."""
    for bits in range(9, 22):
        for sub in ("off", "on") if bits in (14, 16, 21) else ("off",):
            size = 1 << bits
            at = [rng.randrange(4 * MI // size) * size for _ in range(3)]
            path = overlay(directory, f"size-{bits}-{sub}", [
                f"write -c -P 3 {at[0]} {size}", f"write -P 5 {at[1]} {max(size // 2, 512)}",
                f"write -z {at[1]} {max(size // 4, 512)}", f"write -z -u {at[2]} {size}",
            ], cluster_size=size, extended_l2=sub)
            true(len(set(same(path))) > 1, f"{path} has more than one value")


def edges(rng, bits, entry, l1_entries):
    """Clusters at the edges of tables and of their pages, and some between."""
    page, table = 4 * KI // entry, (1 << bits) // entry
    tables = (0, 1, 511, 512, rng.randrange(l1_entries), l1_entries - 257, l1_entries - 256)
    inside = (0, page - 1, page, 3 * page, rng.randrange(table), 16 * page - 1, 16 * page, table - 1)
    return sorted({one * table + at for one in tables for at in inside if at < table})


@test
def tables_whose_pages_are_mostly_null(rng, directory):
    """A chain of two whose clusters are far apart; each has null entries for the other's clusters."""
    for bits, sub in ((12, 8), (14, 16), (16, 8), (16, 16), (21, 8)):
        l1_entries = 8192 + 256 if bits < 21 else 640  # of 64 KiB and more; QEMU is slow at that
        size = l1_entries << bits + (bits - sub.bit_length() + 1)
        clusters = edges(rng, bits, sub, l1_entries)
        path, base = (os.path.join(directory, f"{name}-{bits}-{sub}") for name in ("top", "bottom"))
        options = {"cluster_size": 1 << bits, "extended_l2": "on" if sub == 16 else "off"}
        create(base, size, **options)
        create(path, size, backing=(base, "qcow2"), **options)
        upper = rng.sample(clusters, len(clusters) // 2)
        io(path, [f"write -z {at << bits} {1 << bits}" for at in upper])
        io(base, [f"write -P 5 {at << bits} 512" for at in clusters if at not in upper])
        compare_maps(base)
        found = compare_maps(path)
        true(found > len(clusters), f"{path} has {found} extents")


@test
def an_l1_table_that_is_an_l2_table_as_well(rng, directory):
    """Its last page has one entry where the other table goes on; QEMU accepts that, too."""
    last = 1024
    for bits, at, l2, here in ((13, 0, 8 * KI, last + 512), (14, 600, 0, last + 5)):
        path = create(os.path.join(directory, f"both-{bits}"), last + 1 << 2 * bits - 3, cluster_size=1 << bits)
        io(path, ["write -P 5 0 512", f"write -P 6 {last << 2 * bits - 3} 512"])
        image = Patch(path)
        image.put(image.l1 + 8 * here, image.get(image.l2()))
        if at:
            image.put(image.l1 + 8 * last, 0)
        image.put(image.l1 + 8 * at, image.l1 + l2)
        image.write(path)
        true(compare_maps(path) > 3, path)


@test
def zeros_hide_what_is_below(rng, directory):
    """Plain ones and those that keep their cluster, at the disk's beginning and elsewhere."""
    for name, options in {"zeros": {}, "zeros-sub": {"extended_l2": "on"},
                          "zeros-data": {"data_file": os.path.join(directory, "zeros.raw")}}.items():
        path = overlay(directory, name, ["write -P 9 0 256k", "write -P 8 1M 256k", "write -z 0 64k",
                                         "write -z -u 64k 64k", "write -z 128k 4k", "write -z 2M 64k",
                                         "write -z -u 2112k 64k", "discard 1M 64k"], **options)
        bytes_ = same(path)
        equal([bytes_[at * KI] for at in (0, 64, 128, 132, 192, 2048, 2112, 2176)],
              [0, 0, 0, 9, 9, 0, 0, 7], name)


@test
def zeros_of_a_data_file_marked_as_copied(rng, directory):
    path = create(os.path.join(directory, "marked"), 4 * MI, data_file=os.path.join(directory, "marked.raw"))
    io(path, ["write -P 9 0 1M"])
    image = Patch(path)
    for index in (0, 3):
        image.put(image.l2() + 8 * index, COPIED | ZERO)
    image.write(path)
    bytes_ = same(path)
    equal([bytes_[at * 64 * KI] for at in range(5)], [0, 9, 9, 0, 9], "clusters")


@test
def bits_that_mean_nothing(rng, directory):
    path = overlay(directory, "bits", ["write -P 9 0 1M", "write -z 1M 64k"])
    before = same(path)
    image = Patch(path)
    for index in range(17):
        image.put(image.l2() + 8 * index, image.get(image.l2() + 8 * index) ^ COPIED | 0x3F << 56 | 0x1FE)
    image.put(image.l1, image.get(image.l1) & OFFSET | 0x7F << 56 | 0x1FF)
    image.write(path)
    true(same(path) == before, "reserved bits, and COPIED the other way")


# ---- compressed clusters ----


def packed(plain, window=-12):
    packer = zlib.compressobj(9, zlib.DEFLATED, window)
    return packer.compress(plain) + packer.flush()


def frame(plain):
    """One frame of zstd."""
    lib = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
    lib.ZSTD_compress.restype = lib.ZSTD_compressBound.restype = ctypes.c_size_t
    lib.ZSTD_compressBound.argtypes = [ctypes.c_size_t]
    lib.ZSTD_compress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
    out = ctypes.create_string_buffer(lib.ZSTD_compressBound(len(plain)))
    length = lib.ZSTD_compress(out, len(out), plain, len(plain), 3)
    return out.raw[:length]


def compressed(directory, name, rows, cluster=64 * KI, **options):
    """An image over the base whose clusters are those inputs, each with so many sectors more than it
    needs; they stand one right behind the other at the end of the file, which ends with the last."""
    path = overlay(directory, name, cluster_size=cluster, **options)
    image = Patch(path)
    shift = 62 - (cluster.bit_length() - 1 - 8)
    for index, (data, more) in enumerate(rows):
        host = len(image.bytes)
        sectors = (host % 512 + len(data) + 511) // 512 - 1 + more
        image.put(image.l2() + 8 * index, COMPRESSED | sectors << shift | host)
        image.bytes += data
    image.write(path)
    return path


def texts(rng, length):
    return [bytes([i + 1]) * (length - 999) + rng.randbytes(999) for i in range(4)]


@test
def compressed_by_zlib(rng, directory):
    for cluster in (4 * KI, 64 * KI, 2 * MI):
        a, b, c, d = texts(rng, cluster)
        path = compressed(directory, f"packed-{cluster}", [
            (packed(a), 0), (packed(b) + b"tail" * 50, 1), (packed(c + a), 0), (packed(d), 1)], cluster)
        plain = (a + b + c + d)[: 4 * MI]
        true(same(path)[: len(plain)] == plain, f"clusters of {cluster} bytes")


@test
def compressed_by_zstd(rng, directory):
    for cluster in (16 * KI, 64 * KI, 2 * MI):
        a, b, c, d = texts(rng, cluster)
        path = compressed(directory, f"frames-{cluster}", [
            (frame(a[:100]) + frame(a[100:5000]) + frame(a[5000:]), 0), (frame(b) + b"tail" * 50, 1),
            (frame(c[:-1]) + frame(b"") + frame(c[-1:]), 0), (frame(d), 1)],
            cluster, compression_type="zstd")
        plain = (a + b + c + d)[: 4 * MI]
        true(same(path)[: len(plain)] == plain, f"clusters of {cluster} bytes")


@test
def compressed_and_not_whole(rng, directory):
    """QEMU refuses the same ones."""
    a = rng.randbytes(64 * KI)
    for kind, rows in {"zlib": [packed(a[:-1]), packed(a)[:-200], b"\3\0"],
                       "zstd": [frame(a[:-1]), frame(a + b"x"), frame(a)[:-200], frame(a[:9]) + b"garbage"]}.items():
        for number, data in enumerate(rows):
            path = compressed(directory, f"part-{kind}-{number}", [(data, 0)], compression_type=kind)
            for command in ([CAT, "-f", "qcow2", "-l", "1", path],
                            ["qemu-img", "convert", "-O", "raw", path, path + ".raw"]):
                result = attempt(*command)
                true(result.status == 1 and result.err, f"{path}: {result}")
            equal(set(cat(path, "-o", 64 * KI, "-l", 64 * KI)), {7}, "its neighbour")


with scratch() as place:
    run(seeded(), place)
