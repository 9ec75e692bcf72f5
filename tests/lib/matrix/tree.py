"""What should be: the domain's snapshots, the current one, its state, and what each disk holds.

Nothing here asks libvirt, QEMU or snapfs; `formats`, those of the live disks, are told. An operation
that was refused has changed nothing.
"""

from lib.matrix import content

OFF, RUNNING, PAUSED = "shut off", "running", "paused"


class Snapshot:
    """`state` is the one that a revert leads to, `memory` whether it was saved."""

    def __init__(self, name, parent, kind, state, disks, memory):
        self.name, self.parent, self.kind = name, parent, kind
        self.state, self.disks, self.memory = state, disks, memory


class Tree:
    def __init__(self, formats, size):
        self.formats, self.size = formats, size
        self.snapshots, self.current, self.state = {}, None, OFF
        self.live = {target: content.EMPTY for target in formats}

    # ---- questions

    def active(self):
        return self.state != OFF

    def all_qcow2(self):
        return set(self.formats.values()) == {"qcow2"}

    def children(self, name):
        return [one for one in self.snapshots if self.snapshots[one].parent == name]

    def below(self, name):
        """All that hang on it, parents first."""
        found = self.children(name)
        for one in found:
            found += self.children(one)
        return found

    def depth(self, name):
        return 0 if name is None else 1 + self.depth(self.snapshots[name].parent)

    def parents(self):
        return {one.name: one.parent for one in self.snapshots.values()}

    def path(self, name):
        """Where its directory stands, below `snapshots/`."""
        parent = self.snapshots[name].parent
        return name if parent is None else f"{self.path(parent)}/{name}"

    def digest(self, disk):
        return content.digest(disk, self.size)

    def same_as_live(self):
        """The disks that hold what they held at some snapshot."""
        known = [one.disks for one in self.snapshots.values()]
        return [
            target
            for target, disk in self.live.items()
            if self.digest(disk) in [self.digest(disks[target]) for disks in known]
        ]

    def makes_internal(self, words):
        """libvirt's default kind, where all disks can."""
        return words in ([], ["internal"]) and self.all_qcow2()

    @staticmethod
    def saves_memory(words):
        return "external" in words or any(word.startswith("memspec=") for word in words)

    # ---- operations

    def write(self, target, offset, length, byte):
        self.live[target] = content.written(self.live[target], offset, length, byte)

    def create(self, name, words):
        kind = "internal" if self.makes_internal(words) else "external"
        memory = self.active() and (kind == "internal" or self.saves_memory(words))
        state = self.state if memory else OFF
        self.snapshots[name] = Snapshot(name, self.current, kind, state, dict(self.live), memory)
        self.current = name

    def remove(self, *names):
        """Each goes alone: its children move up to its parent."""
        for name in names:
            gone = self.snapshots.pop(name)
            for child in self.children(name):
                self.snapshots[child].parent = gone.parent
            if self.current == name:
                self.current = gone.parent

    def revert(self, name, state=None):
        one = self.snapshots[name]
        self.live = dict(one.disks)
        self.current, self.state = name, state or one.state
