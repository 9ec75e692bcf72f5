# SPDX-License-Identifier: GPL-3.0-or-later
"""The bytes of every disk at every snapshot, as QEMU reads them, and checks that they stay the same."""

import hashlib
import os

from lib import reading
from lib.domain import is_internal, snapshot_source, source_in
from lib.tap import equal, true

COPY = "/run/held"
PIECE = 1 << 20


def digest(path):
    """Returns a digest of the file's bytes."""
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(PIECE):
            found.update(piece)
    return found.hexdigest()


class Held:
    """`held.snapshot("e1", "external")` takes a snapshot and notes its bytes."""

    def __init__(self, domain, mount=None):
        self.domain, self.mount, self.bytes = domain, mount, {}

    def snapshot(self, name, kind, *flags):
        self.domain.snapshot(name, kind, *flags)
        self.note(name)

    def note(self, name):
        self.bytes[name] = self.by_qemu(name)

    def by_qemu(self, name, document=None):
        """The digests of the snapshot's disks, as QEMU reads them."""
        found = {}
        document = document or self.domain.snapshot_xml(name)
        for disk in self.domain.disks:
            source, format = snapshot_source(document, disk.target)
            tag = name if is_internal(document, disk.target) else None
            reading.convert(source, format, COPY, tag)
            found[disk.target] = digest(COPY)
        return found

    def in_mount(self, name):
        image = self.mount.path(self.domain.name, "by-name", name)
        return {disk.target: digest(f"{image}/{disk.target}.raw") for disk in self.domain.disks}

    def live(self):
        """The digests of what the domain's disks hold now."""
        found = {}
        document = self.domain.virsh("dumpxml", self.domain.name)
        for disk in self.domain.disks:
            source, format = source_in(document, disk.target, "devices/disk")
            reading.convert(source, format, COPY)
            found[disk.target] = digest(COPY)
        return found

    def check(self):
        """Checks that QEMU reads every snapshot's bytes as before, and that all differ."""
        documents = snapshot_documents(self.domain)
        equal(sorted(documents), sorted(self.bytes), "snapshots")
        for name, before in self.bytes.items():
            equal(self.by_qemu(name, documents[name]), before, f"the disks of {name} for QEMU")
        digests = [one for disks in self.bytes.values() for one in disks.values()]
        equal(len(set(digests)), len(digests), "number of different contents")

    def check_mount(self):
        """Checks the same in the mount."""
        for name, before in self.bytes.items():
            equal(self.in_mount(name), before, f"the disks of {name} in the mount")

    def is_live(self, name):
        """Checks that the domain's disks have the bytes of that snapshot."""
        equal(self.live(), self.bytes[name], "the live disks")

    def is_not_live(self, name):
        for target, now in self.live().items():
            true(now != self.bytes[name][target], f"a write to {target} is lost")


def snapshot_documents(domain):
    """Returns the XML of each snapshot, by one call of virsh."""
    names = domain.snapshots()
    commands = "; ".join(f"snapshot-dumpxml {domain.name} {name}" for name in names)
    end = "</domainsnapshot>"
    said = domain.virsh(commands).split(end) if names else []
    return {name: document + end for name, document in zip(names, said)}


def files(domain):
    """The image files in the domain's directory."""
    return {name for name in os.listdir(domain.directory) if name.startswith(f"{domain.name}-")}


def needed(domain):
    """Returns the files that a snapshot or a live disk uses."""
    found = set()
    tops = [domain.live_source(disk.target) for disk in domain.disks]
    for document in snapshot_documents(domain).values():
        tops += [snapshot_source(document, disk.target) for disk in domain.disks]
    for path, format in tops:
        if path not in found:
            found |= set(reading.chain(path, format))
    return {os.path.basename(path) for path in found}


def tidy(domain):
    """Checks that no file is unused, none is missing, and no other domain is left."""
    equal(files(domain), needed(domain), "files")
    left = [name for name in domain.virsh("list", "--all", "--name").split() if "snapfs-tmp" in name]
    equal(left, [], "temporary domains")
