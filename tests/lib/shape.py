# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree of snapshots for dangerous requests; whatever snapfs answers, no bytes may be lost."""

import contextlib
import errno
import os

from lib import daemon
from lib.control import write
from lib.line import KINDS, line, write as guest_writes
from lib.tap import equal, errno_name, fail, true

REFUSALS = (errno.EBUSY, errno.EOPNOTSUPP, errno.EPERM)


class Shape:
    """`domain`, `mount` and `held`, which knows the bytes of every snapshot that is to be there."""

    def __init__(self, domain, mount, held):
        self.domain, self.mount, self.held = domain, mount, held
        self.daemon, self.written = daemon.pid(), len(held.bytes)

    def write(self):
        self.written += 1
        guest_writes(self.domain, self.written)

    def take(self, name):
        """One more snapshot, whose name begins with its kind."""
        self.held.snapshot(name, KINDS[name[0]])
        self.write()

    def path(self, name, *parts):
        return self.mount.path(self.domain.name, "by-name", name, *parts)

    def revert(self, name, words=""):
        write(self.path(name, "revert"), f"{words}\n")
        self.held.is_live(name)
        self.write()
        self.safe()

    def delete(self, name, word="merge"):
        """Deletes the snapshot; its children must move up, and all others keep their bytes."""
        parents, live = self.domain.parents(), self.held.live()
        write(self.path(name, "delete"), f"{word}\n")
        above = parents.pop(name)
        moved = {one: above if parent == name else parent for one, parent in parents.items()}
        equal(self.domain.parents(), moved, f"parents once {name} is deleted")
        equal(self.held.live(), live, "the live disks")
        del self.held.bytes[name]
        self.safe()

    def refuses(self, *calls, numbers=REFUSALS):
        """Checks that each (function, arguments…) fails with one of the errnos, and that nothing was done."""
        before = self.look()
        for function, *arguments in calls:
            try:
                function(*arguments)
            except OSError as error:
                true(error.errno in numbers, f"{arguments}: {errno_name(error.errno)}")
            else:
                fail(f"{arguments} was done")
        equal(self.look(), before, "what is there")

    def look(self):
        domain = self.domain
        files = sorted(os.listdir(domain.directory))
        return domain.parents(), domain.current(), domain.state(), files, self.held.live()

    def safe(self):
        """Checks that every snapshot has its bytes, for QEMU and in the mount, and that the daemon lives."""
        self.held.check()
        self.held.check_mount()
        equal(daemon.pid(), self.daemon, "the process of libvirtd")
        true(os.path.exists(f"/proc/{self.daemon}"), "libvirtd has ended")


@contextlib.contextmanager
def shape(directory, name, *names, start=False, disks=None):
    """A domain with these snapshots in a line, named by kind and number; in the end all are safe."""
    kinds = [one[0] for one in names]
    with line(name, directory, *kinds, disks=disks, start=start) as (domain, mount, held):
        equal(sorted(held.bytes), sorted(names), "the names")
        one = Shape(domain, mount, held)
        yield one
        one.safe()


def both(directory, name, *names, **keywords):
    """Runs the same for a running domain and for one that is shut off."""
    for start, state in ((True, "on"), (False, "off")):
        with shape(directory, f"{name}-{state}", *names, start=start, **keywords) as one:
            yield one
