# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags that qemu-img makes in a qcow2 file without libvirt, and QEMU's reading of them by their ids."""

import json

from lib.command import must
from lib.tap import equal, true

STEP = 64 << 10


def create(path, size=1 << 20, base=None):
    below = ["-F", "qcow2", "-b", base] if base else []
    must("qemu-img", "create", "-q", "-f", "qcow2", *below, path, size)


def fill(path, pattern, offset=0, length=STEP):
    """Writes bytes of one value to the disk."""
    must("qemu-io", "-f", "qcow2", "-c", f"write -P {pattern:#x} {offset} {length}", path)


def tag(path, name, pattern=None):
    """Takes a tag, after a write of such bytes; returns its id."""
    if pattern is not None:
        fill(path, pattern)
    must("qemu-img", "snapshot", "-c", name, path)
    return table(path)[-1]["id"]


def untag(path, name):
    must("qemu-img", "snapshot", "-d", name, path)


def table(path):
    """The file's table of tags, as QEMU reads it."""
    info = must("qemu-img", "info", "-U", "--output=json", path)
    return json.loads(info).get("snapshots", [])


def by_id(path, number, out):
    """Writes the bytes of the tag with that id to a raw file."""
    must("qemu-img", "convert", "-U", "-f", "qcow2", "-l", f"snapshot.id={number}", "-O", "raw",
         path, out)
    with open(out, "rb") as file:
        return file.read()


def date(path, number):
    (found,) = [one for one in table(path) if one["id"] == number]
    return found["date-sec"]


def check(images, expected):
    """Checks that each image, by its path, has the expected bytes, and that these differ."""
    values = list(expected.values())
    true(len(set(values)) == len(values), "two tags hold the same bytes")
    equal(sorted(images), sorted(expected), "images")
    for path, content in expected.items():
        with open(path, "rb") as image:
            true(image.read() == content, f"{path} does not hold what QEMU says")
