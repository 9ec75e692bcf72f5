# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations of users beside snapfs, by virsh and qemu-img, and their effects on the model.

    attach TARGET [FILE]                        a new disk, or the file of one that was detached
    detach TARGET
    clone file|base|mount NAME TARGET           a second domain, on a file or an image of that snapshot
    unclone                                     it goes, with all its files
    blockcommit TARGET BASE TOP [delete]        layers of the live disk by their depth; 0 is pivoted away
    blockpull TARGET [BASE]
    tag NAME SNAPSHOT|- TARGET                  by qemu-img, in the file of the snapshot or the live disk
    untag NAME FILE
    save | unsave                               a managed save
    rename                                      to another name, or back
    forget NAME                                 virsh snapshot-delete --metadata

Such an operation may destroy the bytes of snapshots; model.py has the checks for them.
"""

import os
import shutil

from lib import reading
from lib.command import attempt, must
from lib.domain import Disk
from lib.matrix import content
from lib.matrix.files import Files
from lib.matrix.machine import SIZE, Machine, element
from lib.matrix.model import CLONE, MAIN, Image
from lib.matrix.tree import Tree
from lib.matrix.virt import Said
from lib.tap import Failure

VERBS = (
    *("attach", "detach", "clone", "unclone", "blockcommit", "blockpull", "tag", "untag"),
    *("save", "unsave", "rename", "forget"),
)


class NotDone(Exception):
    """libvirt or QEMU did not do it."""


class Beside:
    def __init__(self, world, member):
        self.world, self.member = world, member

    @property
    def machine(self):
        return self.world.machines[self.member]

    @property
    def tree(self):
        return self.world.model.trees[self.member]

    @property
    def model(self):
        return self.world.model

    def do(self, words):
        verb, *rest = words
        before = set(self.model.spoilt)
        getattr(self, verb)(*rest)
        for key in self.model.spoilt - before:
            self.model.spoilt_by[key] = " ".join(words)

    def run(self, *command):
        result = attempt(*command)
        if result.status != 0:
            raise NotDone(str(result))

    def virsh(self, verb, *rest):
        self.run("virsh", "-q", "-c", self.machine.uri, verb, self.machine.name, *rest)

    # ---- harmed images

    def chain(self, image):
        return self.world.audit.chain(image)

    def reads(self, image):
        """Returns the files whose present bytes the image shows."""
        return self.chain(image)[1:] if image.tag else self.chain(image)

    def images(self, *but):
        return {key: one for key, one in self.world.audit.images.items() if key not in but}

    def touch(self, path, *but):
        """Notes a write to the file; returns the images that read the file."""
        found = {key for key, one in self.images(*but).items() if path in self.reads(one)}
        below = {key for key, one in self.images().items() if path in self.model.rebased.get((one.path, one.tag), ())}
        self.model.touched |= {key for key in found | below if key[0] == "snapshot"}
        return found

    def spoil(self, keys, always):
        """Returns the images of which QEMU reads other bytes, or all of them."""
        for key in keys:
            if always or not self.is_right(self.world.audit.images[key]):
                self.model.spoilt.add(key)

    def is_right(self, image):
        audit, files = self.world.audit, Files()
        try:
            return files.follow(image.path, image.format) and audit.digest(image) == audit.reader.digest(
                files, image.path, image.format, image.tag
            )
        except Failure:
            return False

    def rebase(self, path):
        """Notes that the file's header names another backing file from now on."""
        for one in self.images().values():
            if one.path == path and one.tag:
                self.model.rebased.setdefault((path, one.tag), set()).update(self.chain(one))

    # ---- disks

    def live(self, target):
        return ("live", self.member, target)

    def kept(self):
        """Whether virsh is to change what runs, too."""
        return ["--config", "--live"] if self.tree.active() else ["--config"]

    def attach(self, target, file=None):
        path = os.path.join(self.machine.directory, file or f"{target}-{self.model.number()}.qcow2")
        if not file:
            must("qemu-img", "create", "-q", "-f", "qcow2", path, SIZE)
        self.world.made.add(path)
        document = os.path.join(self.world.scratch, "disk.xml")
        with open(document, "w", encoding="utf-8") as text:
            text.write(element(target, path, "qcow2"))
        self.virsh("attach-device", document, *self.kept())
        spare = self.model.spares.pop(path, None)
        self.tree.live[target] = spare.content if spare else content.EMPTY
        self.tree.formats[target] = "qcow2"
        self.machine.sources[target] = (path, "qcow2")

    def detach(self, target):
        path, format = self.machine.sources[target]
        self.virsh("detach-disk", target, *self.kept())
        self.world.made.add(path)
        self.model.spares[path] = Image(path, format, None, self.tree.live.pop(target))
        del self.tree.formats[target], self.machine.sources[target]

    # ---- clones

    def clone(self, kind, name, target):
        world = self.world
        base, format, held = self.base(kind, name, target)
        directory = os.path.join(world.scratch, f"{world.name}-clone-{self.model.number()}")
        disk = Disk(target, os.path.join(directory, "clone.qcow2"), "qcow2")
        machine = Machine(f"{world.name}-clone", directory, [disk])
        must("qemu-img", "create", "-q", "-f", "qcow2", "-F", format, "-b", base, disk.path, SIZE)
        machine.define()
        world.machines[CLONE] = machine
        world.made.add(disk.path)
        world.over = (name, target) if kind == "mount" else None
        tree = world.model.trees[CLONE] = Tree({target: "qcow2"}, SIZE)
        tree.live[target] = held

    def base(self, kind, name, target):
        """Returns the clone's backing file, its format and its content."""
        image = self.world.audit.images["snapshot", MAIN, name, target]
        if kind == "mount":
            return self.world.path(MAIN, "by-name", name, f"{target}.raw"), "raw", image.content
        if kind == "file":
            return image.path, image.format, image.content
        path = self.chain(self.world.audit.images["live", MAIN, target])[-1]
        format = "raw" if path.endswith(".raw") else "qcow2"
        copy = os.path.join(self.world.scratch, f"{self.world.name}-base-{self.model.number()}")
        reading.convert(path, format, copy)
        return path, format, content.of_file(copy)

    def unclone(self):
        world = self.world
        machine = world.machines.pop(CLONE)
        machine.remove()
        shutil.rmtree(machine.directory)
        del self.model.trees[CLONE]
        world.over = None
        world.audit.forget_memories(CLONE)
        for known in (self.model.tags, self.model.spares):
            for key in [key for key, one in known.items() if one.path.startswith(machine.directory)]:
                del known[key]

    # ---- block jobs

    def layers(self, target):
        return self.chain(self.world.audit.images[self.live(target)])

    def blockcommit(self, target, base, top, delete=None):
        base, top = int(base), int(top)
        layers = self.layers(target)
        words = ["--base", layers[base], "--top", layers[top], "--wait"]
        words += ["--active", "--pivot"] if top == 0 else []
        words += ["--delete"] if delete else []
        self.virsh("blockcommit", target, *words)
        if top:
            self.rebase(layers[top - 1])
        touched = self.touch(layers[base], self.live(target))
        through = {key for key in touched if layers[top] in self.reads(self.world.audit.images[key])}
        gone = {
            key
            for key, one in self.images(self.live(target)).items()
            if delete and set(layers[top:base]) & set(self.chain(one))
        }
        self.spoil(touched if top == 0 else touched - through, always=top == 0)
        self.spoil(gone, always=False)

    def blockpull(self, target, base=None):
        layers = self.layers(target)
        words = ["--base", layers[int(base)]] if base else []
        self.virsh("blockpull", target, *words, "--wait")
        self.rebase(layers[0])
        if not base:  # a file without a backing file is never removed
            self.world.made.add(layers[0])
        self.spoil(
            [key for key, one in self.images().items() if one.path == layers[0] and one.tag],
            always=False,
        )

    # ---- tags

    def tag(self, name, snapshot, target):
        key = self.live(target) if snapshot == "-" else ("snapshot", self.member, snapshot, target)
        image = self.world.audit.images[key]
        self.run("qemu-img", "snapshot", "-c", name, image.path)
        self.touch(image.path)
        self.model.tags[image.path, name] = Image(image.path, image.format, name, image.content)

    def untag(self, name, file):
        (path,) = [key[0] for key in self.model.tags if name == key[1] and file == os.path.basename(key[0])]
        self.run("qemu-img", "snapshot", "-d", name, path)
        self.touch(path)
        del self.model.tags[path, name]

    # ---- the domain

    def save(self):
        self.virsh("managedsave")
        self.tree.save()

    def unsave(self):
        self.virsh("managedsave-remove")
        self.tree.saved = None

    def rename(self):
        machine, name = self.machine, self.world.name
        other = f"{name}-other" if machine.name == name else name
        self.virsh("domrename", other)
        machine.name = other

    def forget(self, name):
        """libvirt 9.0 has the descendants name other files, as if the overlay had been merged."""
        images = self.images()
        try:
            self.virsh("snapshot-delete", name, "--metadata")
        except NotDone:
            if name in self.machine.snapshots():  # libvirt 9.0 may say so when it is done
                raise
        self.tree.remove(name)
        said = Said(self.machine, self.tree.snapshots)
        now = self.model.images({**self.world.audit.said, self.member: said})
        for key, image in images.items():
            if key[:3] == ("snapshot", self.member, name):
                if image.tag and key not in self.model.spoilt:
                    self.model.tags[image.path, name] = image
            elif key in now and now[key].path != image.path:
                self.model.spoilt.add(key)
            elif key[:2] == ("snapshot", self.member):  # a layer may be left out of its chain
                self.model.touched.add(key)
