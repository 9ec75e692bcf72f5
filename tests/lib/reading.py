# SPDX-License-Identifier: GPL-3.0-or-later
"""The bytes of a disk at a snapshot as QEMU reads them, to compare images with.

`qemu-img convert -l` sizes an internal snapshot by the image as it is now, so it is asked only
about images that nobody resized.
"""

import errno
import json
import os
import re

from lib.command import must
from lib.tap import equal, fail, true

BLOCK = 1 << 20
# The header extension that names the backing file's format.
BACKING_FORMAT = bytes.fromhex("e2792aca")
# A line that qemu-io prints for 16 bytes.
DUMPED = re.compile(r"^[0-9a-f]{8,}:  ((?:[0-9a-f]{2} ){16})", re.MULTILINE)


def by_qemu(domain, name, target, path):
    """Writes QEMU's reading of a disk at a snapshot to a raw file."""
    source, format = domain.snapshot_source(name, target)
    convert(source, format, path, name if domain.is_internal(name, target) else None)


def memory_by_qemu(domain, name, path):
    """Writes QEMU's reading of the memory of an internal snapshot to a file: of a copy of the disk
    that has it, reverted to the snapshot. A QEMU that runs writes first what it holds back."""
    if domain.running():
        domain.flush()
    for disk in domain.disks:
        source, _ = domain.snapshot_source(name, disk.target)
        size = {one["name"]: one["vm-state-size"] for one in _table(source)}[name]
        if not size:
            continue
        copy = f"{path}.reverted"
        must("cp", "--sparse=always", source, copy)
        must("qemu-img", "snapshot", "-a", tag_id(copy, name), copy)
        dump = must("qemu-io", "-f", "qcow2", "-c", f"read -b -v 0 {(size + 511) // 512 * 512}", copy)
        os.unlink(copy)
        lines = DUMPED.findall(dump)
        equal(len(lines) * 16, (size + 511) // 512 * 512, "bytes of qemu-io's dump")
        with open(path, "wb") as file:
            file.write(bytes.fromhex("".join(lines))[:size])
        return disk.target
    return fail(f"no disk holds memory of '{name}'")


def convert(source, format, path, tag=None):
    which = ["-l", f"snapshot.id={tag_id(source, tag)}"] if tag else []
    must("qemu-img", "convert", "-U", "-f", format, *which, "-O", "raw", source, path)


def tag_id(source, name):
    """The id of an image's one internal snapshot of that name."""
    found = [one["id"] for one in _table(source) if one["name"] == name]
    equal(len(found), 1, f"internal snapshots called '{name}' in '{source}'")
    return found[0]


def tags(source):
    """The names of an image's internal snapshots."""
    return [one["name"] for one in _table(source)]


def backing_format(source):
    """The format that an image gives for its backing file, or None."""
    return _info(source).get("backing-filename-format")


def backing(source):
    """The file that an image has below it, or None."""
    info = _info(source)
    return info.get("full-backing-filename", info.get("backing-filename"))


def forget_backing_format(path):
    """Changes the extension that names it to an unknown one; qemu-img refuses to do so."""
    with open(path, "r+b") as file:
        header = file.read(4096)
        place = header.index(BACKING_FORMAT)
        file.seek(place)
        file.write(bytes.fromhex("12345678"))
    equal(backing_format(path), None, "the backing format")


def allocated(source, format):
    """The bytes of a disk that have storage anywhere in its chain."""
    extents = json.loads(must("qemu-img", "map", "-U", "-f", format, "--output=json", source))
    return sum(one["length"] for one in extents if one["data"])


def chain(source, format):
    """Returns the files of an image's chain, the image first."""
    said = must("qemu-img", "info", "-U", "-f", format, "--backing-chain", "--output=json", source)
    return [one["filename"] for one in json.loads(said)]


def _table(source):
    return _info(source).get("snapshots", [])


def _info(source):
    return json.loads(must("qemu-img", "info", "-U", "--output=json", source))


def same(path, other):
    """Whether two files hold the same bytes."""
    with open(path, "rb") as left, open(other, "rb") as right:
        while True:
            ours, theirs = left.read(BLOCK), right.read(BLOCK)
            if ours != theirs:
                return False
            if not ours:
                return True


def listed(snapshot):
    """The disks whose images a snapshot's directory lists."""
    return sorted(name[:-4] for name in os.listdir(snapshot) if name.endswith(".raw"))


def images(snapshot):
    """Returns the disks whose images can be opened."""
    return [disk for disk in listed(snapshot) if can_be_opened(os.path.join(snapshot, f"{disk}.raw"))]


def can_be_opened(path):
    try:
        open(path, "rb").close()
        return True
    except OSError as error:
        true(error.errno not in (errno.ENOENT, errno.ENOTDIR), f"{path}: {error}, as if it were not there")
        return False


def compare(domain, mount, scratch, names=None):
    """Checks that every image of the snapshots (default: all) equals QEMU's reading, and that no two are equal."""
    names = names or domain.snapshots()
    for target in [disk.target for disk in domain.disks]:
        seen = {}
        for name in names:
            expected = os.path.join(scratch, f"{domain.name}-{target}-{name}")
            by_qemu(domain, name, target, expected)
            for before, file in seen.items():
                true(not same(file, expected), f"'{before}' and '{name}' do not differ on {target}")
            seen[name] = expected
        for name, expected in seen.items():
            check(mount.path(domain.name, "by-name", name, f"{target}.raw"), expected)
            os.unlink(expected)


def check(image, expected):
    """Checks that an image of the tree has the bytes of a file."""
    equal(os.stat(image).st_size, os.stat(expected).st_size, f"size of {image}")
    if not same(image, expected):
        fail(f"{image} does not hold what QEMU says\n{first_difference(image, expected)}")


def first_difference(path, other):
    with open(path, "rb") as left, open(other, "rb") as right:
        offset = 0
        while True:
            ours, theirs = left.read(512), right.read(512)
            if ours != theirs:
                return f"first at {offset}: {ours[:8].hex()} for {theirs[:8].hex()}"
            if not ours:
                return "no difference"
            offset += len(ours)
