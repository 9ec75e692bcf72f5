# SPDX-License-Identifier: GPL-3.0-or-later
"""The expected state: the domain's snapshots, the current one, its state, and each disk's content.

Nothing here asks libvirt, QEMU or snapfs; `formats`, those of the live disks, are told. An operation
that was refused has changed nothing.
"""

import copy

from lib.matrix import content

OFF, RUNNING, PAUSED = "shut off", "running", "paused"
POWER = {"start": RUNNING, "destroy": OFF, "suspend": PAUSED, "resume": RUNNING}


class Snapshot:
    """`state` is the one that a revert leads to, `memory` whether it was saved."""

    def __init__(self, name, parent, kind, state, disks, memory):
        self.name, self.parent, self.kind = name, parent, kind
        self.state, self.disks, self.memory = state, disks, memory


class Tree:
    """`saved` is the state that the next start resumes, by `virsh managedsave`, or None."""

    def __init__(self, formats, size):
        self.formats, self.size = formats, size
        self.snapshots, self.current, self.state, self.saved = {}, None, OFF, None
        self.live = {target: content.EMPTY for target in formats}

    # ---- questions

    def active(self):
        return self.state != OFF

    def all_qcow2(self):
        return set(self.formats.values()) == {"qcow2"}

    def children(self, name):
        return [one for one in self.snapshots if self.snapshots[one].parent == name]

    def below(self, name):
        """Returns its descendants, parents first."""
        found = self.children(name)
        for one in found:
            found += self.children(one)
        return found

    def depth(self, name):
        return 0 if name is None else 1 + self.depth(self.snapshots[name].parent)

    def parents(self):
        return {one.name: one.parent for one in self.snapshots.values()}

    def path(self, name):
        """Returns the path of its directory below `snapshots/`."""
        parent = self.snapshots[name].parent
        return name if parent is None else f"{self.path(parent)}/{name}"

    def digest(self, disk):
        return content.digest(disk, self.size)

    def makes_internal(self, words):
        """libvirt's default kind, where all disks can."""
        return words in ([], ["internal"]) and self.all_qcow2()

    @staticmethod
    def saves_memory(words):
        return "external" in words or any(word.startswith("memspec=") for word in words)

    # ---- operations

    def stages(self, words):
        """The trees from this one on, after each of the steps that the operation has: all of them are
        what a crash may leave."""
        verb, name, *rest = words
        found = [copy.deepcopy(self)]
        if verb in ("rmdir", "delete"):
            steps = [("remove", one) for one in self.removed(name, *rest)]
        elif verb == "revert":
            steps = [("revert", name, *rest)]
        else:
            steps = [("create", name, rest)]
        for step, *arguments in steps:
            found.append(copy.deepcopy(found[-1]))
            getattr(found[-1], step)(*arguments)
        return found

    def removed(self, name, word="merge"):
        """The snapshots that a delete removes, in its order."""
        below = self.below(name)[::-1] if word.startswith("children") else []
        return below if word == "children-only" else [*below, name]

    def apply(self, words):
        vars(self).update(vars(self.stages(words)[-1]))

    def write(self, target, offset, length, byte):
        self.live[target] = content.written(self.live[target], offset, length, byte)

    def power(self, verb):
        self.state = self.saved if verb == "start" and self.saved else POWER[verb]
        if verb == "start":
            self.saved = None

    def save(self):
        self.saved, self.state = self.state, OFF

    def create(self, name, words):
        kind = "internal" if self.makes_internal(words) else "external"
        memory = self.active() and (kind == "internal" or self.saves_memory(words))
        state = self.state if memory else OFF
        self.snapshots[name] = Snapshot(name, self.current, kind, state, dict(self.live), memory)
        self.current = name

    def remove(self, name):
        """Deletes it alone: its children move up to its parent."""
        gone = self.snapshots.pop(name)
        for child in self.children(name):
            self.snapshots[child].parent = gone.parent
        if self.current == name:
            self.current = gone.parent

    def revert(self, name, state=None):
        one = self.snapshots[name]
        self.live = dict(one.disks)
        self.current, self.state = name, state or one.state
