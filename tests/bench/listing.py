# SPDX-License-Identifier: GPL-3.0-or-later
"""How long lists take: 1000 snapshots of a domain, and 1000 domains of 10 snapshots each.

    SNAPFS=build/fs/fuse/snapfs PYTHONPATH=tests scripts/private-libvirt python3 tests/bench/listing.py [COUNT]

It prints the median of each, beside virsh's on the same libvirtd, and the ratio of both. Run as
above, so that libvirtd is a private one: it is ended and started anew on files that are written
here. COUNT: in place of 1000.
"""

import os
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import time
import uuid

from lib.command import must
from lib.domain import SYSTEM
from lib.mount import Mount
from lib.scratch import scratch

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
EACH = 10
ROUNDS = 5
CREATED = 1700000000
DAEMON = os.path.join(os.path.dirname(__file__), "../../scripts/private-libvirt")

DOMAIN = """<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><memory unit='KiB'>32768</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os><clock offset='utc'/>
  <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>
  <devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
  <source file='{path}'/><target dev='vda' bus='virtio'/></disk>
  <controller type='usb' index='0' model='none'/><memballoon model='none'/></devices></domain>"""

SNAPSHOT = """<domainsnapshot><name>{name}</name>{parent}<state>shutoff</state>
  <creationTime>{created}</creationTime><memory snapshot='no'/>
  <disks><disk name='vda' snapshot='internal'/></disks>{domain}<active>{current}</active></domainsnapshot>"""


class Tree:
    """A domain with snapshots s0, s1, …; each is the parent of the next (`line`) or of ten."""

    def __init__(self, name, directory, count, line=False):
        self.name, self.count, self.line = name, count, line
        self.uuid = str(uuid.uuid5(uuid.NAMESPACE_URL, name))
        self.path = os.path.join(directory, f"{name}.qcow2")

    def names(self):
        return [f"s{number}" for number in range(self.count)]

    def parent(self, number):
        if not number:
            return ""
        above = number - 1 if self.line else (number - 1) // 10
        return f"<parent><name>s{above}</name></parent>"

    def write(self):
        must("qemu-img", "create", "-q", "-f", "qcow2", self.path, "64M")
        tag(self.path, self.names())
        domain = DOMAIN.format(name=self.name, uuid=self.uuid, path=self.path)
        put(f"/etc/libvirt/qemu/{self.name}.xml", domain)
        for number, name in enumerate(self.names()):
            put(f"/var/lib/libvirt/qemu/snapshot/{self.name}/{name}.xml", SNAPSHOT.format(
                name=name, parent=self.parent(number), created=CREATED + number, domain=domain,
                current=int(number + 1 == self.count)))


def put(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def tag(path, names):
    """Writes a table of these tags, all of the disk as it is; QEMU would take long to."""
    with open(path, "r+b") as file:
        header = file.read(72)
        l1_size, l1_offset = struct.unpack_from(">IQ", header, 36)
        table = b""
        for number, name in enumerate(names):
            id = str(number + 1).encode()
            one = struct.pack(">QIHHIIQIIQQ", l1_offset, l1_size, len(id), len(name), CREATED + number, 0, 0,
                              0, 16, 0, 64 << 20) + id + name.encode()
            table += one + bytes(-len(one) % 8)
        at = (file.seek(0, os.SEEK_END) + 65535) // 65536 * 65536
        file.seek(at)
        file.write(table + bytes(-len(table) % 65536))
        file.seek(60)
        file.write(struct.pack(">IQ", len(names), at))


def restart():
    with open("/run/libvirtd.pid", encoding="ascii") as file:
        pid = int(file.read())
    os.kill(pid, signal.SIGTERM)
    while os.path.exists(f"/proc/{pid}"):
        time.sleep(0.05)
    must(DAEMON, "--start")


def timed(*command):
    began = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return (time.monotonic() - began) * 1000


def median(function):
    return statistics.median(function() for _ in range(ROUNDS))


def walks(path_of, *find):
    """Medians of a walk in a fresh mount, again at once, and again once all that was kept is old."""
    cold, again, old = [], [], []
    for _ in range(ROUNDS):
        with Mount(SYSTEM) as mount:
            walk = ("find", path_of(mount), *find)
            cold.append(timed(*walk))
            again.append(timed(*walk))
            time.sleep(1.2)
            old.append(timed(*walk))
            size = resident(mount)
    return statistics.median(cold), statistics.median(again), statistics.median(old), size


def resident(mount):
    with open(f"/proc/{mount.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmRSS"))


def row(what, times, peer):
    cold, again, old, size = times
    print(f"{what:34} {cold:8.1f} {again:8.1f} {old:8.1f} ms  {cold / peer:6.2f} {again / peer:6.2f} "
          f"{old / peer:6.2f}   {size} MiB", flush=True)


def batch(words):
    return ("virsh", "-q", "-c", SYSTEM, "; ".join(words))


def one_domain(tree, title):
    virsh_tree = median(lambda: timed(*batch([f"snapshot-list --tree {tree.name}"])))
    dump = median(lambda: timed(*batch([f"snapshot-dumpxml {tree.name} {name}" for name in tree.names()])))
    print(f"{title}: virsh --tree {virsh_tree:.1f} ms, dumpxml of all {dump:.1f} ms")
    row("find (to --tree)", walks(lambda mount: mount.path(tree.name, "snapshots")), virsh_tree)
    xml = ("-name", "snapshot.xml", "-exec", "cat", "{}", "+")
    row("find and all XML (to dumpxml)", walks(lambda mount: mount.path(tree.name, "snapshots"), *xml), dump)


def many_domains(trees):
    names = median(lambda: timed(*batch([f"snapshot-list --tree {tree.name}" for tree in trees])))
    print(f"{len(trees)} domains of {EACH} snapshots: virsh --tree of all {names:.1f} ms")
    row("ls", walks(lambda mount: mount.point, "-maxdepth", "1"), names)
    row("find", walks(lambda mount: mount.point), names)


with scratch() as directory:
    print(f"{os.cpu_count()} CPUs; ms and ratios: cold, again at once, again once old; RSS")
    line, tree = (Tree(f"{name}", directory, COUNT, name == "line") for name in ("line", "tree"))
    many = [Tree(f"d{number:04}", directory, EACH) for number in range(COUNT)]
    for one in (line, tree):
        one.write()
    restart()
    one_domain(tree, f"{COUNT} snapshots, ten below each")
    one_domain(line, f"{COUNT} snapshots in a line")
    for one in (line, tree):
        os.unlink(f"/etc/libvirt/qemu/{one.name}.xml")
        shutil.rmtree(f"/var/lib/libvirt/qemu/snapshot/{one.name}")
    for one in many:
        one.write()
    restart()
    many_domains(many)
