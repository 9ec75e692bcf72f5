# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks whose chain in libvirt's XML differs from the one in the headers."""

import json
import os
import xml.etree.ElementTree as ElementTree

from lib.command import must
from lib.domain import DOCUMENT, MIB, Disk, Domain
from lib.reading import forget_backing_format, tag_id

LAYER = "<backingStore type='file'><format type='{1}'/><source file='{0}'/>{2}</backingStore>"
DISK = """<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
      <source file='{path}'/>{chain}<target dev='{target}' bus='virtio'/></disk>"""
END = None


def elements(layers):
    """The XML of layers, each a path and a format, or END."""
    if not layers:
        return ""
    return "<backingStore/>" if layers[0] is END else LAYER.format(*layers[0], elements(layers[1:]))


class Told(Domain):
    """Each disk is an overlay whose header names one chain, and whose XML another.

    `chains` has for each disk the path and format that its header names, or END, and then the layers of the XML.
    The format may be None."""

    def __init__(self, name, directory, chains, size=2 * MIB):
        super().__init__(name, directory, size=size)
        self.chains = chains
        self.disks = [Disk(target, os.path.join(directory, f"{name}-{target}.qcow2"), "qcow2") for target in chains]

    def __enter__(self):
        for disk in self.disks:
            must("qemu-img", "create", "-q", "-f", "qcow2", disk.path, self.size)
            header = self.chains[disk.target][0]
            if header is not END:
                rebase(disk.path, *header)
        self.define()
        return self

    def document(self):
        disks = [
            DISK.format(path=one.path, target=one.target, chain=elements(self.chains[one.target][1]))
            for one in self.disks
        ]
        return DOCUMENT.format(name=self.name, uuid=self.uuid, memory=self.memory, disks="\n".join(disks))


def rebase(path, below="", format=None):
    """Writes the header alone."""
    words = ["-F", format or "raw"] if below else []
    must("qemu-img", "rebase", "-u", "-f", "qcow2", "-b", below, *words, path)
    if below and not format:
        forget_backing_format(path)


def node(layers):
    """QEMU's options of a chain of just these files."""
    (path, format), *below = layers
    found = {"driver": format, "file": {"driver": "file", "filename": path}}
    if format == "qcow2":
        found["backing"] = node(below) if below and below[0] is not END else None
    return found


def convert(layers, path, tag=None):
    """Writes QEMU's reading of a chain of just these files to a raw file."""
    which = ["-l", f"snapshot.id={tag_id(layers[0][0], tag)}"] if tag else []
    must("qemu-img", "convert", "-U", *which, "-O", "raw", "json:" + json.dumps(node(layers)), path)


def chain(document, target, path="devices/disk"):
    """Returns the layers of a disk in a domain's XML, with END if the XML ends the chain."""
    for disk in ElementTree.fromstring(document).findall(path):
        if disk.find("target").get("dev") != target:
            continue
        found, layer = [(disk.find("source").get("file"), disk.find("driver").get("type"))], disk.find("backingStore")
        while layer is not None and layer.get("type"):
            found.append((layer.find("source").get("file"), layer.find("format").get("type")))
            layer = layer.find("backingStore")
        return found if layer is None else [*found, END]
    raise KeyError(target)


def filled(path, value, size=2 * MIB):
    """A raw file full of one byte."""
    with open(path, "wb") as file:
        file.write(bytes([value]) * size)
    return path, "raw"
