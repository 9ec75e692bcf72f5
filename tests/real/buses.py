# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains with disks on several buses, with floppies, and with devices that cannot be migrated: each disk gets
its own bytes, and the snapshot is of a kind that the domain can have."""

import contextlib
import errno
import os
import xml.etree.ElementTree as ElementTree

from lib.control import create, last_log, write
from lib.domain import MIB, SYSTEM, Domain
from lib.held import Held, tidy
from lib.line import leaks_nothing, reverted
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test
from lib.watch import revert

BUSES = {"sd": "scsi", "hd": "ide", "vd": "virtio", "fd": "fdc", "ub": "usb"}
DISK = """<disk type='file' device='{device}'><driver name='qemu' type='{format}'/>
      <source file='{path}'/><target dev='{target}'{bus}/></disk>"""


class BusDomain(Domain):
    """A domain whose disks are on the buses that their names tell; the XML names the bus or leaves it to libvirt."""

    said = True

    def document(self):
        disks = "\n".join(self.disk(disk) for disk in self.disks)
        document, plain = super().document(), super().document()
        return document[: plain.index("<disk")] + disks + plain[plain.rindex("</disk>") + len("</disk>") :]

    def disk(self, disk):
        kind = "floppy" if disk.target.startswith("fd") else "disk"
        bus = f" bus='{BUSES[disk.target[:2]]}'" if self.said else ""
        return DISK.format(**{**vars(disk), "device": kind, "bus": bus})

    def fill(self, number):
        """Writes new bytes on every disk."""
        for index, disk in enumerate(self.disks):
            super().write(number, (1 + index) * (64 << 10), 4 << 10, [disk.target])


@contextlib.contextmanager
def domain_of(name, directory, disks, said=True):
    with BusDomain(name, directory, disks, 4 * MIB) as domain, Mount(SYSTEM, "cache=0") as mount:
        domain.said = said
        domain.define()
        yield domain, mount, Held(domain, mount)


def taken(held, name, function, *arguments):
    """Makes a snapshot, and checks that it has the disks' bytes."""
    before = held.live()
    function(*arguments)
    held.note(name)
    equal(held.bytes[name], before, f"the disks of {name}")
    equal(held.live(), before, "the live disks")


def there_and_back(domain, mount, held):
    for number, name in enumerate(("e1", "e2"), 1):
        domain.fill(number)
        taken(held, name, held.snapshot, name, "external")
    domain.fill(9)
    reverted(domain, mount, held, "e1")
    leaks_nothing(domain, held, "e1", 0x31)
    reverted(domain, mount, held, "e2")
    tidy(domain)
    held.check()


@test
def disks_on_several_buses(directory):
    for name, targets in {
        "scsi": "sda sdb vda", "ide": "hda hdb vda", "all": "vdb sdb hda vda",
    }.items():
        disks = {target: "raw" if target.endswith("b") else "qcow2" for target in targets.split()}
        with domain_of(f"bus-{name}", directory, disks) as (domain, mount, held):
            there_and_back(domain, mount, held)


@test
def disks_whose_bus_libvirt_chooses(directory):
    disks = {"vda": "qcow2", "sda": "qcow2", "hda": "raw"}
    with domain_of("chosen", directory, disks, said=False) as (domain, mount, held):
        for number, name in enumerate(("e1", "e2"), 1):
            domain.fill(number)
            taken(held, name, create, mount, domain, f"{name} disk-only")
        domain.fill(9)
        reverted(domain, mount, held, "e1")
        reverted(domain, mount, held, "e2")


@test
def more_disks_than_the_alphabet_has_letters(directory):
    names = [f"vd{chr(97 + i)}" for i in range(26)] + ["vdaa", "vdab", "sda"]
    with domain_of("many", directory, dict.fromkeys(names, "qcow2")) as (domain, mount, held):
        domain.fill(1)
        held.snapshot("e1", "external")
        domain.fill(2)
        revert(mount, domain, "e1")
        held.is_live("e1")


@test
def a_floppy_that_was_captured_is_reverted(directory):
    disks = {"fda": "raw", "vda": "qcow2", "sda": "qcow2"}
    with domain_of("floppy", directory, disks) as (domain, mount, held):
        there_and_back(domain, mount, held)
        domain.start()
        domain.destroy()


def captured(domain, name):
    disks = ElementTree.fromstring(domain.snapshot_xml(name)).findall("disks/disk")
    return {disk.get("name"): disk.get("snapshot") for disk in disks}


@test
def a_floppy_is_left_out_of_what_is_made_here(directory):
    with domain_of("left", directory, {"fda": "raw", "vda": "raw"}) as (domain, mount, held):
        floppy = domain.disks[0]
        for number, make in enumerate((
            lambda: create(mount, domain, "s1 disk-only"),
            lambda: os.mkdir(mount.path("left/current/s2")),
            lambda: write(mount.path("left/create"), "<domainsnapshot><name>s3</name></domainsnapshot>"),
        ), 1):
            if number == 2:
                domain.start()
            make()
            equal(captured(domain, f"s{number}"), {"fda": "no", "vda": "external"}, "what is captured")
        domain.destroy()
        equal(domain.live_source("fda"), (floppy.path, "raw"), "the file of the floppy")
        domain.disks.remove(floppy)
        for name in ("s1", "s2", "s3"):
            held.note(name)
        revert(mount, domain, "s1")
        held.is_live("s1")
        equal(domain.live_source("fda"), (floppy.path, "raw"), "the file of the floppy")
        create(mount, domain, "s4 disk-only diskspec=fda,snapshot=external")
        equal(captured(domain, "s4")["fda"], "external", "of whom it is asked")


class SharedDomain(Domain):
    """It has a device whose state QEMU cannot save."""

    def document(self):
        shared = "<shmem name='shared'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>"
        return super().document().replace("</devices>", f"{shared}</devices>")


@test
def a_domain_that_cannot_be_migrated_gets_disk_only_snapshots(directory):
    with SharedDomain("shared", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM, "cache=0") as mount:
        domain.start()
        domain.write(1)
        held = Held(domain, mount)
        os.mkdir(mount.path("shared/snapshots/s1"))
        equal(captured(domain, "s1"), {"vda": "external"}, "what is captured")
        holds(last_log(mount, domain), "an external disk-only one, because libvirt answered", "the log")
        held.note("s1")
        domain.write(2)
        files = sorted(os.listdir(directory))
        for words in ("s2 internal", "s2 external"):
            refused(errno.EOPNOTSUPP, create, mount, domain, words)
        equal((domain.snapshots(), sorted(os.listdir(directory))), (["s1"], files), "what there is")
        held.check()
        held.check_mount()


@test
def a_passing_cause_makes_no_other_kind_of_snapshot(directory):
    with SharedDomain("busy", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM, "cache=0") as mount:
        domain.start()
        copy = os.path.join(directory, "busy.copy")
        domain.virsh("blockcopy", "busy", "vda", copy, "--transient-job", "--wait")
        refused(errno.EBUSY, os.mkdir, mount.path("busy/snapshots/s1"))
        equal(domain.snapshots(), [])


with scratch() as directory:
    run(directory)
