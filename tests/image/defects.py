# SPDX-License-Identifier: GPL-3.0-or-later
"""More defects for the corpus: limits just passed, names that lead astray, streams that lie."""

import os
import socket
import struct

from corpus import CLUSTER, COMPRESSED, COPIED, OFFSET, Patch, defect, rename_backing
from disks import MI, create

DATA_FILE, FORMAT = 0x44415441, 0xE2792ACA


# ---- the header ----


@defect("plain", "EINVAL", "open", "cluster size")
def cluster_bits_8(p):
    p.put32(20, 8)


@defect("plain", "EINVAL", "open", "cluster size")
def cluster_bits_22(p):
    p.put32(20, 22)


@defect("plain", "EACCES", "open", "is encrypted")
def encrypted_by_aes(p):
    p.put32(32, 1)


@defect("plain", "EINVAL", "open", "encryption")
def encrypted_by_what(p):
    p.put32(32, 3)


@defect("plain", "EINVAL", "open", "cover")
def l1_empty(p):
    p.put32(36, 0)


@defect("plain", "EINVAL", "open", "32 MiB")
def l1_one_too_large(p):
    p.put32(36, 32 * MI // 8 + 1)


@defect("plain", "EINVAL", "open", "65536")
def snapshots_one_too_many(p):
    p.put32(60, 65537)


@defect("plain", "EINVAL", "open", "header length")
def header_length_short(p):
    p.put32(100, 96)


@defect("plain", "EINVAL", "open", "header length")
def header_length_past_the_cluster(p):
    p.put32(100, CLUSTER + 8)


@defect("plain", "EINVAL", "open", "reference counts")
def references_of_128_bits(p):
    p.put32(96, 7)


@defect("512", "EINVAL", "open", "too small")
def subclusters_of_16_bytes(p):
    p.put(72, 16)


@defect("plain", "EINVAL", "open", "raw data file")
def raw_data_file_without_one(p):
    p.put(88, 2)


@defect("data", "EINVAL", "open", "internal snapshots")
def data_file_and_snapshots(p):
    p.put32(60, 1)
    p.put(64, CLUSTER)


@defect("zstd", "EOPNOTSUPP", "open", "compression type 2")
def compression_unknown(p):
    p.bytes[104] = 2


@defect("plain", "EINVAL", "open", "does not fit")
def extension_cut_by_the_name(p):
    p.extension(0x12345678, b"")
    p.put(8, p.get(100, ">I") + 8 + 4)
    p.put32(16, 1)


@defect("plain", "EINVAL", "open", "too long")
def format_name_long(p):
    p.extension(FORMAT, b"q" * 16)


@defect("over", "EINVAL", "open", "NUL")
def format_name_nul(p):
    p.extension(FORMAT, b"raw\0")


@defect("plain", "EINVAL", "open", "too long")
def data_name_long(p):
    p.extension(DATA_FILE, b"d" * 1024)


@defect("over", "EINVAL", "open", "inside the header")
def backing_name_in_the_header(p):
    p.put(8, 64)


@defect("plain", "EINVAL", "open", "truncated")
def header_of_one_sector(p):
    p.put32(100, 4096)
    p.cut(512)


@defect("plain", "EINVAL", "open", "truncated")
def nothing_at_all(p):
    p.cut(0)


# ---- names of files ----


@defect("over", "EINVAL", "open", "neither a regular file")
def backing_is_a_directory(p):
    rename_backing(p, b".")


@defect("over", "EINVAL", "open", "neither a regular file")
def backing_is_a_socket(p):
    path = os.path.join(os.path.dirname(p.path), "socket")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path)
    rename_backing(p, b"socket")


@defect("over", "EINVAL", "open", "neither a regular file")
def backing_is_a_link_to_a_fifo(p):
    os.symlink("fifo", os.path.join(os.path.dirname(p.path), "to-fifo"))
    rename_backing(p, b"to-fifo")


@defect("over", "ELOOP", "open", "symbolic links")
def backing_is_a_link_to_itself(p):
    os.symlink("round", os.path.join(os.path.dirname(p.path), "round"))
    rename_backing(p, b"round")


@defect("over", "EOPNOTSUPP", "open", "not a local file")
def backing_on_the_network(p):
    rename_backing(p, b"ssh://h/x")


@defect("over", "ELOOP", "open", "its own backing file")
def backing_three_in_a_circle(p):
    directory = os.path.dirname(p.path)
    create(os.path.join(directory, "circle-3"), MI, backing=("should-fail-backing-three-in-a-circle", "qcow2"))
    create(os.path.join(directory, "circle-2"), MI, backing=("./circle-3", "qcow2"))
    rename_backing(p, b"circle-2")


@defect("over", "ELOOP", "open", "its own backing file")
def backing_is_the_data_file_above(p):
    directory = os.path.dirname(p.path)
    path = create(os.path.join(directory, "on-its-data"), 4 * MI, data_file=os.path.join(directory, "twice.raw"))
    middle = Patch(path)
    at, name = CLUSTER - 512, b"twice.raw"
    middle.bytes[at : at + len(name)] = name
    middle.put(8, at)
    middle.put32(16, len(name))
    middle.extension(FORMAT, b"raw")
    middle.write(path)
    rename_backing(p, b"on-its-data")


