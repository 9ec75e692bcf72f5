# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes for which snapfs may refuse. Each is looked for in the files, QEMU and libvirt, because the sentence or
the errno alone proves nothing. A refusal for another cause is a failure.
"""

import errno
import os
import re
import xml.etree.ElementTree as ElementTree

from lib import reading
from lib.matrix.files import Files
from lib.matrix.model import CLONE
from lib.matrix.tree import PAUSED
from lib.tap import errno_name, fail


class Cause:
    """`apart`: the cause does not count as a refusal, because a saved state or a clone prevents the operation."""

    def __init__(self, name, number, sentence, is_so, apart=False):
        self.name, self.number, self.is_so, self.apart = name, number, is_so, apart
        self.sentence = re.compile(sentence)


class Refusal:
    """One of an operation on a member of the world; nothing has changed since the last audit."""

    def __init__(self, world, member, words):
        self.world, self.member, self.words = world, member, words

    @property
    def machine(self):
        return self.world.machines[self.member]

    @property
    def tree(self):
        return self.world.model.trees[self.member]

    def explained(self, number, sentence):
        """Returns the cause that was found, and whether it is `apart`."""
        for cause in CAUSES:
            match = cause.sentence.search(sentence)
            if match and cause.number == number and cause.is_so(self, *match.groups()):
                return cause.name, cause.apart or self.names_clone(sentence)
        return fail(f"nothing explains the refusal of {' '.join(self.words)}: {errno_name(number)}: {sentence}")

    def names_clone(self, sentence):
        return CLONE in self.world.machines and self.world.machines[CLONE].name in sentence

    # ---- the operation

    def removed(self):
        verb, name, *rest = self.words
        return self.tree.removed(name, *rest) if verb in ("rmdir", "delete") else []

    def keys(self, name):
        return [key for key in self.world.audit.images if key[:3] == ("snapshot", self.member, name)]

    def images(self):
        return self.world.audit.images.items()

    # ---- the state

    def is_saved(self):
        return self.tree.saved is not None

    def goes_under_clone(self, path):
        """The clone uses an image in the mount of a snapshot that is to be deleted."""
        over = self.world.over
        return over is not None and self.is_of_clone(path) and over[0] in self.removed()

    def is_of_clone(self, path):
        """The image in the mount that the clone is on; its path may be told from the mount's root on."""
        name, target = self.world.over
        place = f"/{self.world.name}/by-name/{name}/{target}.raw"
        return path in (place, self.world.mount.point + place)

    def is_open(self, target, name, pid):
        """By the QEMU of the clone, which is on that image."""
        return self.world.over == (name, target) and name in self.removed() and self.is_clones(pid)

    def is_clones(self, pid):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                return f"guest={self.world.machines[CLONE].name}" in file.read()
        except FileNotFoundError:
            return False

    def is_on_mount(self, path):
        return self.member == CLONE and self.world.over is not None and self.is_of_clone(path)

    def was_called(self, name):
        """When the memory was saved."""
        document = self.machine.snapshot_xml(self.words[1])
        saved = ElementTree.fromstring(document)
        return saved.findtext("domain/name") == name != self.machine.name and saved.find("memory").get("file") is not None

    def is_written_and_used(self, path):
        """The running domain writes to the file, and others than that disk and the snapshot use it."""
        written = any(key[:2] == ("live", self.member) and one.path == path for key, one in self.images())
        return self.tree.active() and written and self.is_used(path)

    def is_used(self, path):
        """The snapshot is in the file, and another needs it: neither the domain's disks, which the revert exchanges,
        nor the snapshot's."""
        own = self.keys(self.words[1])
        audit = self.world.audit
        return any(audit.images[key].path == path for key in own) and (
            any(path in audit.chain(one) for key, one in self.images() if key not in own and key[:2] != ("live", self.member))
            or any(path in chain(one) for one in self.strangers())
        )

    def strangers(self):
        """The qcow2 files beside those of the machines that no disk and no snapshot has."""
        known = self.world.audit.files.needed() | self.world.audit.memory_files
        known -= set(self.world.model.spares)
        machines = self.world.machines.values()
        here = [os.path.join(one.directory, name) for one in machines for name in os.listdir(one.directory)]
        return [path for path in here if path not in known and is_qcow2(path)]

    def has_another_backing_file(self, target, path):
        """A pull or a commit by hand has given it one since."""
        key = ("snapshot", self.member, self.words[1], target)
        image = self.world.audit.images.get(key)
        return image is not None and image.path == path and (path, image.tag) in self.world.model.rebased

    def is_strangers(self, into, stranger):
        return stranger in self.strangers() and into in chain(stranger)

    def is_away(self, path, target):
        """The file of the snapshot's disk."""
        said = self.world.audit.said[self.member].snapshots
        sources = [said[name].disks[target][0][0] for name in self.removed() if target in said[name].disks]
        return path in sources and not os.path.exists(path)

    @staticmethod
    def cannot_be_followed(path):
        return not os.path.exists(path) or not Files().follow(path, "qcow2")

    def is_below_otherwise(self, path, header, told):
        """The file's header names another backing file than the XML of the snapshot, which lost a layer when the
        metadata of another was deleted."""
        touched = self.world.model.touched | self.world.model.spoilt
        layers = layers_in(self.machine.snapshot_xml(self.words[1]))
        named = [below for above, below in layers if above == path]
        return (
            any(key in touched for key in self.keys(self.words[1]))
            and reading.backing(path) == header != told
            and told in named
        )

    def leaves_out(self, target, path, name):
        """The XML of that snapshot lacks a layer that the header of the one above it names."""
        layers = layers_in(self.machine.snapshot_xml(name))
        named = {above for above, _ in layers if above}
        image = self.world.audit.images.get(("snapshot", self.member, name, target))
        return image is not None and path in self.world.audit.chain(image) and path not in named

    def is_used_unseen(self, path, end):
        return self.cannot_be_followed(end) and any(key[3:] and one.path == path for key, one in self.images())

    def is_paused(self):
        return self.tree.state == PAUSED


