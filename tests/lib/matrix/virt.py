# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's answers about a domain and its snapshots, by one virsh."""

import xml.etree.ElementTree as ElementTree

from lib.tap import fail

MARK = "=8<="


class Said:
    """`state`, `current`, `live` (target: (file, format)), and `snapshots` by name."""

    def __init__(self, domain, names, before=()):
        """The command lines come before the questions; they may fail."""
        quoted = [f"'{name}'" for name in names]
        parts = self.ask(
            domain,
            "; ".join([*before, f"domstate {domain.name}"]),
            f"dumpxml {domain.name}",
            "list --all --name",
            f"snapshot-list {domain.name} --name",
            *(f"snapshot-dumpxml {domain.name} {name}" for name in quoted),
            f"snapshot-current {domain.name} --name",
        )
        state, self.document, domains, self.names, *documents, current = parts
        self.state = state.splitlines()[-1] if state else ""
        self.domains, self.names = domains.split(), list(filter(None, self.names.split("\n")))
        self.live = dict(sources(ElementTree.fromstring(self.document), "devices/disk"))
        self.snapshots = {
            name: Snapshot(text) for name, text in zip(names, documents) if name in self.names
        }
        self.current = current or None

    @staticmethod
    def ask(domain, *commands):
        """Returns the answers; virsh fails if no snapshot is current."""
        result = domain.try_virsh(f"; echo {MARK}; ".join(commands))
        parts = [part.strip() for part in result.out.split(MARK)]
        if len(parts) != len(commands) or result.status and parts[-1]:
            fail(str(result))
        return parts


class Snapshot:
    """`disks` are those it captured: {target: ((file, format), is internal)}; `memory` its file, if any."""

    def __init__(self, text):
        document = ElementTree.fromstring(text)
        self.parent = document.findtext("parent/name")
        found = dict(sources(document, "domain/devices/disk"))
        kinds = {one.get("name"): one.get("snapshot") for one in document.findall("disks/disk")}
        self.disks = {
            target: (found[target], kind == "internal")
            for target, kind in kinds.items()
            if kind in ("internal", "external")
        }
        self.memory = document.find("memory").get("file")
        self.kind = document.find("memory").get("snapshot")

    def saves(self):
        """Returns whether the memory was saved."""
        return self.kind in ("internal", "external")

    def internal(self):
        return all(internal for _, internal in self.disks.values())


def sources(document, path):
    for disk in document.findall(path):
        source, driver = disk.find("source"), disk.find("driver")
        yield disk.find("target").get("dev"), (source.get("file"), driver.get("type"))
