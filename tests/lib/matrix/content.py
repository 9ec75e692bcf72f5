"""What a disk holds: all that was ever written to it, in order. And digests of bytes."""

import functools
import hashlib
import os

EMPTY = ()
PIECE = 1 << 20


def written(content, offset, length, byte):
    """What it holds after a write of bytes of one value."""
    return (*content, (offset, length, byte))


@functools.lru_cache(maxsize=256)
def digest(content, size):
    """Of the whole disk's bytes."""
    held = bytearray(size)
    for offset, length, byte in content:
        held[offset : offset + length] = bytes([byte]) * length
    return hashlib.sha256(held).hexdigest()


def digest_of_file(path):
    """Of a file's bytes as they are now, whatever of them the kernel has kept."""
    found = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while piece := file.read(PIECE):
            found.update(piece)
    return found.hexdigest()