def is_qcow2(path):
    with open(path, "rb") as file:
        return file.read(4) == b"QFI\xfb"


def chain(path):
    files = Files()
    return files.chains[path] if files.follow(path, "qcow2") else [path]


def layers_in(document):
    """(file, the one below it) for each file in the chains of the disks; None is the end."""
    for disk in ElementTree.fromstring(document).findall("domain/devices/disk"):
        layer = disk
        while layer is not None and layer.find("source") is not None:
            below = layer.find("backingStore")
            source = None if below is None else below.find("source")
            yield layer.find("source").get("file"), None if source is None else source.get("file")
            layer = below


FILE = "'([^']+)'"
CAUSES = (
    Cause("a saved state", errno.EBUSY, "the domain has a saved state", Refusal.is_saved, apart=True),
    Cause("a clone on an image of the mount", errno.EBUSY, f"uses the image {FILE} in a mount", Refusal.goes_under_clone,
          apart=True),
    Cause("an image that a clone has open", errno.EBUSY, rf"'(\w+)\.raw' of snapshot {FILE} is open: .*pid (\d+)",
          Refusal.is_open, apart=True),
    Cause("a clone's own disk is on an image of the mount", errno.EOPNOTSUPP, f"{FILE} is inside a snapfs mount",
          Refusal.is_on_mount, apart=True),
    Cause("memory under another name", errno.EOPNOTSUPP, f"the domain was called {FILE}", Refusal.was_called),
    Cause("the running domain writes to what would be copied", errno.EBUSY,
          f"{FILE} cannot be copied for the revert, and others use it: the running domain writes to it",
          Refusal.is_written_and_used),
    Cause("a tag with another backing file", errno.EBUSY, f"cannot revert disk {FILE}: {FILE} had another backing file",
          Refusal.has_another_backing_file),
    Cause("a file that no domain has", errno.EBUSY, rf"into {FILE}: the image {FILE} \(no domain has it\)",
          Refusal.is_strangers),
    Cause("a file that is away", errno.EBUSY, f"the file {FILE}, which has disk {FILE}, is away", Refusal.is_away),
    Cause("an unknown chain", errno.EBUSY, f"reverting would write to {FILE}.*cannot be followed below {FILE}",
          Refusal.is_used_unseen),
    Cause("a revert that writes to a file of others", errno.EBUSY, f"reverting would write to {FILE}, used by",
          Refusal.is_used),
    Cause("two chains, by the XML and by the header", errno.EIO,
          f"the backing file of {FILE} is {FILE} by its header, and (?:{FILE}|none) by the XML",
          Refusal.is_below_otherwise),
    Cause("a chain that the XML leaves out", errno.EBUSY,
          f"would put disk {FILE} on a chain without {FILE}, which the XML of snapshot {FILE}", Refusal.leaves_out),
    Cause("a guest that stays paused over a save", errno.EBUSY, "has been paused since its memory was last saved",
          Refusal.is_paused),
)
