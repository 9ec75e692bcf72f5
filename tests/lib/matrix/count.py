# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts of the operations' results."""

import collections

from lib.tap import Failure, note


class Lost(Failure):
    """Bytes, a file or a tag is missing."""


class Between(Failure):
    """An operation was cut off, and the state is neither that before nor that after."""


class Orphan(Failure):
    """An unused file is left."""


class Count:
    """Of operations on snapshots. `apart` are the refusals for a saved state or a clone; of the images that
    somebody else has spoilt, how often the mount showed nothing, and which it `showed`."""

    def __init__(self):
        self.done = self.killed = self.missed = self.beside = self.not_done = 0
        self.spoilt_refused = self.touched_refused = 0
        self.refused, self.apart, self.failures, self.spares = [], [], [], []
        self.causes, self.showed = collections.Counter(), collections.Counter()

    def operations(self):
        return self.done + len(self.refused) + len(self.apart)

    def refuse(self, line, cause, apart):
        (self.apart if apart else self.refused).append(line)
        self.causes[cause] += 1

    def shown_wrong(self, what, cause):
        if what not in self.showed:
            note(f"shown although spoilt by {cause}: {what}")
        self.showed[what] += 1

    def fail(self, failure):
        self.failures.append(type(failure).__name__.lower())

    def add(self, other):
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def __str__(self):
        failures = collections.Counter(self.failures)
        return (
            f"{self.operations()} operations, {self.beside} of them beside snapfs, {self.killed} cut off, "
            f"{len(self.refused)} refused, {len(self.apart)} for a saved state or a clone; "
            f"{failures['lost']} lost, {failures['between']} in-between, {failures['orphan']} orphans; "
            f"spoilt by others: {self.spoilt_refused} refused, {len(self.showed)} shown; "
            f"touched by others: {self.touched_refused} refused; {len(self.spares)} detached disks removed; "
            f"{self.not_done} that libvirt did not do"
        )

    def tell(self):
        """The causes of refusals, with their numbers."""
        return [f"{number} × {cause}" for cause, number in self.causes.most_common()]
