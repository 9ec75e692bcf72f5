# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain with snapshots in a line, whose bytes are known, in a mount."""

import contextlib

from lib.domain import MIB, SYSTEM, Domain
from lib.held import Held
from lib.mount import Mount
from lib.tap import equal
from lib.watch import revert

KINDS = {"e": "external", "m": "memory", "i": "internal"}


@contextlib.contextmanager
def line(name, directory, *kinds, disks=None, start=True):
    """A domain with snapshots in a line, named by kind and number, and a mount; their bytes are known."""
    with Domain(name, directory, disks or {"vda": "qcow2"}, 4 * MIB) as domain:
        with Mount(SYSTEM, "cache=0", f"domain={name}") as mount:
            if start:
                domain.start()
            held = Held(domain, mount)
            for number, kind in enumerate(kinds, 1):
                write(domain, number)
                held.snapshot(f"{kind}{number}", KINDS[kind])
            write(domain, 0xEE)
            yield domain, mount, held
            held.check()


def write(domain, pattern):
    """Writes new bytes on every disk: no two writes or disks have the same."""
    for index, disk in enumerate(domain.disks):
        domain.write(pattern + index * 0x40 & 0xFF, (pattern % 4) * MIB, targets=[disk.target])


def reverted(domain, mount, held, name, words=""):
    """Reverts, and checks everything."""
    revert(mount, domain, name, words)
    equal(domain.current(), name, "the current snapshot")
    held.is_live(name)
    held.check()
    held.check_mount()


def leaks_nothing(domain, held, name, pattern):
    """Writes to the live disks; the next check shows that no snapshot has these bytes."""
    write(domain, pattern)
    held.is_not_live(name)


def branch(domain, held, name):
    """A new external snapshot, which is a child of the current one."""
    parent = domain.current()
    held.snapshot(name, "external")
    equal(domain.parents()[name], parent, f"the parent of {name}")
