# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain whose directory has only its files, and whose disks can be attached and detached.

Disks called sd… are on a SCSI controller, where QEMU plugs them in and out without a guest's help.
"""

import os

from lib.command import must
from lib.domain import DISK, DOCUMENT, MIB, Disk, Domain

SIZE = 4 * MIB
CONTROLLER = "<controller type='scsi' index='0' model='virtio-scsi'/>"
WRONG = b"Pattern verification failed"


class Machine(Domain):
    """`sources` is what libvirt said last of its disks: {target: (file, format)}."""

    def __init__(self, name, directory, disks):
        """The disks are {target: format}, or Disks whose files are there."""
        os.mkdir(directory)
        known = all(isinstance(disk, Disk) for disk in disks)
        super().__init__(name, directory, None if known else disks, SIZE)
        self.made = not known
        if known:
            self.disks = list(disks)
        self.path = os.path.join(directory, "domain.xml")
        self.sources = {disk.target: (disk.path, disk.format) for disk in self.disks}

    def __enter__(self):
        if self.made:
            return super().__enter__()
        self.define()
        return self

    def define(self):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(self.document())
        self.virsh("define", self.path)

    def document(self):
        disks = [element(disk.target, disk.path, disk.format) for disk in self.disks]
        if any(disk.target.startswith("sd") for disk in self.disks):
            disks.insert(0, CONTROLLER)
        return DOCUMENT.format(
            name=self.name, uuid=self.uuid, memory=self.memory, disks="\n    ".join(disks)
        )

    def device(self, target):
        number = ord(target[2]) - ord("a")
        if target.startswith("sd"):
            return f"scsi0-0-0-{number}"
        return f"/machine/peripheral/virtio-disk{number}/virtio-backend"

    def monitor(self, target, *commands):
        """Returns virsh's command lines that make the disk's QEMU do that."""
        start = f"qemu-monitor-command {self.name} --hmp 'qemu-io -d {self.device(target)}"
        return [f'{start} "{command}"\'' for command in commands]

    def flushes(self):
        return [line for target in self.sources for line in self.monitor(target, "flush")]

    def put(self, active, byte, offset, length, target):
        """Writes bytes of one value, as the guest, or by qemu-io to the disk of a domain that is shut off."""
        command = f"write -P {byte:#x} {offset} {length}"
        if active:
            self.virsh("; ".join(self.monitor(target, command, "flush")))
        else:
            path, format = self.sources[target]
            must("qemu-io", "-f", format, "-c", command, path)

    def reads(self, target, runs):
        """Returns whether the guest reads those bytes, (offset, length, byte), from the disk."""
        lines = [f"read -P {byte:#x} {offset} {length}" for offset, length, byte in runs]
        if not lines:
            return True
        log = f"/var/log/libvirt/qemu/{self.name}.log"
        end = os.path.getsize(log)
        self.virsh("; ".join(self.monitor(target, *lines)))
        with open(log, "rb") as file:
            file.seek(end)
            return WRONG not in file.read()

    def pid(self):
        """Of its QEMU, or None."""
        try:
            with open(self.pid_file(), encoding="ascii") as file:
                return int(file.read())
        except (FileNotFoundError, ValueError):
            return None

    def pid_file(self):
        return f"/run/libvirt/qemu/{self.name}.pid"


def element(target, path, format):
    bus = "scsi" if target.startswith("sd") else "virtio"
    return DISK.format(target=target, path=path, format=format, bus=bus)
