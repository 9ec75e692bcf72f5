# SPDX-License-Identifier: GPL-3.0-or-later
"""A small budget of memory holds for libvirt's documents, too, if they are many and long."""

import errno
import os

from lib.command import must
from lib.domain import SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, note, refused, run, test, true

MIB = 1 << 20
DOMAINS, SNAPSHOTS, LENGTH = 16, 4, MIB // 2
SMALL = 16
# A budget that has room for them all takes so much more at least. A sanitizer's memory is no measure;
# it is one where a process has terabytes of addresses.
SAVED = 16 * MIB
SANITIZED = 1 << 40
DOCUMENT = """<domainsnapshot><name>{name}</name><description>{text}</description><state>shutoff</state>
<creationTime>{time}</creationTime><memory snapshot='no'/>
<disks><disk name='vda' snapshot='internal'/></disks>{domain}</domainsnapshot>"""


def describe(domain, names, length):
    """Puts snapshots with long descriptions into libvirt's list."""
    xml = domain.virsh("dumpxml", domain.name)
    commands = []
    for number, name in enumerate(names):
        path = os.path.join(domain.directory, f"{domain.name}-{name}.xml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(DOCUMENT.format(name=name, text=name[-1] * length, time=1700000000 + number, domain=xml))
        commands.append(f"snapshot-create {domain.name} {path} --redefine")
    must("virsh", "-q", "-c", SYSTEM, "; ".join(commands))


def status(mount, word):
    with open(f"/proc/{mount.process.pid}/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(word))


def read_all(mount, names):
    """Every document, by its length."""
    for name in names:
        for snapshot in os.listdir(mount.path(name, "by-name")):
            path = mount.path(name, "by-name", snapshot, "snapshot.xml")
            with open(path, "rb") as file:
                text = file.read()
            equal(len(text), os.stat(path).st_size, f"size of {path}")
            true(text.count(snapshot[-1:].encode() * 1000) >= LENGTH // 1000 - 1, f"text of {path}")


def measure(names, *options):
    with Mount(SYSTEM, *options) as mount:
        for _ in range(2):
            read_all(mount, names)
        return status(mount, "VmHWM"), status(mount, "VmPeak") > SANITIZED


@test
def many_long_documents(directory):
    domains = [Domain(f"many{number}", directory, {"vda": "qcow2"}) for number in range(DOMAINS)]
    try:
        for domain in domains:
            domain.__enter__()
            describe(domain, [f"s{number}" for number in range(SNAPSHOTS)], LENGTH)
        names = [domain.name for domain in domains]
        little, sanitized = measure(names, f"memory={SMALL}")
        much, _ = measure(names)
        note(f"{little >> 20} MiB with {SMALL}, {much >> 20} MiB with the default")
        true(sanitized or little + SAVED < much, f"{little} bytes with a small budget, {much} without")
    finally:
        for domain in domains:
            domain.remove()


@test
def what_does_not_fit_is_refused_alone(directory):
    with Domain("big", directory, {"vda": "qcow2"}) as big, Domain("little", directory) as little:
        describe(big, [f"s{number}" for number in range(6)], 3 * MIB)
        describe(little, ["s1"], 1000)
        with Mount(SYSTEM, f"memory={SMALL}", "loglevel=debug") as mount:
            refused(errno.ENOMEM, os.listdir, mount.path("big/snapshots"))
            equal(os.listdir(mount.path("little/by-name")), ["s1"])
            holds(mount.said(), f"but memory= allows {SMALL} MiB in all", "the log")
        with Mount(SYSTEM) as mount:
            equal(len(os.listdir(mount.path("big/by-name"))), 6, "with more of it")


with scratch() as directory:
    run(directory)
