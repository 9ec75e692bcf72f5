# SPDX-License-Identifier: GPL-3.0-or-later
"""A revert that could not start the domain leaves the guest running. If QEMU does not start, the domain is as
before, or as at the snapshot, and never in between."""

import contextlib
import errno
import os
import socket

from lib.control import last_log
from lib.domain import MIB, SYSTEM, Domain
from lib.dying import journals
from lib.held import Held, tidy
from lib.line import KINDS, write
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test
from lib.watch import revert



def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


PORT = free_port()
SCREEN = f"<graphics type='vnc' port='{PORT}' autoport='no' listen='127.0.0.1' passwd='then'/>"
KEPT = "<graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1' passwd='now'/>"
NEEDS = {
    "screen": ("devices", SCREEN),
    "cd.iso": ("devices", "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='{}'/>"
               "<target dev='hdc' bus='ide'/><readonly/></disk>"),
    "floppy.img": ("devices", "<disk type='file' device='floppy'><driver name='qemu' type='raw'/><source file='{}'/>"
                   "<target dev='fda' bus='fdc'/></disk>"),
    "shared": ("devices", "<filesystem type='mount'><source dir='{}'/><target dir='shared'/></filesystem>"),
    "serial/log": ("devices", "<serial type='file'><source path='{}'/></serial>"),
    "random": ("devices", "<rng model='virtio'><backend model='random'>{}</backend></rng>"),
    "kernel": ("os", "<kernel>{}</kernel>"),
    "initrd": ("os", "<initrd>{}</initrd>"),
    "acpi": ("os", "<acpi><table type='slic'>{}</table></acpi>"),
    "fw.bin": ("sysinfo", "<sysinfo type='fwcfg'><entry name='opt/org.test/x' file='{}'/></sysinfo>"),
}
FIRMWARE = "<loader readonly='yes' type='pflash'>{}/loader</loader><nvram template='{}/template'>{}/nvram</nvram>"


class Needing(Domain):
    """It needs some files to start; `old` are the elements that it had at first."""

    extra = {}

    def document(self):
        document = super().document().replace("</os>", "</os><features><acpi/></features>")
        for place, elements in self.extra.items():
            end = {"os": "</os>", "devices": "</devices>", "sysinfo": "</domain>"}[place]
            document = document.replace(end, "".join(elements) + end)
        return document

    def define(self):
        """Defines the domain as it is to be, on the files that its disks are on now."""
        for disk in self.disks if self.try_virsh("domid", self.name).status == 0 else ():
            disk.path, disk.format = self.live_source(disk.target)
        super().define()

    def need(self, names):
        self.extra = {}
        for name in names:
            place, element = NEEDS[name]
            path = os.path.join(self.directory, name)
            self.extra.setdefault(place, []).append(element.format(path))
            os.makedirs(path if name == "shared" else os.path.dirname(path), exist_ok=True)
            if name not in ("shared", "serial/log", "screen"):
                with open(path, "wb") as file:
                    file.truncate(MIB)


@contextlib.contextmanager
def needing(name, directory, names, *kinds):
    """A running domain with snapshots at which it needed those files, and with a mount."""
    place = os.path.join(directory, name)
    os.mkdir(place)
    with Needing(name, place, {"vda": "qcow2"}, 4 * MIB) as domain, Mount(SYSTEM, "cache=0") as mount:
        domain.need(names)
        domain.define()
        domain.start()
        held = Held(domain, mount)
        for number, kind in enumerate(kinds, 1):
            write(domain, number)
            held.snapshot(f"{kind}{number}", KINDS[kind])
        write(domain, 0xEE)
        yield domain, mount, held
        held.check()


def process(domain):
    """The process id of its QEMU."""
    if not domain.running():
        return None
    with open(f"/run/libvirt/qemu/{domain.name}.pid", encoding="ascii") as file:
        return file.read()


def look(domain):
    config = domain.virsh("dumpxml", domain.name, "--inactive")
    return domain.state(), process(domain), domain.current(), domain.parents(), config, files(domain)