def rename_data(p, name):
    """The first extension, which has the name of the data file, becomes one without a meaning."""
    p.put32(p.get(100, ">I"), 0x12345678)
    p.extension(DATA_FILE, name)


@defect("data", "EOPNOTSUPP", "open", "not a local file")
def data_file_json(p):
    rename_data(p, b'json:{"driver":"file","filename":"x"}')


@defect("data", "EINVAL", "open", "neither a regular file")
def data_file_is_a_fifo(p):
    rename_data(p, b"fifo")


@defect("data", "EINVAL", "open", "neither a regular file")
def data_file_is_a_directory(p):
    rename_data(p, b"/etc")


@defect("data", "ELOOP", "open", "itself")
def data_file_is_itself(p):
    rename_data(p, b"should-fail-data-file-is-itself")


# ---- tables ----


@defect("plain", "EIO", "read", "truncated")
def l2_at_the_end_of_the_file(p):
    p.bytes += bytes(-len(p.bytes) % CLUSTER)
    p.put(p.l1, len(p.bytes) | COPIED)


@defect("plain", "EIO", "read", "past")
def l2_past_any_file(p):
    p.put(p.l1, OFFSET & ~(CLUSTER - 1))


@defect("sub", "EIO", "read", "not aligned")
def subclusters_not_aligned(p):
    p.put(p.l2(), p.get(p.l2()) + 512)


@defect("over", "EIO", "read", "truncated")
def nothing_of_the_backing_file_instead(p):
    p.put(p.l1, 1 << 40)


# ---- compressed clusters ----


def repack(p, data):
    host = len(p.bytes)
    p.put(p.l2(), COMPRESSED | (host % 512 + len(data) - 1) // 512 << 54 | host)
    p.bytes += data


@defect("zlib", "EIO", "read", "decompressed")
def zlib_of_nothing(p):
    repack(p, b"\3\0")


@defect("zlib", "EIO", "read", "decompressed")
def zlib_from_before_its_beginning(p):
    """Fixed codes, and a copy from before the beginning."""
    repack(p, b"\xfb\xff\xff\x3f" * 8)


@defect("zlib", "EIO", "read", "decompressed")
def zlib_stored_and_cut(p):
    repack(p, b"\1\xff\xff\0\0" + b"x" * 1000)


@defect("zstd", "EIO", "read", "decompressed")
def zstd_of_skipped_frames(p):
    repack(p, struct.pack("<II", 0x184D2A50, 24) + bytes(24) + struct.pack("<II", 0x184D2A5F, 0xFFFFFFFF))


@defect("zstd", "EIO", "read", "decompressed")
def zstd_with_a_dictionary(p):
    repack(p, bytes.fromhex("28b52ffd") + b"\x03\x58\x01\x02\x03\x04" + bytes(40))


@defect("zstd", "EIO", "read", "decompressed")
def zstd_of_empty_frames(p):
    repack(p, bytes.fromhex("28b52ffd2000010000") * 3000)


@defect("zstd", "EIO", "read", "decompressed")
def zstd_longer_than_the_cluster(p):
    """One frame of a block of 65537 equal bytes."""
    repack(p, bytes.fromhex("28b52ffd") + b"\x00\x58" + struct.pack("<I", 65537 << 3 | 1 << 1 | 1)[:3] + b"x")


# ---- snapshots ----


@defect("snap", "EINVAL", "open", "impossible size")
def snapshot_size_negative(p):
    p.put(p.table + 48, 1 << 63)


@defect("snap", "EINVAL", "open", "no L1")
def snapshot_l1_at_0(p):
    p.put(p.table, 0)


@defect("snap", "EINVAL", "open", "past any file")
def snapshot_l1_overflow(p):
    p.put(p.table, 0xFFFFFFFFFFFF0000)


@defect("snap", "EINVAL", "open", "extra data")
def snapshot_extra_1025(p):
    p.put32(p.table + 36, 1025)


@defect("snap", "EINVAL", "open", "more than one snapshot")
def snapshot_named_twice(p):
    at = bytes(p.bytes).index(b"s2", p.table)
    p.bytes[at : at + 2] = b"s1"


@defect("snap", "EIO", "open", "past the end")
def snapshot_names_past_the_end(p):
    p.bytes += bytes(-len(p.bytes) % CLUSTER)
    p.bytes += p.bytes[p.table : p.table + 40]
    p.put(64, len(p.bytes) - 40)
    p.put(64 - 4, 1, ">I")
    p.put(len(p.bytes) - 40 + 12, 0xFFFFFFFF, ">I")


@defect("snap", "EIO", "open", "truncated")
def snapshot_l1_cut(p):
    p.bytes += bytes(-len(p.bytes) % CLUSTER) + bytes(4)
    p.put(p.table, len(p.bytes) - 4)
