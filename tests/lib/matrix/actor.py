# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the operations of draw.py on one domain, and brings its tree up to date."""

import os

from lib.control import create, write
from lib.matrix.tree import POWER
from lib.tap import errno_name


class Refused(Exception):
    """snapfs refused, with the `sentence` of its log; nothing may have changed. `causes.py` has to explain it."""

    def __init__(self, error, sentence):
        super().__init__(f"{errno_name(error.errno)}: {sentence}")
        self.errno, self.sentence = error.errno, sentence


class Actor:
    def __init__(self, world, member):
        self.world, self.member = world, member

    @property
    def domain(self):
        return self.world.machines[self.member]

    @property
    def tree(self):
        return self.world.model.trees[self.member]

    def do(self, words):
        verb, *rest = words
        if verb in POWER:
            self.domain.virsh(verb, self.domain.name)
            self.tree.power(verb)
        elif verb == "write":
            self.write(*rest)
        else:
            self.through_mount(words)

    def write(self, target, *numbers):
        offset, length, byte = map(int, numbers)
        self.domain.put(self.tree.active(), byte, offset, length, target)
        self.tree.write(target, offset, length, byte)

    def through_mount(self, words):
        try:
            self.ask(words)
        except OSError as error:
            self.refused(error, self.log())
        self.tree.apply(words)

    @staticmethod
    def refused(error, line):
        """The line is that of the log."""
        raise Refused(error, line.split(f": {errno_name(error.errno)}: ", 1)[-1]) from error

    def log(self):
        """The log's line of the last operation through the mount, "" if there was none."""
        with open(self.path("log"), encoding="utf-8") as file:
            return (file.read().splitlines() or [""])[-1]

    # ---- through the mount

    def path(self, *parts):
        return self.world.path(self.member, *parts)

    def ask(self, words):
        """Only snapfs's part; it may fail as a system call does."""
        verb, *rest = words
        getattr(self, verb)(*rest)

    def mkdir(self, name):
        os.mkdir(self.path("current", name))

    def create(self, name, *words):
        create(self.world.mount, self.domain, " ".join((name, *words)).format(self.domain.directory))

    def rmdir(self, name):
        os.rmdir(self.path("snapshots", self.tree.path(name)))

    def delete(self, name, word):
        write(self.path("by-name", name, "delete"), f"{word}\n")

    def revert(self, name, *words):
        write(self.path("by-name", name, "revert"), " ".join(words) + "\n")