def files(domain):
    return sorted(os.listdir(domain.directory))


def refuses(domain, mount, name, path):
    """While the file is away the revert is refused, and nothing is touched."""
    os.rename(path, path + ".away")
    before = look(domain)
    refused(errno.ENOENT, revert, mount, domain, name)
    holds(last_log(mount, domain), f"'{path}", "the sentence")
    equal(look(domain), before, f"what there is without {path}")
    os.rename(path + ".away", path)


@test
def what_the_domain_needs_to_start_is_looked_for_before_the_guest_is_stopped(directory):
    with needing("needs", directory, ["cd.iso", "floppy.img", "shared", "serial/log", "random"], "e", "e", "e") as (
        domain, mount, held,
    ):
        for name in ("cd.iso", "floppy.img", "shared", "random", "serial"):
            refuses(domain, mount, "e2", os.path.join(domain.directory, name))
        refuses(domain, mount, "e1", os.path.join(domain.directory, "cd.iso"))
        revert(mount, domain, "e2", "running")
        held.is_live("e2")


@test
def kernel_firmware_and_its_template_are_looked_for(directory):
    with needing("boots", directory, [], "e") as (domain, mount, held):
        domain.destroy()
        place = domain.directory
        domain.need(["kernel", "initrd", "acpi", "fw.bin"])
        domain.extra["os"].append(FIRMWARE.format(place, place, place))
        for name in ("loader", "template", "nvram"):
            with open(os.path.join(place, name), "wb") as file:
                file.truncate(MIB)
        domain.define()
        write(domain, 2)
        held.snapshot("e2", "external")
        domain.extra = {}
        domain.define()
        domain.start()
        for name in ("kernel", "initrd", "acpi", "fw.bin", "loader"):
            refuses(domain, mount, "e2", os.path.join(place, name))
        os.unlink(os.path.join(place, "nvram"))
        refuses(domain, mount, "e2", os.path.join(place, "template"))
        revert(mount, domain, "e2")
        held.is_live("e2")


@test
def so_it_is_for_internal_snapshots(directory):
    with needing("inside", directory, ["cd.iso"], "i", "i") as (domain, mount, held):
        refuses(domain, mount, "i1", os.path.join(domain.directory, "cd.iso"))
        held.snapshot("e3", "external")
        domain.write(0x55)
        refuses(domain, mount, "i1", os.path.join(domain.directory, "cd.iso"))
        revert(mount, domain, "i1")
        equal(domain.state(), "running")


@test
def so_it_is_for_memory(directory):
    with needing("saved", directory, ["cd.iso"], "m", "e") as (domain, mount, held):
        refuses(domain, mount, "m1", os.path.join(domain.directory, "cd.iso"))
        revert(mount, domain, "m1")
        held.is_live("m1")


@test
def checkpoints_are_looked_for_before_the_guest_is_stopped(directory):
    """libvirt 9.0 redefines no snapshot beside one, so that the revert could not be finished."""
    with needing("checked", directory, [], "e", "e") as (domain, mount, held):
        domain.virsh("checkpoint-create-as", domain.name, "c1")
        before = look(domain)
        if "<externalSnapshot/>" in domain.virsh("capabilities"):
            revert(mount, domain, "e1", "running")
            held.is_live("e1")
        else:
            for state in ("running", "shut off"):
                refused(errno.EOPNOTSUPP, revert, mount, domain, "e1", "running")
                holds(last_log(mount, domain), "virsh checkpoint-delete", "the sentence")
                equal(look(domain), before, f"what there is when {state}")
                domain.destroy() if state == "running" else None
                before = ("shut off", None, *before[2:])


