# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses the next operation if users work beside snapfs: on a domain, on a clone of it, and beside both."""

import os

from lib.matrix.draw import Draw, chosen
from lib.matrix.model import CLONE, MAIN
from lib.matrix.tree import OFF, PAUSED, RUNNING

# Disks that come and go are on a SCSI controller.
DISKS = (
    ({"sda": "qcow2"}, 5),
    ({"sda": "qcow2", "sdb": "qcow2"}, 3),
    ({"sda": "raw"}, 1),
)
TARGETS = ("sda", "sdb", "sdc")
CLONE_OF = "clone:"
WITHOUT = os.environ.get("SNAPFS_MATRIX_WITHOUT", "").split()
VICTIMS = (("snapfs", 5), ("libvirtd", 2), ("qemu", 2))
# Moments, and milliseconds, up to which an operation may be cut off.
UP_TO = {"mkdir": (6, 60), "create": (6, 120), "rmdir": (16, 300), "delete": (16, 300), "revert": (26, 500)}


class Member(Draw):
    """Operations on one of the domains; a saved state is taken up soon."""

    def __init__(self, model, member, random):
        super().__init__(model.trees[member], random, model.known)
        self.model, self.member = model, member
        self.prefix = prefix = [CLONE_OF] if member == CLONE else []
        self.names = ("c{}",) if prefix else Draw.names

    def step(self):
        for words in super().step():
            yield [*self.prefix, *words]

    def power(self):
        if self.tree.saved:
            yield from chosen(self.random, ([["start"]], 6), ([["unsave"]], 1), ([], 2))
            return
        yield from super().power()

    def writes(self):
        """A domain that is resumed from a saved state must find its disks unchanged."""
        return () if self.tree.saved else super().writes()

    def difference(self):
        if self.tree.saved and self.same_as_live():
            yield ["unsave"]
        yield from super().difference()

    def revert(self):
        """Not to a snapshot whose bytes are no longer known."""
        names = [name for name in self.tree.snapshots if not self.model.harmed(self.member, name)]
        return self.revert_to(names) if names else self.create()


