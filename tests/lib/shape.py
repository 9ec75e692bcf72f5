"""A tree of snapshots that somebody asks something dangerous of; whatever comes of it, nothing is lost."""

import contextlib
import errno
import os

from lib import daemon
from lib.control import write
from lib.domain import MIB, SYSTEM, Domain
from lib.held import Held
from lib.mount import Mount
from lib.tap import equal, errno_name, fail, true

KINDS = {"e": "external", "m": "memory", "i": "internal"}
REFUSALS = (errno.EBUSY, errno.EOPNOTSUPP, errno.EPERM)


class Shape:
    """`domain`, `mount` and `held`, which knows the bytes of every snapshot that is to be there."""

    def __init__(self, domain, mount):
        self.domain, self.mount = domain, mount
        self.held, self.daemon = Held(domain, mount), daemon.pid()
        self.written = 0

    def write(self):
        """The guest writes what it never wrote, on each disk another thing."""
        self.written += 1
        for index, disk in enumerate(self.domain.disks):
            byte = self.written + index * 0x40
            self.domain.write(byte, self.written % 4 * MIB, targets=[disk.target])

    def take(self, *names):
        """Snapshots one below the other, whose names begin with their kinds."""
        for name in names:
            self.write()
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
        """It has to go; its children move up, and all others keep their bytes."""
        parents, live = self.domain.parents(), self.held.live()
        write(self.path(name, "delete"), f"{word}\n")
        above = parents.pop(name)
        moved = {one: above if parent == name else parent for one, parent in parents.items()}
        equal(self.domain.parents(), moved, f"parents once {name} is deleted")
        equal(self.held.live(), live, "the live disks")
        del self.held.bytes[name]
        self.safe()

    def refused(self, function, *arguments, numbers=REFUSALS):
        """Nothing is done at all."""
        before = self.look()
        try:
            function(*arguments)
        except OSError as error:
            true(error.errno in numbers, f"{function.__name__} {arguments}: {errno_name(error.errno)}")
            equal(self.look(), before, f"after {function.__name__} {arguments}")
            self.safe()
            return
        fail(f"{function.__name__} {arguments} was done")

    def look(self):
        domain = self.domain
        files = sorted(os.listdir(domain.directory))
        return domain.parents(), domain.current(), domain.state(), files, self.held.live()

    def safe(self):
        """Every snapshot has its bytes, for QEMU and in the mount, and the daemon has not ended."""
        self.held.check()
        self.held.check_mount()
        equal(daemon.pid(), self.daemon, "the process of libvirtd")
        true(os.path.exists(f"/proc/{self.daemon}"), "libvirtd has ended")


@contextlib.contextmanager
def shape(directory, name, *names, start=False, disks=None):
    """A domain with these snapshots in a line; at the end all of it is safe."""
    with Domain(name, directory, disks or {"vda": "qcow2"}, 4 * MIB) as domain:
        with Mount(SYSTEM, "cache=0", f"domain={name}") as mount:
            if start:
                domain.start()
            one = Shape(domain, mount)
            one.take(*names)
            yield one
            one.safe()


def both(directory, name, *names, **keywords):
    """The same running and shut off."""
    for start, state in ((True, "on"), (False, "off")):
        with shape(directory, f"{name}-{state}", *names, start=start, **keywords) as one:
            yield one