@contextlib.contextmanager
def port_taken():
    """Another program has the port on which the guest's screen was at the snapshot."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", PORT))
        other.listen()
        yield


@contextlib.contextmanager
def screened(name, directory, *kinds):
    """A domain, not running, whose screen was on the port at all of its snapshots."""
    with needing(name, directory, ["screen"], *kinds) as (domain, mount, held):
        domain.extra = {"devices": [KEPT]}
        domain.destroy()
        domain.define()
        yield domain, mount, held


def config(domain):
    return domain.virsh("dumpxml", domain.name, "--inactive", "--security-info")


def state_of(domain, held):
    return domain.current(), domain.parents(), config(domain), files(domain), held.live()


def does_not_start(domain, mount, held, name, words, ran):
    """QEMU does not start: everything is as before, except that the domain is shut off."""
    before = state_of(domain, held)
    with port_taken():
        refused(errno.EIO, revert, mount, domain, name, words)
    equal(domain.state(), "shut off")
    equal(state_of(domain, held), before, f"what there is after {name}")
    equal(journals(), [], "journals")
    said = last_log(mount, domain)
    holds(said, "Address already in use", "the sentence")
    equal("?" in said, False, "a character that is not shown")
    equal("the domain ran before" in said, ran, f"that it ran before in {said}")
    tidy(domain)


@test
def when_qemu_does_not_start_the_domain_is_as_before(directory):
    with screened("taken", directory, "e", "m", "e") as (domain, mount, held):
        domain.start()
        write(domain, 0x21)
        does_not_start(domain, mount, held, "e1", "running", True)
        does_not_start(domain, mount, held, "e1", "running", False)
        domain.start()
        does_not_start(domain, mount, held, "m2", "", True)
        does_not_start(domain, mount, held, "e3", "paused", False)
        revert(mount, domain, "m2", "running")
        equal(domain.state(), "running")
        held.is_live("m2")
        equal(domain.current(), "m2")
        holds(config(domain), "passwd='then'", "the configuration")


def is_whole(domain, mount, held, name, words, ran):
    """QEMU does not start in libvirt's own revert: the domain is as before, or as at the snapshot."""
    before = domain.current(), config(domain), held.live()
    with port_taken():
        refused(errno.EIO, revert, mount, domain, name, words)
    equal(domain.state(), "shut off")
    equal(journals(), [], "journals")
    after = domain.current(), config(domain), held.live()
    said = last_log(mount, domain)
    done = "the domain is at the snapshot" in said
    if done:
        held.is_live(name)
        equal(domain.current(), name, "the current snapshot")
        holds(after[1], "passwd='then'", "the configuration")
    else:
        equal(after, before, f"what there is after {name}")
    holds(said, "Address already in use", "the sentence")
    equal("ran before" in said, ran, f"that it ran before in {said}")
    held.check_mount()
    tidy(domain)
    return done


@test
def so_it_is_when_libvirt_reverts(directory):
    with screened("native", directory, "i", "i") as (domain, mount, held):
        domain.start()
        write(domain, 0x21)
        is_whole(domain, mount, held, "i1", "", True)
        domain.define()
        write(domain, 0x22)
        is_whole(domain, mount, held, "i2", "running", False)
        revert(mount, domain, "i1", "running")
        held.is_live("i1")


@test
def so_it_is_on_a_copy(directory):
    with screened("copy", directory, "i", "e") as (domain, mount, held):
        domain.start()
        write(domain, 0x21)
        is_whole(domain, mount, held, "i1", "", True)
        domain.define()
        revert(mount, domain, "e2")
        write(domain, 0x22)
        is_whole(domain, mount, held, "i1", "running", False)
        revert(mount, domain, "i1", "running")
        held.is_live("i1")


@test
def a_disk_state_that_was_shut_off_is_made_whole(directory):
    """libvirt reverts the disks of such a snapshot first, and starts QEMU then."""
    with screened("offline", directory) as (domain, mount, held):
        domain.need(["screen"])
        domain.define()
        for number in (1, 2):
            write(domain, number)
            held.snapshot(f"i{number}", "internal")
        domain.extra = {"devices": [KEPT]}
        domain.define()
        for start in (False, True):
            domain.start() if start else None
            write(domain, 0x31 + start)
            done = is_whole(domain, mount, held, "i1", "running", start)
            equal(done, True, "the revert is done")
            domain.define()


with scratch() as directory:
    run(directory)
