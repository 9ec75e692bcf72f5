"""Is everything as the tree says? Asked after every operation, of libvirt, QEMU and the mount."""

import os
from concurrent import futures

from lib import daemon
from lib.dying import journals
from lib.matrix import content
from lib.matrix.files import Files, Reader
from lib.matrix.virt import Said
from lib.tap import equal, fail, true

READERS = 4


class Audit:
    """`left` are the files and `tags` (file, name) that may be there although nothing needs them; the
    files that the user made are never removed."""

    def __init__(self, domain, mount, tree, scratch):
        self.domain, self.mount, self.tree = domain, mount, tree
        self.reader = Reader(scratch)
        self.daemon = daemon.pid()
        self.pool = futures.ThreadPoolExecutor(READERS)
        self.memories, self.files, self.said = {}, None, None
        self.left, self.tags = {disk.path for disk in domain.disks}, set()

    def before(self):
        """What a snapshot that is made now will have to hold is what QEMU reads now; all writes were
        flushed."""
        self.live_disks(self.said)

    def check(self, leaves_files=False, leaves_tags=False):
        """The operation may have been one that is to leave files or tags which nothing needs."""
        self.alive()
        said = self.said = Said(self.domain, self.tree.snapshots)
        self.libvirt_agrees(said)
        self.mount_agrees()
        before, self.files = self.files, Files(tops(said))
        self.tree.formats = {target: format for target, (_, format) in said.live.items()}
        if leaves_files:
            self.left |= before.needed() - self.files.needed()
            self.left |= self.memory_files - memory_files(said)
        if leaves_files or leaves_tags:
            self.tags |= all_tags(before) | all_tags(self.files)
        self.none_left_none_missing(said)
        if self.tree.active():
            self.domain.flush()
        self.images(said)
        self.saved_memories(said)
        self.live_disks(said)

    # ---- who is there

    def alive(self):
        equal(daemon.pid(), self.daemon, "the process of libvirtd")
        true(os.path.exists(f"/proc/{self.daemon}"), "libvirtd has ended")
        status = self.mount.process.poll()
        true(status is None, f"snapfs has ended with {status}: {self.mount.said()}")

    # ---- the tree

    def libvirt_agrees(self, said):
        tree = self.tree
        equal(sorted(filter(None, said.names)), sorted(tree.snapshots), "libvirt's snapshots")
        equal({name: one.parent for name, one in said.snapshots.items()}, tree.parents(), "parents")
        equal(said.current, tree.current, "the current snapshot")
        equal(said.state, tree.state, "the domain's state")
        equal(said.domains, [self.domain.name], "domains")
        for name, one in said.snapshots.items():
            equal(sorted(one.disks), sorted(tree.live), f"the disks of {name}")
            equal(one.internal(), tree.snapshots[name].kind == "internal", f"{name} is internal")

    def mount_agrees(self):
        top = self.path("snapshots")
        found = {
            os.path.relpath(os.path.join(at, name), top)
            for at, names, _ in os.walk(top)
            for name in names
        }
        equal(found, set(map(self.tree.path, self.tree.snapshots)), "the directories")
        current = self.tree.current
        below = "" if current is None else f"/{self.tree.path(current)}"
        equal(os.readlink(self.path("current")), f"snapshots{below}", "the link `current`")

    def path(self, *parts):
        return self.mount.path(self.domain.name, *parts)

    # ---- files and tags

    def none_left_none_missing(self, said):
        self.memory_files = memory_files(said)
        here = {entry.path for entry in os.scandir(self.domain.directory)}
        needed = self.files.needed() | self.memory_files | {self.domain.path}
        equal(sorted(here - needed - self.left), [], "files that nothing needs")
        equal(sorted(needed - here), [], "files that are missing")
        tags = all_tags(self.files)
        equal(sorted(tags - internal_tags(said) - self.tags), [], "tags that nothing needs")
        equal(sorted(internal_tags(said) - tags), [], "tags that are missing")
        equal(journals(), [], "journals")

    # ---- bytes

    def live_disks(self, said):
        for target, (path, format) in said.live.items():
            expected = self.tree.digest(self.tree.live[target])
            equal(self.reader.digest(self.files, path, format), expected, f"the live disk {target}")

    def images(self, said):
        """In the mount and for QEMU each is what it was; no two are the same."""
        jobs, seen = [], {}
        for name, one in said.snapshots.items():
            for target in one.disks:
                expected = self.tree.digest(self.tree.snapshots[name].disks[target])
                same = seen.setdefault((target, expected), name)
                equal(same, name, f"of {target} one that differs from {name}")
                jobs.append((name, target, expected))
        for problem in self.pool.map(lambda job: self.image(said, *job), jobs):
            if problem:
                fail(problem)

    def image(self, said, name, target, expected):
        """What is wrong with it, or None."""
        (path, format), internal = said.snapshots[name].disks[target]
        in_mount = self.image_in_mount(name, target)
        by_qemu = self.reader.digest(self.files, path, format, name if internal else None)
        wrong = [who for who, what in (("the mount", in_mount), ("QEMU", by_qemu)) if what != expected]
        if not wrong:
            return None
        return f"the bytes of {target} of {name}, in {path}, are others for {' and '.join(wrong)}"

    def image_in_mount(self, name, target):
        try:
            return content.digest_of_file(self.path("by-name", name, f"{target}.raw"))
        except OSError as error:
            return str(error)

    def saved_memories(self, said):
        """It stays as it was when the snapshot was made: as libvirt's file, or as first read."""
        for name, one in said.snapshots.items():
            path = self.path("by-name", name, "memory")
            saved = self.tree.snapshots[name].memory
            equal(os.path.exists(path), saved, f"{name} has saved memory")
            if saved:
                now = content.digest_of_file(path)
                if name not in self.memories:
                    self.memories[name] = content.digest_of_file(one.memory) if one.memory else now
                equal(now, self.memories[name], f"the memory of {name}")


def tops(said):
    """The files that live disks and snapshots are in, those of live disks first."""
    yield from said.live.values()
    for one in reversed(said.snapshots.values()):
        for source, _ in one.disks.values():
            yield source


def memory_files(said):
    return {one.memory for one in said.snapshots.values() if one.memory}


def internal_tags(said):
    """(file, tag) of each internal snapshot's disk."""
    return {
        (path, name)
        for name, one in said.snapshots.items()
        for (path, _), internal in one.disks.values()
        if internal
    }


def all_tags(files):
    return {(path, tag) for path, tags in files.tags.items() for tag in tags}
