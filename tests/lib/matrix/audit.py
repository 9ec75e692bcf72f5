# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares libvirt, QEMU and the mount with the model after every operation."""

import errno
import os
from concurrent import futures

from lib import daemon
from lib.dying import journals
from lib.matrix import content
from lib.matrix.count import Lost, Orphan
from lib.matrix.files import Files, Reader
from lib.matrix.model import CLONE
from lib.matrix.virt import Said
from lib.tap import Failure, equal, note, true

READERS = 4


class Audit:
    """`left` are the files and `tags` (file, name) that may be there although nothing needs them;
    `forgotten` are tags of snapshots whose metadata alone was deleted; the files that the user made are never removed."""

    def __init__(self, world, scratch):
        self.world, self.count = world, world.count
        self.reader = Reader(scratch)
        self.daemon = daemon.pid()
        self.pool = futures.ThreadPoolExecutor(READERS)
        self.memories, self.files, self.said, self.images = {}, Files(), {}, {}
        self.memory_files, self.guests, self.listed = set(), {}, {}
        self.left, self.tags, self.forgotten = set(), set(), set()

    def before(self):
        """A snapshot that is made now must have the bytes that QEMU reads now; all writes were
        flushed."""
        for key, image in self.world.model.images(self.said).items():
            if key[0] == "live" and self.follows(image):
                self.holds(key, image)

    def check(self, leaves_files=False, leaves_tags=False, left=()):
        """The operation may be one that leaves unused files or tags, or its log may have said
        which files it left."""
        self.left.update(left)
        self.alive()
        self.ask()
        for member in self.said:
            self.libvirt_agrees(member)
            self.mount_agrees(member)
        if leaves_files:
            self.forgotten |= self.before_internal - self.internal_tags()
            self.left |= self.before_files - self.files.needed()
            self.left |= self.before_memories - self.memory_files
        if leaves_files or leaves_tags:
            self.tags |= self.before_tags | all_tags(self.files)
        self.none_left_none_missing()
        self.bytes()
        self.saved_memories()

    # ---- domains and snapshots

    def alive(self):
        equal(daemon.pid(), self.daemon, "the process of libvirtd")
        true(os.path.exists(f"/proc/{self.daemon}"), "libvirtd has ended")
        status = self.world.mount.process.poll()
        true(status is None, f"snapfs has ended with {status}: {self.world.mount.said()}")

    def ask(self):
        """Returns the present answers of libvirt and QEMU; earlier ones about files are kept."""
        world = self.world
        self.before_internal = self.internal_tags()
        self.before_files, self.before_tags = self.files.needed(), all_tags(self.files)
        self.before_memories = self.memory_files
        for member, tree in world.model.trees.items():
            machine = world.machines[member]
            flushes = machine.flushes() if tree.active() else ()
            said = self.said[member] = Said(machine, tree.snapshots, flushes)
            tree.formats = {target: format for target, (_, format) in said.live.items()}
            machine.sources = dict(said.live)
        self.said = {member: self.said[member] for member in world.model.trees}
        for said in self.said.values():
            for path, _ in said.live.values():
                world.model.spares.pop(path, None)  # a revert has put the disk back
        images = world.model.images(self.said)
        world.model.forget_gone(images)
        self.images = {key: one for key, one in images.items() if not world.dangles(key[1])}
        self.files = Files()
        for key, image in self.images.items():
            if not self.follows(image) and key not in world.model.spoilt:
                self.cannot_follow(key, image)
        self.images = {key: one for key, one in self.images.items() if key[1] not in self.count.spares}
        self.memory_files = set().union(*map(memory_files, self.said.values()))

    def cannot_follow(self, key, image):
        """No domain has the file of a detached disk, so snapfs tells little about it."""
        if key[0] != "spare":
            raise Lost(f"{told(key)}: the chain of '{image.path}' cannot be followed")
        note(f"removed: {told(key)}")
        self.count.spares.append(image.path)
        del self.world.model.spares[image.path]

    def follows(self, image):
        """Returns whether QEMU can open the image; it cannot if a rename has moved an image in the mount."""
        return self.files.follow(image.path, image.format)

    def chain(self, image):
        """Returns the files of its chain, the image first; for a spoilt one the known part."""
        return self.files.chains.get(image.path, [image.path])

    # ---- the tree

    def libvirt_agrees(self, member):
        tree, said = self.world.model.trees[member], self.said[member]
        equal(sorted(said.names), sorted(tree.snapshots), f"libvirt's snapshots of {member}")
        equal({name: one.parent for name, one in said.snapshots.items()}, tree.parents(), "parents")
        equal(said.current, tree.current, "the current snapshot")
        equal(said.state, tree.state, "the domain's state")
        equal(sorted(said.domains), sorted(self.world.names()), "domains")
        equal(sorted(said.live), sorted(tree.live), f"the disks of {member}")
        for name, one in said.snapshots.items():
            equal(sorted(one.disks), sorted(tree.snapshots[name].disks), f"the disks of {name}")
            equal(one.internal(), tree.snapshots[name].kind == "internal", f"{name} is internal")

    def mount_agrees(self, member):
        tree = self.world.model.trees[member]
        listed = self.listed[member] = dict(walk(self.path(member, "snapshots"), ""))
        equal(set(listed), set(map(tree.path, tree.snapshots)), "the directories")
        below = "" if tree.current is None else f"/{tree.path(tree.current)}"
        equal(os.readlink(self.path(member, "current")), f"snapshots{below}", "the link `current`")

    def path(self, member, *parts):
        return self.world.path(member, *parts)

    # ---- files and tags

    def none_left_none_missing(self):
        world = self.world
        seen = [one for member, one in world.machines.items() if not world.dangles(member)]
        here = {entry.path for machine in seen for entry in os.scandir(machine.directory)}
        needed = {path for path in self.files.needed() if not path.startswith(f"{world.mount.point}/")}
        needed |= self.memory_files | {machine.path for machine in seen}
        missing = sorted(needed - here - self.of_spoilt())
        if missing:
            raise Lost(f"files that are missing: {missing}")
        strays = sorted(here - needed - self.of_left() - world.made - self.of_forgotten())
        if strays:
            raise Orphan(f"files that nothing needs: {strays}")
        tags = all_tags(self.files)
        known = self.internal_tags() | set(world.model.tags)
        equal(sorted(tags - known - self.tags), [], "tags that nothing needs")
        gone = sorted(known - tags - self.of_spoilt_tags())
        if gone:
            raise Lost(f"tags that are missing: {gone}")
        equal(journals(), [], "journals")

    def of_forgotten(self):
        """A file stays if it has a tag of a snapshot of which only the metadata was deleted. So do the files below it."""
        files = followed(path for path, _ in self.forgotten)
        return set().union(*(files.chains[path] for path, _ in self.forgotten & all_tags(files)))

    def of_left(self):
        """The files that a delete has left, and those below them."""
        return self.left | followed(self.left).needed()

    def of_detached(self):
        """Returns the files of disks that their domain no longer has. A delete leaves them."""
        trees = self.world.model.trees
        gone = [
            image
            for key, image in self.images.items()
            if key[0] == "snapshot" and key[3] not in trees[key[1]].live
        ]
        return set().union(*map(self.chain, gone))

    def of_spoilt(self):
        return {self.images[key].path for key in self.world.model.spoilt}

    def of_spoilt_tags(self):
        spoilt = [self.images[key] for key in self.world.model.spoilt]
        return {(image.path, image.tag) for image in spoilt if image.tag}

    def internal_tags(self):
        """(file, tag) of each internal snapshot's disk."""
        return {
            (image.path, image.tag)
            for key, image in self.images.items()
            if key[0] == "snapshot" and image.tag
        }

    # ---- bytes

    def bytes(self):
        """Checks that each image has its bytes, in the mount and for QEMU; no two of a disk are equal."""
        seen = {}
        for key, image in self.images.items():
            if key[0] == "snapshot":
                one = seen.setdefault((key[1], key[3], self.digest(image)), key)
                equal(one, key, "one that differs")
        problems = [one for one in self.pool.map(lambda one: self.image(*one), self.images.items()) if one]
        if problems:
            raise Lost("\n".join(problems))
        for member, tree in self.world.model.trees.items():
            if tree.active() and not self.world.dangles(member):
                self.guest_reads(member, tree)

    def digest(self, image):
        return content.digest(image.content, self.world.model.size)

    def holds(self, key, image):
        by_qemu = self.reader.digest(self.files, image.path, image.format, image.tag)
        if by_qemu != self.digest(image):
            raise Lost(f"{told(key)}: QEMU reads other bytes in '{image.path}'")

    def image(self, key, image):
        """Returns the fault of the image, or None."""
        wrong = []
        if key not in self.world.model.spoilt:
            try:
                self.holds(key, image)
            except Failure as failure:
                wrong.append(str(failure))
        path = self.in_mount(key, image)
        if path:
            wrong += self.shown(key, image, path)
        return "\n".join(wrong)

    def in_mount(self, key, image):
        """Returns its path in the mount, or None."""
        if key[0] == "snapshot":
            return self.path(key[1], "by-name", key[2], f"{key[3]}.raw")
        if key[0] == "tag":
            for (kind, *rest), one in self.images.items():
                if kind == "live" and image.path in self.files.chains[one.path]:
                    return self.path(rest[0], "unmanaged", key[2], f"{rest[1]}.raw")
        return None

    def shown(self, key, image, path):
        model = self.world.model
        try:
            same = content.digest_of_file(path) == self.digest(image)
        except OSError as error:
            if key in model.spoilt:
                self.count.spoilt_refused += 1
            elif key in model.touched:
                self.count.touched_refused += 1
            elif not (key[1] == CLONE and self.world.over and error.errno == errno.EOPNOTSUPP):
                return [f"{told(key)}: the mount: {error}"]
            return []
        if same:
            return []
        if key in model.spoilt:
            self.count.shown_wrong(told(key), model.spoilt_by[key])
            return []
        return [f"{told(key)}: the mount shows other bytes than those of '{image.path}'"]

    def guest_reads(self, member, tree):
        """By the guest itself, whose QEMU may have opened another chain than we; once for each content
        of its disks."""
        machine = self.world.machines[member]
        for target, disk in tree.live.items():
            seen = (machine.pid(), self.said[member].live[target], len(disk))
            if self.guests.get((member, target)) == seen:
                continue
            self.guests[member, target] = seen
            if not machine.reads(target, content.runs(disk, tree.size)):
                raise Lost(f"the guest of {member} reads other bytes from {target}")

    def saved_memories(self):
        """The memory stays as at the snapshot: libvirt's file, or its first reading."""
        for member, said in self.said.items():
            for name, one in said.snapshots.items():
                self.saved_memory(member, name, one)

    def forget_memories(self, member):
        """The next domain there has snapshots of the same names."""
        self.memories = {key: one for key, one in self.memories.items() if key[0] != member}

    def saved_memory(self, member, name, one):
        path = self.path(member, "by-name", name, "memory")
        saved = self.world.model.trees[member].snapshots[name].memory
        if self.world.model.harmed(member, name) or self.world.dangles(member):
            return
        listed = self.listed[member][self.world.model.trees[member].path(name)]
        equal("memory" in listed, saved, f"{name} has saved memory")
        if saved:
            now = content.digest_of_file(path)
            if (member, name) not in self.memories:
                self.memories[member, name] = content.digest_of_file(one.memory) if one.memory else now
            equal(now, self.memories[member, name], f"the memory of {name}")


def walk(top, below):
    """(directory, names in it) of all directories below that one."""
    entries = list(os.scandir(os.path.join(top, below)))
    if below:
        yield below, {entry.name for entry in entries}
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from walk(top, os.path.join(below, entry.name))


def told(key):
    return " ".join(key)


def memory_files(said):
    return {one.memory for one in said.snapshots.values() if one.memory}


def followed(paths):
    """Returns the chains of the files that are there."""
    files = Files()
    for path in set(paths):
        if os.path.exists(path):
            files.follow(path, "qcow2")
    return files


def all_tags(files):
    return {(path, tag) for path, tags in files.tags.items() for tag in tags}
