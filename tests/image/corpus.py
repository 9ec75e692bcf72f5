# SPDX-License-Identifier: GPL-3.0-or-later
"""Images with one defect each: should-fail-DEFECT, made by patching healthy ones that QEMU wrote.

    corpus.py DIRECTORY

Each row says how the reader refuses the image: the errno, at the open or at a read, and a word of the
sentence. The images are also the seeds of the fuzz targets.
"""

import os
import shutil
import struct
import sys

from disks import KI, MI, create, io, snapshot

CLUSTER = 64 * KI
OFFSET = 0x00FFFFFFFFFFFE00
COMPRESSED, COPIED, ZERO = 1 << 62, 1 << 63, 1


class Patch:
    """A qcow2 image that gets a defect."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            self.bytes = bytearray(file.read())

    def get(self, at, form=">Q"):
        return struct.unpack_from(form, self.bytes, at)[0]

    def put(self, at, value, form=">Q"):
        struct.pack_into(form, self.bytes, at, value)

    def put32(self, at, value):
        self.put(at, value, ">I")

    @property
    def l1(self):
        return self.get(40)

    def l2(self, index=0):
        return self.get(self.l1 + 8 * index) & OFFSET

    @property
    def table(self):
        return self.get(64)

    @property
    def snapshot_l1(self):
        return self.get(self.table)

    def extension(self, kind, data):
        """Puts an extension in front of the others."""
        start = self.get(100, ">I")
        raw = struct.pack(">II", kind, len(data)) + data + bytes(-len(data) % 8)
        end = self.get(8) or CLUSTER
        self.bytes[start : end] = (raw + self.bytes[start:end])[: end - start]

    def cut(self, size):
        del self.bytes[size:]

    def write(self, path):
        with open(path, "wb") as file:
            file.write(self.bytes)


def bases(directory):
    """Healthy images: 4 MiB with 1 MiB of data; plain, backed, with a snapshot, compressed, …"""
    def make(name, commands=("write -P 7 0 1M",), **options):
        path = create(os.path.join(directory, "base-" + name), 4 * MI, **options)
        io(path, list(commands))
        return path

    made = {
        "plain": make("plain"),
        "v2": make("v2", compat="0.10"),
        "sub": make("sub", extended_l2="on"),
        "zlib": make("zlib", ["write -c -P 7 0 64k", "write -c -P 8 64k 64k"]),
        "zstd": make("zstd", ["write -c -P 7 0 64k"], compression_type="zstd"),
        "snap": make("snap"),
        "data": make("data", data_file=os.path.join(directory, "base-data.raw")),
        "over": make("over", ["write -P 9 1M 64k"], backing=("base-plain", "qcow2")),
        "512": make("512", ["write -P 7 0 64k"], cluster_size=512),
    }
    for name in ("s1", "s2"):
        snapshot(made["snap"], name)
        io(made["snap"], ["write -P 8 0 512k"])
    return made


# defect: (base, errno, "open" or "read", word, patch)
ROWS = {}


def defect(base, number, when, word):
    def add(patch):
        ROWS[patch.__name__.replace("_", "-")] = (base, number, when, word, patch)
        return patch

    return add


@defect("plain", "EINVAL", "open", "begin")
def magic(p):
    p.put32(0, 0x51464900)


@defect("plain", "EOPNOTSUPP", "open", "version 1")
def version_1(p):
    p.put32(4, 1)


@defect("plain", "EINVAL", "open", "cluster size")
def cluster_bits_63(p):
    p.put32(20, 63)


@defect("plain", "EINVAL", "open", "cover")
def size_past_l1(p):
    p.put(24, 1 << 50)


@defect("plain", "EINVAL", "open", "larger")
def size_negative(p):
    p.put(24, 1 << 63)


@defect("plain", "EACCES", "open", "is encrypted")
def encrypted(p):
    p.put32(32, 2)


@defect("plain", "EINVAL", "open", "32 MiB")
def l1_huge(p):
    p.put32(36, 0xFFFFFFFF)


@defect("plain", "EINVAL", "open", "aligned")
def l1_not_aligned(p):
    p.put(40, p.l1 + 8)


@defect("plain", "EINVAL", "open", "no L1")
def l1_at_0(p):
    p.put(40, 0)


@defect("plain", "EIO", "open", "truncated")
def l1_past_end(p):
    p.put(40, 1 << 40)


@defect("plain", "EINVAL", "open", "past any file")
def l1_overflow(p):
    p.put(40, 0xFFFFFFFFFFFF0000)


@defect("plain", "EINVAL", "open", "65536")
def snapshots_huge(p):
    p.put32(60, 0xFFFFFFFF)


@defect("plain", "EOPNOTSUPP", "open", "bit 60")
def feature_unknown(p):
    p.put(72, 1 << 60)


@defect("plain", "EINVAL", "open", "does not name")
def data_file_unnamed(p):
    p.put(72, 4)


@defect("plain", "EINVAL", "open", "header length")
def header_length_huge(p):
    p.put32(100, 0xFFFFFFF8)


@defect("plain", "EINVAL", "open", "longer than the header")
def extension_long(p):
    p.extension(0x12345678, b"x" * 8)
    p.put32(p.get(100, ">I") + 4, 0x7FFFFFFF)


@defect("plain", "EINVAL", "open", "does not begin as one")
def empty_header(p):
    p.bytes[:104] = bytes(104)


@defect("plain", "EINVAL", "open", "truncated")
def header_truncated(p):
    p.cut(60)


@defect("over", "EINVAL", "open", "outside")
def backing_offset_far(p):
    p.put(8, 1 << 40)


@defect("over", "EINVAL", "open", "too long")
def backing_name_long(p):
    p.put32(16, 1024)


@defect("over", "EINVAL", "open", "NUL")
def backing_name_nul(p):
    p.bytes[p.get(8)] = 0


def rename_backing(p, name):
    at = p.get(8)
    p.bytes[at : at + len(name)] = name
    p.put32(16, len(name))


@defect("over", "ENOENT", "open", "cannot open")
def backing_missing(p):
    rename_backing(p, b"no-such-file")


@defect("over", "EOPNOTSUPP", "open", "not a local file")
def backing_json(p):
    rename_backing(p, b'json:{"driver":"file"}')


@defect("over", "EOPNOTSUPP", "open", "not a local file")
def backing_directory_as_fat(p):
    rename_backing(p, b"fat:/etc")


@defect("over", "EINVAL", "open", "neither a regular file")
def backing_is_a_device(p):
    rename_backing(p, b"/dev/zero")


@defect("over", "EINVAL", "open", "neither a regular file")
def backing_is_a_fifo(p):
    rename_backing(p, b"fifo")


@defect("over", "ELOOP", "open", "its own backing file")
def backing_is_itself(p):
    rename_backing(p, b"should-fail-backing-is-itself")


@defect("over", "ELOOP", "open", "its own backing file")
def backing_is_a_hard_link(p):
    rename_backing(p, b"hard-link")


@defect("over", "EINVAL", "open", "was not specified in the image metadata")
def backing_format_missing(p):
    p.put32(p.get(100, ">I"), 0x11111111)


@defect("over", "EOPNOTSUPP", "open", "bake")
def backing_format_other(p):
    start = p.get(100, ">I")
    p.bytes[start + 8 : start + 12] = b"bake"
    p.put32(start + 4, 4)


@defect("data", "ENOENT", "open", "cannot open")
def data_file_missing(p):
    p.bytes[: CLUSTER] = p.bytes[:CLUSTER].replace(b"base-data.raw", b"lost-data.raw")


@defect("data", "EIO", "read", "truncated")
def data_file_truncated(p):
    p.bytes[: CLUSTER] = p.bytes[:CLUSTER].replace(b"base-data.raw", b"tiny-data.raw")


@defect("data", "EIO", "read", "not in its place")
def data_file_elsewhere(p):
    p.put(p.l2() + 8, p.get(p.l2()) & OFFSET)
    p.put(p.l2() + 8, COPIED | 5 * CLUSTER)


@defect("data", "EIO", "read", "with a data file")
def data_file_compressed(p):
    p.put(p.l2(), COMPRESSED | CLUSTER)


@defect("plain", "EIO", "read", "not aligned")
def l2_not_aligned(p):
    p.put(p.l1, (p.l2() + 512) | COPIED)


@defect("plain", "EIO", "read", "truncated")
def l2_past_end(p):
    p.put(p.l1, 1 << 50)


@defect("plain", "EIO", "read", "truncated")
def l2_truncated(p):
    p.bytes += bytes(-len(p.bytes) % CLUSTER)
    p.bytes += p.bytes[p.l2() :][:512]
    p.put(p.l1, len(p.bytes) - 512)


@defect("plain", "EIO", "read", "not aligned")
def cluster_not_aligned(p):
    p.put(p.l2() + 16, (p.get(p.l2() + 16) & OFFSET) + 512)


@defect("plain", "EIO", "read", "not aligned")
def zero_cluster_not_aligned(p):
    p.put(p.l2() + 16, (p.get(p.l2() + 16) & OFFSET) + 512 | ZERO)


@defect("plain", "EIO", "read", "truncated")
def cluster_past_end(p):
    p.put(p.l2() + 16, 1 << 54)


@defect("plain", "EIO", "read", "truncated")
def cluster_truncated(p):
    p.cut(len(p.bytes) // CLUSTER * CLUSTER - 100)


@defect("v2", "EIO", "read", "version 2")
def zero_cluster_in_v2(p):
    p.put(p.l2() + 16, ZERO)


@defect("sub", "EIO", "read", "both data and zeros")
def subcluster_both(p):
    p.put(p.l2() + 8, 0x0000000100000001)


@defect("sub", "EIO", "read", "unallocated cluster")
def subcluster_without_cluster(p):
    p.put(p.l2(), 0)


@defect("zlib", "EIO", "read", "decompressed")
def zlib_garbage(p):
    host = p.get(p.l2()) & ((1 << 54) - 1)
    p.bytes[host : host + 16] = b"\xff" * 16


@defect("zlib", "EIO", "read", "decompressed")
def zlib_past_end(p):
    p.put(p.l2(), COMPRESSED | (1 << 53))


@defect("zlib", "EINVAL", "open", "compression")
def compression_disagrees(p):
    p.bytes[104] = 1


@defect("zstd", "EIO", "read", "decompressed")
def zstd_garbage(p):
    host = p.get(p.l2()) & ((1 << 54) - 1)
    p.bytes[host : host + 16] = b"\xff" * 16


@defect("zstd", "EIO", "read", "decompressed")
def zstd_window_of_2_gib(p):
    host = p.get(p.l2()) & ((1 << 54) - 1)
    p.bytes[host : host + 9] = bytes.fromhex("28b52ffd00a8010000")


@defect("512", "EIO", "read", "truncated")
def everything_cut(p):
    p.cut(p.l1 + 8 * p.get(36, ">I"))


@defect("snap", "EINVAL", "open", "not aligned")
def snapshot_table_not_aligned(p):
    p.put(64, p.table + 8)


@defect("snap", "EIO", "open", "past the end")
def snapshot_table_past_end(p):
    p.put(64, 1 << 40)


@defect("snap", "EINVAL", "open", "extra data")
def snapshot_extra_huge(p):
    p.put32(p.table + 36, 0x7FFFFFFF)


@defect("snap", "EIO", "open", "past the end")
def snapshot_count_too_high(p):
    p.put32(60, 60000)
    p.put(64, len(p.bytes) // CLUSTER * CLUSTER)


@defect("snap", "EINVAL", "open", "32 MiB")
def snapshot_l1_huge(p):
    p.put32(p.table + 8, 0x7FFFFFFF)


@defect("snap", "EINVAL", "open", "not aligned")
def snapshot_l1_not_aligned(p):
    p.put(p.table, p.snapshot_l1 + 64)


@defect("snap", "EIO", "open", "truncated")
def snapshot_l1_past_end(p):
    p.put(p.table, 1 << 40)


@defect("snap", "EINVAL", "open", "cover")
def snapshot_l1_short(p):
    p.put(p.table + 48, 1 << 50)


@defect("snap", "EIO", "read", "not aligned")
def snapshot_l2_not_aligned(p):
    p.put(p.snapshot_l1, (p.get(p.snapshot_l1) & OFFSET) + 512)


@defect("snap", "ENOENT", "open", "no snapshot")
def snapshot_missing(p):
    p.put32(60, 0)


def write_corpus(directory):
    """Makes all images; yields (path, tag or None, errno, when, word)."""
    made = bases(directory)
    os.mkfifo(os.path.join(directory, "fifo"))
    with open(os.path.join(directory, "tiny-data.raw"), "wb") as file:
        file.write(b"\7" * 100 * KI)
    for name, (base, number, when, word, patch) in ROWS.items():
        path = os.path.join(directory, "should-fail-" + name)
        image = Patch(made[base])
        patch(image)
        image.write(path)
        if name == "backing-is-a-hard-link":
            os.link(path, os.path.join(directory, "hard-link"))
        yield path, "s1" if base == "snap" else None, number, when, word


if __name__ == "__main__":
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    os.mkdir(sys.argv[1])
    for row in write_corpus(sys.argv[1]):
        print(*row)
