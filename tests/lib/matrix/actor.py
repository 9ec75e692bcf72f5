"""Does the operations of draw.py, and tells the tree what has become of it."""

import errno
import os

from lib.control import create, last_log, write
from lib.matrix.tree import OFF, PAUSED, RUNNING
from lib.tap import errno_name, fail

# What snapfs answers where it must not do what was asked, or cannot. All else is a failure.
REFUSALS = (errno.EBUSY, errno.EOPNOTSUPP, errno.ENOSPC)
POWER = {"start": RUNNING, "destroy": OFF, "suspend": PAUSED, "resume": RUNNING}


class Refused(Exception):
    """snapfs has refused; nothing may have changed. `sentence` is its log's."""

    def __init__(self, error, sentence):
        super().__init__(f"{errno_name(error.errno)}: {sentence}")
        self.errno, self.sentence = error.errno, sentence


class Actor:
    def __init__(self, domain, mount, tree):
        self.domain, self.mount, self.tree = domain, mount, tree

    def do(self, words):
        verb, *rest = words
        if verb in POWER:
            self.domain.virsh(verb, self.domain.name)
            self.tree.state = POWER[verb]
        elif verb == "write":
            self.write(*rest)
        else:
            self.through_mount(verb, rest)

    def write(self, target, *numbers):
        offset, length, byte = map(int, numbers)
        self.domain.write(byte, offset, length, [target])
        self.tree.write(target, offset, length, byte)

    def through_mount(self, verb, rest):
        try:
            getattr(self, verb)(*rest)
        except OSError as error:
            line = self.log()
            if error.errno not in REFUSALS:
                fail(f"{error}\n{line}")
            raise Refused(error, line.split(f": {errno_name(error.errno)}: ", 1)[-1]) from None

    def log(self):
        """Of the last operation through the mount."""
        return last_log(self.mount, self.domain)

    # ---- through the mount

    def path(self, *parts):
        return self.mount.path(self.domain.name, *parts)

    def mkdir(self, name):
        os.mkdir(self.path("current", name))
        self.tree.create(name, [])

    def create(self, name, *words):
        create(self.mount, self.domain, " ".join((name, *words)).format(self.domain.directory))
        self.tree.create(name, list(words))

    def rmdir(self, name):
        os.rmdir(self.path("snapshots", self.tree.path(name)))
        self.tree.remove(name)

    def delete(self, name, word):
        write(self.path("by-name", name, "delete"), f"{word}\n")
        below = self.tree.below(name)
        if word in ("children", "children-only"):
            self.tree.remove(*reversed(below))
            if word == "children-only":
                return
        self.tree.remove(name)

    def revert(self, name, *words):
        write(self.path("by-name", name, "revert"), " ".join(words) + "\n")
        self.tree.revert(name, *words)
