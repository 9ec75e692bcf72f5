# SPDX-License-Identifier: GPL-3.0-or-later
"""The expected state: a tree for each domain, and the bytes of images outside the trees.

An image is a key: ("live", MEMBER, TARGET), ("snapshot", MEMBER, NAME, TARGET), ("tag", PATH, NAME) for
one that qemu-img made, ("spare", PATH) for the file of a disk that was detached.

Another program may destroy a snapshot's bytes, as by `virsh blockcommit` into its file. Such an
image is `spoilt`: whatever QEMU reads, the mount has to show the old bytes or none. One is `touched` if
its files were written to, but hold the same bytes: then the mount may show none, too. A tag, (file, name),
is `rebased` if its file has been given another backing file since the tag was made, and has the files before.
"""

from lib.matrix.tree import Tree

MAIN, CLONE = "main", "clone"


class Image:
    """The file in which QEMU finds the bytes, and the expected bytes."""

    def __init__(self, path, format, tag, content):
        self.path, self.format, self.tag, self.content = path, format, tag, content


class Model:
    def __init__(self, formats, size):
        self.size = size
        self.trees = {MAIN: Tree(formats, size)}
        self.tags, self.spares = {}, {}  # Images, by (path, name) and by path
        self.touched, self.spoilt, self.spoilt_by, self.rebased = set(), set(), {}, {}
        self.numbers = 0

    def number(self):
        """Another one each time."""
        self.numbers += 1
        return self.numbers

    def images(self, said):
        """Every image by its key, with what libvirt says of the domains, {member: Said}."""
        found = {("tag", *key): one for key, one in self.tags.items()}
        found |= {("spare", path): one for path, one in self.spares.items()}
        for member, tree in self.trees.items():
            for target, (path, format) in said[member].live.items():
                if target in tree.live:
                    found["live", member, target] = Image(path, format, None, tree.live[target])
            found |= dict(self.images_of_snapshots(member, tree, said[member]))
        return found

    @staticmethod
    def images_of_snapshots(member, tree, said):
        for name, snapshot in tree.snapshots.items():
            if name not in said.snapshots:
                continue
            for target, ((path, format), internal) in said.snapshots[name].disks.items():
                tag = name if internal else None
                yield (
                    ("snapshot", member, name, target),
                    Image(path, format, tag, snapshot.disks.get(target)),
                )

    def forget_gone(self, images):
        """Forgets images that no longer exist."""
        self.touched &= set(images)
        self.spoilt &= set(images)

    def harmed(self, member, name):
        """Returns whether an image of the snapshot is spoilt."""
        return any(key[:3] == ("snapshot", member, name) for key in self.spoilt)

    def known(self):
        """The disks of all snapshots, of every domain."""
        return [
            disk
            for tree in self.trees.values()
            for one in tree.snapshots.values()
            for disk in one.disks.values()
        ]
