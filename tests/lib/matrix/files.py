# SPDX-License-Identifier: GPL-3.0-or-later
"""QEMU's answers about files: their backing files, their tags, and the content of disks."""

import json
import os
import tempfile

from lib import reading
from lib.command import attempt
from lib.matrix.content import digest_of_file
from lib.tap import fail


class Files:
    """Of a set of tops, (file, format): `chains` by their paths, `tags` of every file below them."""

    def __init__(self, tops=()):
        self.chains, self.tags = {}, {}
        for path, format in tops:
            if not self.follow(path, format):
                fail(f"the chain of '{path}' cannot be followed")

    def follow(self, path, format):
        """Returns whether its chain is whole."""
        if path in self.chains:
            return True
        said = attempt("qemu-img", "info", "-U", "-f", format, "--backing-chain", "--output=json", path)
        if said.status != 0:
            return False
        layers = json.loads(said.out)
        names = [one["filename"] for one in layers]
        for place, layer in enumerate(layers):
            self.chains[names[place]] = names[place:]
            self.tags[names[place]] = [one["name"] for one in layer.get("snapshots", [])]
        return True

    def needed(self):
        return set(self.chains)


class Reader:
    """QEMU's reading of disks; one whose files nobody wrote to since is not read again."""

    def __init__(self, scratch):
        self.scratch, self.known = scratch, {}

    def digest(self, files, path, format, tag=None):
        stamps = tuple(map(stamp, files.chains[path]))
        key = (path, tag)
        if self.known.get(key, (None,))[0] != stamps:
            self.known[key] = stamps, self.read(path, format, tag)
        return self.known[key][1]

    def read(self, path, format, tag):
        with tempfile.TemporaryDirectory(dir=self.scratch) as directory:
            copy = os.path.join(directory, "copy")
            reading.convert(path, format, copy, tag)
            return digest_of_file(copy)


def stamp(path):
    found = os.stat(path)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