class Beside:
    """`kills` is how many of 10 operations are cut off, `others` how many are done beside snapfs."""

    def __init__(self, world, random, kills, others):
        self.world, self.random, self.kills, self.others = world, random, kills, others
        self.members = {MAIN: self.draw(MAIN)}

    def draw(self, member):
        return Member(self.world.model, member, self.random)

    @property
    def trees(self):
        return self.world.model.trees

    @property
    def tree(self):
        return self.trees[MAIN]

    @property
    def images(self):
        return self.world.audit.images

    def step(self):
        if CLONE not in self.trees:
            self.members.pop(CLONE, None)
        elif CLONE not in self.members:
            self.members[CLONE] = self.draw(CLONE)
        if self.random.random() * 10 < self.others:
            operation = self.beside()
            if operation:
                yield operation
                return
        member = self.member()
        for words in self.members[member].step():
            yield from self.cut(words) if self.is_cut(words) else [words]

    def member(self):
        """The clone has its turns, unless its disk cannot be reached now."""
        both = CLONE in self.trees and not self.world.dangles(CLONE)
        return CLONE if both and self.random.random() < 0.3 else MAIN

    # ---- cut off

    def is_cut(self, words):
        verb = words[1] if words[0] == CLONE_OF else words[0]
        return verb in UP_TO and self.random.random() * 10 < self.kills

    def cut(self, words):
        """A clone that has an image of the mount open would not outlive it."""
        if self.world.clone_is_open():
            yield [CLONE_OF, "destroy"]
        prefix, words = (words[:1], words[1:]) if words[0] == CLONE_OF else ([], words)
        moments, milliseconds = UP_TO[words[0]]
        moment = str(self.random.randint(1, moments))
        if self.random.random() < 0.4:
            moment = f"{self.random.randint(2, milliseconds)}ms"
        yield [*prefix, "kill", chosen(self.random, *VICTIMS), moment, *words]

    # ---- beside

    def beside(self):
        """One that is possible now, or None."""
        ways = (
            (self.attach, 2),
            (self.detach, 2),
            (self.clone, 4),
            (self.blockcommit, 3),
            (self.blockpull, 2),
            (self.tag, 3),
            (self.untag, 1),
            (self.save, 1),
            (self.rename, 1),
            (self.forget, 1),
        )
        possible = [
            (words, weight)
            for way, weight in ways
            if way.__name__ not in WITHOUT and (words := way())
        ]
        return chosen(self.random, *possible) if possible else None

    def settled(self):
        return self.tree.saved is None

    def attach(self):
        free = [target for target in TARGETS if target not in self.tree.live]
        if not free or not self.settled():
            return None
        spares = [path for path in self.world.model.spares if path not in self.in_use()]
        if spares and self.random.random() < 0.6:
            return ["attach", free[0], os.path.basename(self.random.choice(spares))]
        return ["attach", free[0]]

    def detach(self):
        more = [target for target in self.tree.live if target != "sda"]
        return ["detach", self.random.choice(more)] if more and self.settled() else None

    def in_use(self):
        """The files of all live disks and those below them."""
        return {path for key, one in self.images.items() if key[0] == "live" for path in self.chain(one)}

    def chain(self, image):
        return self.world.audit.chain(image)

    def clone(self):
        if CLONE in self.trees:
            return ["unclone"] if self.random.random() < 0.3 else None
        kind = chosen(self.random, ("file", 3), ("base", 2), ("mount", 2))
        tops = {one.path for key, one in self.images.items() if key[0] == "live"}
        found = [
            key
            for key, one in self.images.items()
            if key[0] == "snapshot"
            and key not in self.world.model.spoilt | self.world.model.touched
            and (kind == "mount" or not one.tag and one.path not in tops)
        ]
        if kind == "base":
            layers = {target: self.layers(target) for target in self.tree.live}
            found = [key for key in found if key[3] in layers and len(layers[key[3]]) > 1]
        if not found or kind == "mount" and self.world.machines[MAIN].name != self.world.name:
            return None
        _, _, name, target = self.random.choice(found)
        return ["clone", kind, name, target]

    def layers(self, target):
        return self.chain(self.images["live", MAIN, target])

    def blockcommit(self):
        """Not if it would destroy the live disk of another domain, or a detached disk."""
        target = self.random.choice(list(self.tree.live))
        if not self.tree.active():
            return None
        layers = self.layers(target)
        if len(layers) < 2:
            return None
        top = self.random.randrange(len(layers) - 1)
        base = self.random.randrange(top + 1, len(layers))
        kept = [one for key, one in self.images.items() if key[0] != "snapshot" and key[1:] != (MAIN, target)]
        if any(layers[base] in self.chain(one) for one in [*kept, *self.under_clone()]):
            return None
        delete = ["delete"] if self.random.random() < 0.3 else []
        return ["blockcommit", target, str(base), str(top), *delete]

    def under_clone(self):
        """Returns the image in the mount that is the clone's backing file."""
        over = self.world.over
        return [self.images["snapshot", MAIN, *over]] if over else []

    def blockpull(self):
        target = self.random.choice(list(self.tree.live))
        if not self.tree.active() or len(self.layers(target)) < 2:
            return None
        if any(one.path == self.layers(target)[0] for one in self.under_clone()):
            return None
        base = self.random.randrange(1, len(self.layers(target)))
        return ["blockpull", target, *([str(base)] if base > 1 else [])]

    def tag(self):
        """Chooses a file that no QEMU has open."""
        found = [
            ["tag", f"t{self.world.model.numbers}", key[2] if key[0] == "snapshot" else "-", key[-1]]
            for key, one in self.images.items()
            if key[0] in ("snapshot", "live") and key[1] == MAIN and self.can_be_tagged(key, one)
        ]
        if not found or not self.settled():
            return None
        self.world.model.number()
        return self.random.choice(found)

    def can_be_tagged(self, key, image):
        model = self.world.model
        fine = image.format == "qcow2" and not image.tag and key not in model.spoilt | model.touched
        return fine and image.path not in self.opened() | self.under_clones()

    def opened(self):
        return {
            path
            for key, one in self.images.items()
            if key[0] == "live" and self.trees[key[1]].active()
            for path in self.chain(one)
        }

    def under_clones(self):
        """The mount may refuse an image that was written to, and a clone would lose its disk."""
        images = [one for key, one in self.images.items() if key[1] == CLONE]
        return {path for one in [*images, *self.under_clone()] for path in self.chain(one)}

    def untag(self):
        opened = self.opened() | self.under_clones()
        found = [key for key in self.world.model.tags if key[0] not in opened]
        if not found:
            return None
        path, name = self.random.choice(found)
        return ["untag", name, os.path.basename(path)]

    def save(self):
        return ["save"] if self.tree.active() else None

    def rename(self):
        return ["rename"] if self.tree.state == OFF and self.settled() and not self.clone_on() else None

    def clone_on(self):
        return CLONE in self.trees and self.trees[CLONE].active()

    def forget(self):
        """Not the snapshot whose image the clone uses."""
        over = self.world.over or (None,)
        names = [name for name in self.tree.snapshots if name != over[0]]
        return ["forget", self.random.choice(names)] if names else None
