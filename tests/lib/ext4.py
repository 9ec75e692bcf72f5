# SPDX-License-Identifier: GPL-3.0-or-later
"""An ext4 file system with a file that is only in its journal, as after a guest's sync."""

import os
import re
import shutil

from lib.command import attempt, must


def make(path, size, directory):
    """A file system in the file `path`, with the files of the directory."""
    must("mkfs.ext4", "-q", "-F", "-d", directory, path, f"{size >> 10}k")


def add_to_journal(path, name, content):
    """Puts the file into the journal of the file system in `path`, and changes nothing else.

    debugfs writes the file to a copy, then writes the blocks that differ into the journal. No kernel takes part.
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
    """Returns the file's text as a program without a replay reads it; None if the file is not there."""
    result = attempt("debugfs", "-R", f"cat /{name}", path)
    return None if "File not found" in result.err else result.out


def have_loops():
    """Whether a file can be mounted here."""
    return attempt("losetup", "-f").status == 0


def read_by_mount(path, name, point, *options):
    """Returns the file's text in a mount of the file system; None if the file is not there."""
    os.makedirs(point, exist_ok=True)
    must("mount", "-o", ",".join(("loop", *options)), path, point)
    try:
        with open(os.path.join(point, name), encoding="ascii") as file:
            return file.read()
    except FileNotFoundError:
        return None
    finally:
        must("umount", point)
