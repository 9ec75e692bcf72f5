# SPDX-License-Identifier: GPL-3.0-or-later
"""An ext4 file system with a file that is in its journal alone, as a guest leaves one that it has just synced."""

import os
import re
import shutil

from lib.command import attempt, must


def make(path, size, directory):
    """A file system in the file `path`, with the files of the directory."""
    must("mkfs.ext4", "-q", "-F", "-d", directory, path, f"{size >> 10}k")


def add_to_journal(path, name, content):
    """Puts the file into the journal of the file system in `path`; nothing else of it is changed.

    debugfs writes it to a copy, and the blocks that differ into the journal. No kernel takes part.
    """
    after, source = f"{path}.after", f"{path}.{name}"
    with open(source, "w", encoding="ascii") as file:
        file.write(content)
    shutil.copy(path, after)
    must("debugfs", "-w", "-R", f"write {source} {name}", after)
    numbers, blocks = _differing(path, after, _block_size(path))
    with open(source, "wb") as file:
        file.write(b"".join(blocks))
    commands = f"journal_open\njournal_write -b {','.join(map(str, numbers))} {source}\njournal_close\n"
    must("debugfs", "-w", "-f", "/dev/stdin", path, text=commands)
    os.unlink(after)
    os.unlink(source)


def _block_size(path):
    return int(re.search(r"^Block size: +(\d+)$", must("dumpe2fs", "-h", path), re.MULTILINE).group(1))


def _differing(before, after, size):
    numbers, blocks = [], []
    with open(before, "rb") as one, open(after, "rb") as other:
        for number, block in enumerate(iter(lambda: other.read(size), b"")):
            if one.read(size) != block:
                numbers.append(number)
                blocks.append(block)
    return numbers, blocks


def read_by_debugfs(path, name):
    """What a file says to a program that replays no journal; None: it is not there."""
    result = attempt("debugfs", "-R", f"cat /{name}", path)
    return None if "File not found" in result.err else result.out


def have_loops():
    """Whether a file can be mounted here."""
    return attempt("losetup", "-f").status == 0


def read_by_mount(path, name, point, *options):
    """What a file says in a mount of the file system; None: it is not there."""
    os.makedirs(point, exist_ok=True)
    must("mount", "-o", ",".join(("loop", *options)), path, point)
    try:
        with open(os.path.join(point, name), encoding="ascii") as file:
            return file.read()
    except FileNotFoundError:
        return None
    finally:
        must("umount", point)
