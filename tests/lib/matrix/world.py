# SPDX-License-Identifier: GPL-3.0-or-later
"""The domains, their mount, and the model of both; the mount's point stays the same over its mounts."""

import contextlib
import os

from lib.command import attempt
from lib.domain import SYSTEM
from lib.matrix.audit import Audit
from lib.matrix.count import Count
from lib.matrix.machine import SIZE, Machine
from lib.matrix.model import CLONE, MAIN, Model
from lib.mount import Mount
from lib.wait import until


class Point(Mount):
    """A mount that can be made anew, also after its snapfs was killed. One that is `armed` may be killed by
    its end."""

    armed = False

    def stop(self):
        if self.process.poll() is None:
            until(self.is_unmounted, "nobody uses the mount any more")
            self.process.wait() if self.armed else self.end()
        else:
            attempt("umount", "-l", self.point)

    def again(self, environment=None):
        self.stop()
        self.environment, self.armed = dict(os.environ, **(environment or {})), bool(environment)
        self.start()


    def is_unmounted(self):
        """A program that a killed libvirtd had started may still have an image open."""
        self.mounted = self.mounted and attempt("umount", self.point).status != 0
        return not self.mounted


class World:
    """`made` are the files that no snapshot was made for; `over` is the image in the mount that the clone
    stands on, (name, target), if it does."""

    def __init__(self, scratch, name, formats, machine, mount):
        self.scratch, self.name, self.mount = scratch, name, mount
        self.machines = {MAIN: machine}
        self.model, self.count = Model(formats, SIZE), Count()
        self.made, self.over = {disk.path for disk in machine.disks}, None
        self.audit = Audit(self, scratch)

    def path(self, member, *parts):
        return self.mount.path(self.machines[member].name, *parts)

    def names(self):
        return [machine.name for machine in self.machines.values()]

    def dangles(self, member):
        """Returns whether that is the clone, on an image whose path leads nowhere, or that another program has
        spoilt."""
        if member != CLONE or self.over is None:
            return False
        return self.machines[MAIN].name != self.name or ("snapshot", MAIN, *self.over) in self.model.spoilt

    def clone_is_open(self):
        """Returns whether the clone's QEMU has an image of the mount open."""
        return self.over is not None and self.model.trees[CLONE].active()


@contextlib.contextmanager
def world(scratch, name, formats, *options):
    """A domain with these disks, and a mount with these options."""
    with Machine(name, os.path.join(scratch, name), formats) as machine:
        with Point(SYSTEM, *options) as mount:
            one = World(scratch, name, formats, machine, mount)
            try:
                one.audit.check()
                yield one
            finally:
                one.audit.pool.shutdown()
                if CLONE in one.machines:
                    one.machines[CLONE].remove()
