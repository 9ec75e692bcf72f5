# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain of QEMU with small disks and no operating system; the test plays the guest.

The test writes by QEMU's monitor while the domain runs, and by qemu-io while it is shut off.
"""

import os
import uuid
import xml.etree.ElementTree as ElementTree

from lib.command import attempt, must

SYSTEM = "qemu:///system"
MIB = 1 << 20
# The offset of a disk's n-th write: apart from the others, and not in the first cluster.
STEP = 64 << 10

DOCUMENT = """<domain type='qemu'>
  <name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>{memory}</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <on_reboot>restart</on_reboot><on_poweroff>destroy</on_poweroff>
  <devices>
    <controller type='usb' model='none'/><memballoon model='none'/>
    {disks}
  </devices>
</domain>"""

DISK = """<disk type='file' device='disk'><driver name='qemu' type='{format}'/>
      <source file='{path}'/><target dev='{target}' bus='{bus}'/></disk>"""


class Disk:
    def __init__(self, target, path, format):
        self.target, self.path, self.format = target, path, format
        self.bus = {"v": "virtio", "s": "sata", "h": "ide", "f": "fdc"}[target[0]]


class Domain:
    """`with Domain("web", DIRECTORY) as domain:` defines it, shut off; the end removes all of it."""

    def __init__(self, name, directory, disks=None, size=16 * MIB, uri=SYSTEM, memory=32):
        self.name, self.directory, self.size = name, directory, size
        self.uri, self.memory = uri, memory
        self.uuid = str(uuid.uuid4())
        formats = disks or {"vda": "qcow2", "vdb": "qcow2"}
        self.disks = [
            Disk(target, os.path.join(directory, f"{name}-{target}.{format}"), format)
            for target, format in formats.items()
        ]

    def __enter__(self):
        for disk in self.disks:
            must("qemu-img", "create", "-q", "-f", disk.format, disk.path, self.size)
        self.define()
        return self

    def __exit__(self, *_):
        self.remove()

    def define(self):
        """Defines the domain, on the disks' present paths."""
        path = os.path.join(self.directory, f"{self.name}.xml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.document())
        self.virsh("define", path)

    def document(self):
        disks = "\n    ".join(DISK.format(**vars(disk)) for disk in self.disks)
        return DOCUMENT.format(name=self.name, uuid=self.uuid, memory=self.memory, disks=disks)

    def remove(self):
        self.try_virsh("destroy", self.name)
        self.try_virsh("undefine", self.name, "--snapshots-metadata", "--managed-save", "--nvram")

    def virsh(self, *arguments, **keywords):
        return must("virsh", "-q", "-c", self.uri, *arguments, **keywords)

    def try_virsh(self, *arguments, **keywords):
        return attempt("virsh", "-q", "-c", self.uri, *arguments, **keywords)

    def libvirt(self):
        """The version of libvirt, as two numbers."""
        [line] = [one for one in self.virsh("version").splitlines() if one.startswith("Using lib")]
        return tuple(int(number) for number in line.split()[-1].split(".")[:2])

    def start(self, *flags):
        self.virsh("start", self.name, *flags)

    def destroy(self):
        self.virsh("destroy", self.name)

    def state(self):
        return self.virsh("domstate", self.name).strip()

    def running(self):
        return self.state() in ("running", "paused")

    def live_source(self, target):
        """The file a disk of the domain is on now, and its format."""
        return source_in(self.virsh("dumpxml", self.name), target, "devices/disk")

    def write(self, pattern, offset=MIB, length=STEP, targets=None):
        """Writes bytes of one value on each disk, or on the named ones, as the guest would."""
        command = f"write -P {pattern:#x} {offset} {length}"
        running = self.running()
        for index, disk in enumerate(self.disks):
            if targets and disk.target not in targets:
                continue
            if running:
                self._monitor(index, command)
                self._monitor(index, "flush")
            else:
                path, format = self.live_source(disk.target)
                must("qemu-io", "-f", format, "-c", command, path)

    def flush(self):
        """Has QEMU write its caches to the files."""
        for index in range(len(self.disks)):
            self._monitor(index, "flush")

    def read(self, index, pattern, offset, length=STEP):
        """Reads from the n-th disk as the guest would; QEMU's log says if the bytes have that value."""
        self._monitor(index, f"read -P {pattern:#x} {offset} {length}")

    def log(self):
        """Returns the log of the domain's QEMU."""
        with open(f"/var/log/libvirt/qemu/{self.name}.log", encoding="utf-8") as file:
            return file.read()

    def _monitor(self, index, command):
        device = f"/machine/peripheral/virtio-disk{index}/virtio-backend"
        return self.virsh(
            "qemu-monitor-command", self.name, "--hmp", f'qemu-io -d {device} "{command}"'
        )

    def snapshot(self, name, kind="internal", *flags):
        """Takes a snapshot: internal, external (disks alone) or memory (external with memory)."""
        words = {
            "internal": [],
            "external": ["--disk-only", "--atomic"],
            "memory": ["--memspec", os.path.join(self.directory, f"{self.name}.{name}.memory")],
        }[kind]
        self.virsh("snapshot-create-as", self.name, name, *words, *flags)

    def delete(self, name, *flags):
        self.virsh("snapshot-delete", self.name, name, *flags)

    def revert(self, name, *flags):
        self.virsh("snapshot-revert", self.name, name, *flags)

    def snapshots(self):
        return sorted(filter(None, self.virsh("snapshot-list", self.name, "--name").splitlines()))

    def parents(self):
        """Every snapshot's parent, None for a root."""
        return {name: self._parent(name) for name in self.snapshots()}

    def _parent(self, name):
        found = ElementTree.fromstring(self.snapshot_xml(name)).find("parent/name")
        return None if found is None else found.text

    def current(self):
        """The name of the current snapshot, or None."""
        result = self.try_virsh("snapshot-current", self.name, "--name")
        return result.out.strip() if result.status == 0 else None

    def snapshot_xml(self, name):
        return self.virsh("snapshot-dumpxml", self.name, name)

    def snapshot_source(self, name, target):
        """The file that holds a disk's bytes at a snapshot, and its format."""
        return snapshot_source(self.snapshot_xml(name), target)

    def is_internal(self, name, target):
        return is_internal(self.snapshot_xml(name), target)


def is_internal(document, target):
    """Returns whether the snapshot with that XML has the disk's bytes in a tag."""
    disks = ElementTree.fromstring(document).findall("disks/disk")
    return {disk.get("name"): disk.get("snapshot") for disk in disks}[target] == "internal"


def snapshot_source(document, target):
    """The file that holds a disk's bytes at the snapshot of that XML, and its format."""
    return source_in(document, target, "domain/devices/disk")


def source_in(document, target, path):
    """The file of a disk among the elements of that path, and its format."""
    for disk in ElementTree.fromstring(document).findall(path):
        if disk.find("target").get("dev") == target:
            return _path(disk.find("source")), disk.find("driver").get("type")
    raise KeyError(target)


def _path(source):
    if source.get("pool") is None:
        return source.get("file")
    return must("virsh", "-q", "-c", SYSTEM, "vol-path", "--pool", source.get("pool"), source.get("volume")).strip()
