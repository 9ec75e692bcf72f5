# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of a disk: all writes to it, in order. Also digests of bytes.

A disk may begin with the bytes of a file, as a clone's disk does.
"""

import functools
import hashlib
import os

EMPTY = ()
PIECE = 1 << 20
FILE = "file"


def of_file(path):
    """That of a raw file, which stays as it is."""
    return ((FILE, path),)


def written(content, offset, length, byte):
    """Returns the content after a write of bytes of one value."""
    return (*content, (offset, length, byte))


@functools.lru_cache(maxsize=64)
def held(content, size):
    """The whole disk's bytes."""
    disk = bytearray(size)
    for piece in content:
        if piece[0] == FILE:
            with open(piece[1], "rb") as file:
                disk[:] = file.read()
        else:
            offset, length, byte = piece
            disk[offset : offset + length] = bytes([byte]) * length
    return bytes(disk)


@functools.lru_cache(maxsize=1024)
def digest(content, size):
    return hashlib.sha256(held(content, size)).hexdigest()


def runs(content, size):
    """(offset, length, byte) of the pieces in which the disk has bytes of one value."""
    disk = held(content, size)
    pieces = [piece for piece in content if piece[0] != FILE]
    edges = sorted({0, size}.union(*((start, start + length) for start, length, _ in pieces)))
    for start, end in zip(edges, edges[1:]):
        if disk[start:end] == bytes([disk[start]]) * (end - start):
            yield start, end - start, disk[start]


def digest_of_file(path):
    """Of a file's bytes as they are now, whatever of them the kernel has kept."""
    found = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while piece := file.read(PIECE):
            found.update(piece)
    return found.hexdigest()
