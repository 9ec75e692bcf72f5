# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses the next operation: only valid ones, and the same for the same seed and tree.

An operation is a list of words, as it is printed and can be replayed:

    start | destroy | suspend | resume                          by virsh
    write TARGET OFFSET LENGTH BYTE                             by the guest, or while it is shut off
    mkdir NAME | create NAME WORD… | rmdir NAME | delete NAME WORD | revert NAME [WORD]
                                                                through the mount

One that begins with `clone:` is done to the clone.
"""

from lib.matrix.tree import OFF, PAUSED, RUNNING

DEPTH_MAX = 5
SNAPSHOTS_MAX = 11
BELOW_MAX = 3
LENGTHS = (512, 4096, 65536, 196608)
OWN = (
    ({"vda": "qcow2"}, 4),
    ({"vda": "qcow2", "vdb": "qcow2"}, 4),
    ({"vda": "qcow2", "vdb": "raw"}, 2),
    ({"vda": "raw"}, 1),
)
# libvirt would cut a file's name at a dot.
NAMES = ("s{}", "s{}", "s{}.old", "update-{}")


def chosen(random, *weighted):
    """Chooses one of the (value, weight)."""
    values, weights = zip(*weighted)
    return random.choices(values, weights)[0]


def disks(random, kinds=OWN):
    """The domain's disks, with their formats."""
    return dict(chosen(random, *kinds))


class Draw:
    """`known` tells the disks of all snapshots, of other domains as well."""

    names = NAMES

    def __init__(self, tree, random, known):
        self.tree, self.random, self.known = tree, random, known
        self.made = 0

    def step(self):
        """One operation on snapshots, after what the domain does before it; each is to be done before
        the next is asked for."""
        yield from self.power()
        yield from self.writes()
        operation = self.operation()
        if operation[0] in ("mkdir", "create"):
            yield from self.difference()
        yield operation

    def power(self):
        ways = {
            OFF: (((), 6), (("start",), 4)),
            RUNNING: (((), 7), (("destroy",), 2), (("suspend",), 1)),
            PAUSED: (((), 4), (("resume",), 5), (("destroy",), 1)),
        }
        for word in chosen(self.random, *ways[self.tree.state]):
            yield [word]

    def writes(self):
        """A paused guest does not write."""
        if self.tree.state == PAUSED:
            return
        for target in self.tree.live:
            if self.random.random() < 0.6:
                yield self.write(target)

    def difference(self):
        """No two snapshots may have the same content."""
        if self.same_as_live() and self.tree.state == PAUSED:
            yield ["resume"]
        while self.same_as_live():
            yield self.write(self.same_as_live()[0])

    def same_as_live(self):
        """Returns the disks that have the content of a snapshot."""
        digests = set(map(self.tree.digest, self.known()))
        return [target for target, disk in self.tree.live.items() if self.tree.digest(disk) in digests]

    def write(self, target):
        """Chooses a place, often one that was written before."""
        length = self.random.choice(LENGTHS)
        end = self.random.choice((1 << 20, self.tree.size)) - length
        offset = self.random.randrange(0, end, 512)
        return ["write", target, str(offset), str(length), str(self.random.randrange(256))]

    def operation(self):
        tree = self.tree
        number = len(tree.snapshots)
        room = number < SNAPSHOTS_MAX and tree.depth(tree.current) < DEPTH_MAX
        what = chosen(
            self.random,
            (self.create, max(3, 10 - number) if room else 0),
            (self.delete, number),
            (self.revert, 4 if number else 0),
        )
        return what()

    def create(self):
        self.made += 1
        name = self.random.choice(self.names).format(self.made)
        words = chosen(self.random, *self.kinds(name))
        return ["create", name, *words] if words else ["mkdir", name]

    def kinds(self, name):
        found = [([], 4), (["disk-only"], 4), (["external"], 2)]
        if self.tree.all_qcow2():
            found += [(["internal"], 2)]
        if self.tree.active():
            found += [([f"memspec={{}}/{name}.memory"], 2), (["external", "live"], 1)]
        return found

    def delete(self):
        name = self.random.choice(list(self.tree.snapshots))
        below = len(self.tree.below(name))
        few = 0 < below <= BELOW_MAX
        word = chosen(
            self.random,
            ("rmdir", 0 if below else 6),
            ("merge", 6),
            ("children", 1 if few else 0),
            ("children-only", 1 if few else 0),
            ("metadata", 1),
        )
        return [word, name] if word == "rmdir" else ["delete", name, word]

    def revert(self):
        return self.revert_to(list(self.tree.snapshots))

    def revert_to(self, names):
        name = self.random.choice(names)
        word = chosen(self.random, ([], 6), (["running"], 2), (["paused"], 1))
        return ["revert", name, *word]
