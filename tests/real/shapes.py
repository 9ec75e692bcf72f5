# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains of every shape: transient, saved, renamed, undefined, with disks that came or went since,
that are left out, with UEFI, on devices. Each operation is right, or refused."""

import contextlib
import errno
import os

from lib.command import must
from lib.control import create, last_log
from lib.control import write as command
from lib.domain import MIB, SYSTEM, Domain
from lib.held import Held, files, tidy
from lib.line import line, write
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.watch import revert

BOTH = {"vda": "qcow2", "vdb": "qcow2"}


class Shaped(Domain):
    """A domain whose document is changed: each pair is an old text and its replacement."""

    def __init__(self, name, directory, *changes, disks=None, verb="define"):
        super().__init__(name, directory, disks or {"vda": "qcow2"}, 4 * MIB)
        self.changes, self.verb = changes, verb

    def document(self):
        document = super().document()
        for old, new in self.changes:
            holds(document, old)
            document = document.replace(old, new)
        return document

    def define(self):
        super().define()
        if self.verb == "create":  # which makes it transient
            self.virsh("undefine", self.name)


@contextlib.contextmanager
def mounted(domain, start=True):
    with domain, Mount(SYSTEM, "cache=0", f"domain={domain.name}") as mount:
        if start:
            domain.start()
        yield domain, mount, Held(domain, mount)


def make(mount, domain, held, pattern, words):
    """Writes as the guest, and makes a snapshot, by mkdir if there are no words."""
    write(domain, pattern)
    name, _, rest = words.partition(" ")
    if rest:
        create(mount, domain, words)
    else:
        os.mkdir(mount.path(domain.name, "current", name))
    held.note(name)


def reverted(mount, domain, held, name, words=""):
    revert(mount, domain, name, words)
    equal(domain.current(), name, "the current snapshot")
    held.is_live(name)
    held.check()


def deleted(mount, domain, held, *names):
    for name in names:
        command(mount.path(domain.name, "by-name", name, "delete"), "merge\n")
        held.bytes.pop(name)
        held.check()


def refuses(mount, domain, number, part, verb, *arguments):
    before = domain.state(), domain.current(), domain.parents(), files(domain)
    refused(number, verb, mount, domain, *arguments)
    holds(last_log(mount, domain), part)
    equal((domain.state(), domain.current(), domain.parents(), files(domain)), before, "all is as before")


@test
def transient_domains(directory):
    with Domain("transient", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        domain.start()
        domain.virsh("undefine", domain.name)
        with Mount(SYSTEM, "cache=0", "domain=transient") as mount:
            held = Held(domain, mount)
            make(mount, domain, held, 1, "i1")
            make(mount, domain, held, 2, "e2 disk-only")
            make(mount, domain, held, 3, "e3 disk-only")
            domain.virsh("snapshot-current", domain.name, "e2")
            refuses(mount, domain, errno.EOPNOTSUPP, "is transient", revert, "e3")
            reverted(mount, domain, held, "i1")
            equal(domain.state(), "running")
            write(domain, 4)
            deleted(mount, domain, held, "e3", "e2")
            make(mount, domain, held, 5, "e4 disk-only")
            deleted(mount, domain, held, "e4", "i1")


@test
def a_saved_state(directory):
    with line("saved", directory, "i", "e") as (domain, mount, held):
        domain.virsh("managedsave", domain.name)
        for name in ("i1", "e2"):
            refuses(mount, domain, errno.EBUSY, "a saved state", revert, name, "force")
        refuses(mount, domain, errno.EBUSY, "a saved state", create, "e3 disk-only")
        before = held.live()
        os.mkdir(mount.path(domain.name, "current", "i3"))
        held.note("i3")
        equal(held.bytes.pop("i3"), before, "the bytes of a new internal one")
        domain.start()
        equal(held.live(), before, "the live disks after the start")
        domain.destroy()
        domain.delete("i3")


def with_disk(domain, directory):
    """One more disk, which the snapshots so far know nothing of."""
    extra = os.path.join(directory, f"{domain.name}-vdx.qcow2")
    must("qemu-img", "create", "-q", "-f", "qcow2", extra, 4 * MIB)
    options = ("--driver", "qemu", "--subdriver", "qcow2", "--config")
    domain.virsh("attach-disk", domain.name, extra, "vdx", *options)
    return extra


@test
def disks_attached_since(directory):
    for kind in ("i", "e"):
        with line(f"attached-{kind}", directory, kind, start=False) as (domain, mount, held):
            extra = with_disk(domain, directory)
            before, after = f"{kind}1", f"{kind}2"
            make(mount, domain, held, 2, f"{after} {'internal' if kind == 'i' else 'disk-only'}")
            reverted(mount, domain, held, before)
            true("vdx" not in domain.virsh("domblklist", domain.name), "the new disk is still there")
            reverted(mount, domain, held, after)
            holds(domain.virsh("domblklist", domain.name), "vdx")
            deleted(mount, domain, held, before, after)
            left = [name for name in os.listdir(directory) if name.startswith(f"attached-{kind}-vdx")]
            equal(left, [os.path.basename(extra)], "files of the new disk")
            tidy_but(domain, extra)


def tidy_but(domain, *others):
    live = {domain.live_source(disk.target)[0] for disk in domain.disks}
    equal(files(domain), {os.path.basename(one) for one in live.union(others)}, "files")


@test
def disks_detached_since(directory):
    for kind in ("i", "e"):
        with line(f"detached-{kind}", directory, kind, disks=BOTH, start=False) as (domain, mount, held):
            name = f"{kind}1"
            domain.virsh("detach-disk", domain.name, "vdb", "--config")
            create(mount, domain, "e2 disk-only")
            reverted_with(mount, domain, held, name)
            deleted_alone(mount, domain, "e2")
            domain.virsh("detach-disk", domain.name, "vdb", "--config")
            deleted_alone(mount, domain, name)
            held.bytes.clear()


def reverted_with(mount, domain, held, name):
    """Another snapshot lacks a disk, so snapfs cannot look at all files."""
    revert(mount, domain, name)
    held.is_live(name)
    equal(held.by_qemu(name), held.bytes[name], f"the bytes of {name}")


def deleted_alone(mount, domain, name):
    command(mount.path(domain.name, "by-name", name, "delete"), "merge\n")
    true(name not in domain.snapshots(), f"{name} is still there")


DRIVES = """<disk type='file' device='cdrom'><source file='{}'/><target dev='sda' bus='sata'/></disk>
  <disk type='file' device='cdrom'><target dev='sdb' bus='sata'/></disk></devices>"""


@test
def drives_and_disks_left_out(directory):
    medium = os.path.join(directory, "medium.iso")
    must("truncate", "-s", MIB, medium)
    drives = ("</devices>", DRIVES.format(medium))
    with mounted(Shaped("drives", directory, drives, disks=BOTH), False) as (domain, mount, held):
        make(mount, domain, held, 1, "i1")
        make(mount, domain, held, 2, "e2 disk-only")
        write(domain, 3)
        equal(images(mount, domain, "e2"), ["vda.raw", "vdb.raw"], "images")
        reverted(mount, domain, held, "e2")
        reverted(mount, domain, held, "i1")
        deleted(mount, domain, held, "e2", "i1")
    out = ("device='disk'><driver name='qemu' type='raw'/>", "device='disk' snapshot='no'><driver name='qemu' type='raw'/>")
    parts = {"vda": "qcow2", "vdb": "raw"}
    with mounted(Shaped("out", directory, out, disks=parts), False) as (domain, mount, held):
        left = domain.disks.pop()
        make(mount, domain, held, 1, "e1")
        holds(last_log(mount, domain), "an external disk-only one")
        equal(images(mount, domain, "e1"), ["vda.raw"], "images")
        write(domain, 2)
        reverted(mount, domain, held, "e1")
        equal(domain.live_source("vdb")[0], left.path, "the disk left out")
        deleted(mount, domain, held, "e1")


def images(mount, domain, name):
    return sorted(one for one in os.listdir(mount.path(domain.name, "by-name", name)) if ".raw" in one)


@test
def renamed_domains(directory):
    with line("before", directory, "i", "e", start=False) as (domain, _, held):
        domain.virsh("domrename", "before", "after")
        domain.name = "after"
        with Mount(SYSTEM, "cache=0", "domain=after") as mount:
            reverted(mount, domain, held, "e2")
            reverted(mount, domain, held, "i1")
            make(mount, domain, held, 3, "e3 disk-only")
            reverted(mount, domain, held, "e2")
            deleted(mount, domain, held, "e3", "e2", "i1")


@test
def firmware_with_variables(directory):
    code, variables = (os.path.join(directory, name) for name in ("code.fd", "variables.fd"))
    must("truncate", "-s", "3568K", code)
    must("truncate", "-s", "528K", variables)
    loader = f"<loader readonly='yes' type='pflash'>{code}</loader><nvram>{variables}</nvram></os>"
    firmware = (("</os>", loader + "<features><acpi/></features>"), ("machine='pc'", "machine='q35'"))
    with mounted(Shaped("firmware", directory, *firmware)) as (domain, mount, held):
        make(mount, domain, held, 1, "e1")
        holds(last_log(mount, domain), "an external disk-only one")
        with open(mount.path("firmware/by-name/e1/info"), encoding="utf-8") as info:
            holds(info.read(), "NVRAM:          not in the snapshot\n")
        make(mount, domain, held, 2, "m2 external")
        write(domain, 3)
        reverted(mount, domain, held, "e1", "running")
        reverted(mount, domain, held, "m2")
        equal(domain.state(), "running")
        deleted(mount, domain, held, "m2", "e1")
        tidy(domain)


@contextlib.contextmanager
def device(directory, format):
    """A loop device with an image on it."""
    store = os.path.join(directory, f"store.{format}")
    must("truncate", "-s", 5 * MIB, store)
    path = must("losetup", "-f", "--show", store).strip()
    try:
        must("qemu-img", "create", "-q", "-f", format, path, 4 * MIB)
        yield path
    finally:
        must("losetup", "-d", path)


def at_place(domain, path):
    """A snapshot on a file that the user has named, and then deletes and reverts."""
    return f"disk-only diskspec=vda,file={path}"


@test
def disks_on_devices(directory):
    block = (("type='file' device='disk'", "type='block' device='disk'"), ("source file", "source dev"))
    for format in ("raw", "qcow2"):
        with device(directory, format) as path:
            domain = Shaped(f"device-{format}", directory, *block, disks={"vda": format})
            domain.disks[0].path = path
            try:
                domain.define()
                on_device(domain, directory, format)
            finally:
                domain.remove()


def on_device(domain, directory, format):
    overlay = os.path.join(directory, f"{domain.name}.overlay")
    with Mount(SYSTEM, "cache=0", f"domain={domain.name}") as mount:
        if format == "qcow2":
            os.mkdir(mount.path(domain.name, "current", "i1"))
            equal(images(mount, domain, "i1"), ["vda.raw"], "images")
            revert(mount, domain, "i1")
            deleted_alone(mount, domain, "i1")
        refuses(mount, domain, errno.EOPNOTSUPP, "diskspec=vda,file=PATH", create, "e2 disk-only")
        create(mount, domain, f"e2 disk-only diskspec=vda,file={overlay}")
        equal(images(mount, domain, "e2"), ["vda.raw"], "images")
        refuses(mount, domain, errno.EOPNOTSUPP, "its type is 'block'", revert, "e2")
        deleted_alone(mount, domain, "e2")
        equal(domain.live_source("vda")[0], overlay, "the live disk")


@test
def undefined_while_it_runs(directory):
    with line("undefined", directory, "i", "e") as (domain, mount, held):
        true(domain.try_virsh("undefine", domain.name).status == 0, "it cannot be undefined")
        make(mount, domain, held, 3, "e3 disk-only")
        reverted(mount, domain, held, "i1")
        deleted(mount, domain, held, "e3")
        before = files(domain)
        domain.destroy()
        equal(os.listdir(mount.point), [], "domains")
        equal(files(domain), before, "files")
        domain.define()
        equal(os.listdir(mount.path("undefined/snapshots")), [], "snapshots")
        true(domain.try_virsh("undefine", domain.name).status == 0, "it cannot be undefined")
        domain.define()
        held.bytes.clear()


with scratch() as directory:
    run(directory)
