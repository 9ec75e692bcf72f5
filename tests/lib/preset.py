# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains and snapshot trees for libvirt's test driver, whose connection is test:///FILE."""

import os
import uuid
from xml.sax.saxutils import escape

from lib.command import must
from lib.storage import Storage

NAMESPACE = "http://libvirt.org/schemas/domain/test/1.0"
CREATED = 1700000000
# QEMU is slow with many tags in a file, so a disk goes to another file after so many.
TAGS_A_FILE = 100


class Snapshot:
    """A snapshot and its descendants; a domain's first one is created at CREATED, the next a second later."""

    def __init__(self, name, *children, current=False, description=""):
        self.name, self.children = name, children
        self.current, self.description = current, description


class Domain:
    """A domain of the test driver; its disks are files in `directory`, which need not exist."""

    def __init__(self, name, *snapshots, disks=("vda",), running=True, directory="/nowhere"):
        self.name, self.snapshots = name, snapshots
        self.disks, self.running, self.directory = disks, running, directory
        self.uuid = str(uuid.uuid5(uuid.NAMESPACE_URL, name))

    def document(self):
        lines = [f"<domain type='test' xmlns:test='{NAMESPACE}'>"]
        lines += self.body()
        for number, (parent, snapshot) in enumerate(self.walk()):
            lines += self.snapshot(parent, snapshot, number)
        lines.append(f"<test:runstate>{1 if self.running else 5}</test:runstate>")
        lines.append("</domain>")
        return lines

    def body(self, number=0):
        return [
            f"<name>{escape(self.name)}</name><uuid>{self.uuid}</uuid><memory>8192</memory>",
            "<os><type>hvm</type></os><devices>",
            *(self.disk(self.image(target, number), target) for target in self.disks),
            "</devices>",
        ]

    def disk(self, path, target):
        return (
            "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
            f"<source file='{path}'/><target dev='{target}' bus='virtio'/></disk>"
        )

    def image(self, target, number=0):
        """The file that a disk was on at the n-th snapshot."""
        return os.path.join(self.directory, f"{self.uuid}-{target}.{number // TAGS_A_FILE}.qcow2")

    def create_images(self, size=1 << 20):
        """Makes the disks as the snapshots left them: each has bytes of its number, from 1 on."""
        snapshots = [snapshot for _, snapshot in self.walk()]
        for target in self.disks:
            for first in range(0, max(1, len(snapshots)), TAGS_A_FILE):
                path = self.image(target, first)
                must("qemu-img", "create", "-q", "-f", "qcow2", path, size)
                with Storage(path) as storage:
                    for number, snapshot in enumerate(snapshots[first : first + TAGS_A_FILE], first):
                        storage.write(bytes([(number + 1) % 256]) * 4096)
                        storage.tag(snapshot.name)

    def snapshot(self, parent, snapshot, number):
        state = "running" if self.running else "shutoff"
        yield f"<test:domainsnapshot><name>{escape(snapshot.name)}</name>"
        if snapshot.description:
            yield f"<description>{escape(snapshot.description)}</description>"
        if parent:
            yield f"<parent><name>{escape(parent.name)}</name></parent>"
        yield f"<state>{state}</state><creationTime>{CREATED + number}</creationTime>"
        yield f"<memory snapshot='{'internal' if self.running else 'no'}'/><disks>"
        yield from (f"<disk name='{target}' snapshot='internal'/>" for target in self.disks)
        yield "</disks><domain type='test'>"
        yield from self.body(number)
        yield f"</domain><active>{int(snapshot.current)}</active></test:domainsnapshot>"

    def walk(self):
        """Yields every (parent, snapshot), parents first, without a recursion for each."""
        waiting = [(None, snapshot) for snapshot in reversed(self.snapshots)]
        while waiting:
            parent, snapshot = waiting.pop()
            yield parent, snapshot
            waiting += [(snapshot, child) for child in reversed(snapshot.children)]


def line(names, current=True):
    """Makes snapshots one below the other; the last one is current."""
    below = ()
    for name in reversed(names):
        below = (Snapshot(name, *below, current=current and not below),)
    return below


def write(path, *domains):
    """Writes the file and returns its URI."""
    with open(path, "w", encoding="utf-8") as file:
        print("<node>", file=file)
        for domain in domains:
            print("\n".join(domain.document()), file=file)
        print("</node>", file=file)
    return "test://" + os.path.abspath(path)
