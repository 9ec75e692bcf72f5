# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks on block devices, with QEMU in a /dev of its own, as by default. Its locks and the times of its nodes
cannot be seen, but no wrong byte is read."""

import contextlib
import errno
import os

from lib import daemon
from lib.command import must
from lib.domain import DOCUMENT, MIB, STEP, Disk, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, refused, run, test, true

CONFIGURATION = "/etc/libvirt/qemu.conf"
DISK = """<disk type='block' device='disk'><driver name='qemu' type='{format}' cache='{cache}'/>
      <source dev='{path}'/><target dev='{target}' bus='virtio'/></disk>"""
END = 8 * MIB


class OnDevice(Domain):
    """A domain whose one disk is a block device, full of the byte 1."""

    def __init__(self, name, directory, cache):
        super().__init__(name, directory)
        self.cache = cache

    def __enter__(self):
        path = os.path.join(self.directory, self.name + ".raw")
        with open(path, "wb") as file:
            file.write(b"\1" * self.size)
        self.device = must("losetup", "-f", "--show", path).strip()
        self.disks = [Disk("vda", self.device, "raw")]
        self.define()
        self.start()
        return self

    def __exit__(self, *_):
        self.remove()
        must("losetup", "-d", self.device)

    def document(self):
        disks = DISK.format(cache=self.cache, **vars(self.disks[0]))
        return DOCUMENT.format(name=self.name, uuid=self.uuid, memory=self.memory, disks=disks)


@contextlib.contextmanager
def with_snapshot(directory, cache):
    """A snapshot on the device, behind which the guest has written."""
    with OnDevice("dev-" + cache, directory, cache) as domain, Mount(domain.uri, "cache=0") as mount:
        true(os.stat(domain.device).st_ino != inode_of_qemus(domain), "the node is QEMU's own")
        overlay = os.path.join(directory, domain.name + ".overlay")
        domain.virsh("snapshot-create-as", domain.name, "s1", "--disk-only", "--diskspec", f"vda,file={overlay}")
        for at in range(0, domain.size, MIB):
            domain.write(9, at)
        yield domain, mount.path(domain.name, "snapshots/s1/vda.raw")


def inode_of_qemus(domain):
    with open(f"/run/libvirt/qemu/{domain.name}.pid", encoding="ascii") as file:
        return os.stat(f"/proc/{int(file.read())}/root{domain.device}").st_ino


def read(fd, at):
    return set(os.pread(fd, STEP, at))


@test
def a_commit_under_an_open_image(directory):
    for cache in ("none", "writeback"):
        with with_snapshot(directory, cache) as (domain, image):
            with contextlib.closing(open(image, "rb", 0)) as file:
                equal(read(file.fileno(), 0), {1}, "before")
                domain.virsh("blockcommit", domain.name, "vda", "--active", "--wait", "--pivot")
                refused(errno.ESTALE, read, file.fileno(), END)
            refused(errno.EIO, open, image, "rb")


@test
def an_image_opened_while_a_commit_is_ready(directory):
    """Waits until everything is written and no writes follow."""
    with with_snapshot(directory, "directsync") as (domain, image):
        domain.virsh("blockcommit", domain.name, "vda", "--active", "--wait")
        refused(errno.EBUSY, open, image, "rb")


@test
def an_image_opened_while_the_domain_is_copied(directory):
    """Such a job writes to no file of the snapshot."""
    with with_snapshot(directory, "writethrough") as (domain, image):
        copy = os.path.join(directory, "copy")
        domain.virsh("blockcopy", domain.name, "vda", "--dest", copy, "--transient-job", "--wait")
        with open(image, "rb", 0) as file:
            equal(read(file.fileno(), END), {1}, "its bytes")


with scratch() as place:
    with open(CONFIGURATION, encoding="utf-8") as old:
        lines = [line for line in old if not line.startswith("namespaces")]
    with open(CONFIGURATION, "w", encoding="utf-8") as new:
        new.writelines(lines)
    daemon.restart()
    run(place)
