# SPDX-License-Identifier: GPL-3.0-or-later
"""The images that the bench reads: random data in pieces, chains, snapshots, compressed, sparse.

Each has a reference, a raw file with the bytes that QEMU reads from it.
"""

import dataclasses
import os
import random
import uuid

from lib.command import must
from lib.storage import Storage

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


@dataclasses.dataclass(frozen=True)
class Image:
    path: str
    raw: str  # empty where nobody reads it
    domain: str = ""
    snapshot: str = ""
    tag: str = ""  # an internal snapshot


@dataclasses.dataclass(frozen=True)
class Sizes:
    plain: int = 2 * GIB
    depth: int = 100
    writes: int = 192  # of 64 KiB, in each layer
    internal: int = 512 * MIB
    text: int = 512 * MIB
    pieces: int = 64  # of 1 MiB, in the sparse disk
    sparse: int = 1 << 40
    snapshots: int = 1000


QUICK = Sizes(128 * MIB, 100, 12, 32 * MIB, 32 * MIB, 16, 1 << 40, 100)


def convert(source, target, format="raw", options=()):
    """Made under another name first: a file that is there is whole."""
    must("qemu-img", "convert", "-f", "raw" if format != "raw" else "qcow2", "-O", format, *options,
         source, target + ".part", seconds=600)
    os.rename(target + ".part", target)


class Images:
    """Makes what is asked for, once, in a directory."""

    def __init__(self, directory, sizes):
        self.directory, self.sizes = directory, sizes

    def path(self, name):
        return os.path.join(self.directory, name)

    def made(self, name, make):
        path = self.path(name)
        if not os.path.exists(path):
            make(path + ".part")
            os.rename(path + ".part", path)
        return path

    # ---- raw data ----

    def pieces(self, path):
        """Half of the disk is random data, in pieces of 64 KiB to 4 MiB."""
        rng, size, at = random.Random(1), self.sizes.plain, 0
        with open(path, "wb") as file:
            file.truncate(size)
            while at < size:
                length = min(64 * KIB << rng.randrange(7), size - at)
                file.seek(at)
                file.write(os.urandom(length))
                at += 2 * length

    def noise(self, path):
        with open(path, "wb") as file:
            for _ in range(self.sizes.internal // MIB):
                file.write(os.urandom(MIB))

    def text(self, path):
        """Words and keys, of which two thirds are left when they are compressed."""
        rng = random.Random(2)
        words = [bytes(rng.choices(b"etaoinshrdlu", k=rng.randrange(2, 9))) for _ in range(2000)]
        block = bytearray()
        while len(block) < 8 * MIB:
            block += b" ".join(rng.choices(words, k=12)) + b": " + bytes(rng.choices(BASE64, k=64)) + b"\n"
        with open(path, "wb") as file:
            for _ in range(self.sizes.text // (8 * MIB)):
                turn = rng.randrange(8 * MIB)
                file.write(block[turn : 8 * MIB] + block[:turn])

    def islands(self, path):
        with open(path, "wb") as file:
            file.truncate(self.sizes.sparse)
            for number in range(self.sizes.pieces):
                file.seek(self.sizes.sparse // self.sizes.pieces * number + 5 * MIB)
                file.write(os.urandom(MIB))

    # ---- images ----

    def of_raw(self, name, fill, *options, raw=None, **about):
        raw = self.made(f"{raw or name}.raw", fill)
        path = self.path(f"{name}.qcow2")
        if not os.path.exists(path):
            convert(raw, path, "qcow2", options)
        return Image(path, raw, **about)

    def plain(self):
        return self.of_raw("plain", self.pieces, domain="deep", snapshot="s0")

    def compressed(self, kind):
        options = ("-c", "-W", "-m", "8", "-o", f"compression_type={kind}")
        return self.of_raw(kind, self.text, *options, raw="text", domain=kind, snapshot="s0")

    def sparse(self):
        return self.of_raw("sparse", self.islands, domain="sparse", snapshot="s0")

    def four(self):
        return [self.of_raw(f"four{number}", self.noise, raw="noise", domain=f"four{number}", snapshot="s0")
                for number in range(4)]

    def internal(self):
        """A snapshot, and half of the disk overwritten since."""
        image = self.of_raw("internal", self.noise, raw="noise", domain="internal", snapshot="s0", tag="s0")
        if " s0 " not in must("qemu-img", "snapshot", "-l", image.path):
            must("qemu-img", "snapshot", "-c", "s0", image.path)
            commands = [f"write -P 9 {at} {MIB}" for at in range(0, self.sizes.internal, 2 * MIB)]
            must("qemu-io", "-f", "qcow2", *(part for one in commands for part in ("-c", one)), image.path)
        return image

    def layers(self):
        """The files of the chain, from the plain image up."""
        rng, below = random.Random(3), self.plain().path
        found = [below]
        for number in range(1, self.sizes.depth):
            path = self.made(f"layer{number}.qcow2", lambda part: self.layer(part, below, number, rng))
            found.append(path)
            below = path
        return found

    def layer(self, path, below, number, rng):
        must("qemu-img", "create", "-q", "-f", "qcow2", "-b", below, "-F", "qcow2", path)
        last = self.sizes.plain // (64 * KIB)
        commands = [f"write -P {number + 1} {rng.randrange(last) * 64 * KIB} 64k"
                    for _ in range(self.sizes.writes)]
        must("qemu-io", "-f", "qcow2", *(part for one in commands for part in ("-c", one)), path)

    def deep(self):
        layers = self.layers()
        raw = self.path("deep.raw")
        if not os.path.exists(raw):
            convert(layers[-1], raw)
        return Image(layers[-1], raw, "deep", f"s{len(layers) - 1}")

    def tagged(self):
        """A small disk with many internal snapshots."""

        def make(path):
            must("qemu-img", "create", "-q", "-f", "qcow2", path, MIB)
            with Storage(path) as storage:
                for number in range(self.sizes.snapshots):
                    storage.tag(f"s{number}")

        return self.made("tagged.qcow2", make)


# ---- domains ----

DOMAIN = """<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>32</memory>
<os><type arch='x86_64' machine='pc'>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{path}'/>
<target dev='vda' bus='virtio'/></disk></devices></domain>"""

SNAPSHOT = """<domainsnapshot><name>s{number}</name><state>shutoff</state>{parent}
<creationTime>{time}</creationTime><memory snapshot='no'/><disks>{disk}</disks>{domain}</domainsnapshot>"""

OUTSIDE = """<disk name='vda' snapshot='external' type='file'><driver type='qcow2'/>
<source file='{path}'/></disk>"""
INSIDE = "<disk name='vda' snapshot='internal'/>"


def virsh(*arguments, **keywords):
    return must("virsh", "-q", "-c", "qemu:///system", *arguments, seconds=600, **keywords)


def define(directory, name, path):
    document = DOMAIN.format(name=name, uuid=uuid.uuid4(), path=path)
    file = os.path.join(directory, f"{name}.xml")
    with open(file, "w", encoding="ascii") as out:
        out.write(document)
    virsh("define", file)


def define_line(directory, name, path, states):
    """A domain on `path` with a line of snapshots s0, s1, …, each a (file of its bytes, disk element)."""
    define(directory, name, path)
    identity = virsh("domuuid", name).strip()
    commands = []
    for number, (file, disk) in enumerate(states):
        parent = f"<parent><name>s{number - 1}</name></parent>" if number else ""
        domain = DOMAIN.format(name=name, uuid=identity, path=file)
        document = os.path.join(directory, f"{name}-s{number}.xml")
        with open(document, "w", encoding="ascii") as out:
            out.write(SNAPSHOT.format(number=number, parent=parent, time=1700000000 + number, disk=disk,
                                      domain=domain))
        commands.append(f"snapshot-create {name} {document} --redefine")
    virsh(text="\n".join(commands) + "\n")


def define_chain(images):
    """The chain, a snapshot on each layer."""
    layers = images.layers()
    live = images.made("live.qcow2", lambda path: must(
        "qemu-img", "create", "-q", "-f", "qcow2", "-b", layers[-1], "-F", "qcow2", path))
    above = [*layers[1:], live]
    states = [(file, OUTSIDE.format(path=over)) for file, over in zip(layers, above)]
    define_line(images.directory, "deep", live, states)


def define_tagged(images):
    path = images.tagged()
    define_line(images.directory, "many", path, [(path, INSIDE)] * images.sizes.snapshots)
    return Image(path, "", "many", "s0")


def define_one(images, image):
    """A domain on an image, with one snapshot, s0."""
    if image.tag:
        define_line(images.directory, image.domain, image.path, [(image.path, INSIDE)])
        return
    live = images.made(f"{image.domain}-live.qcow2", lambda path: must(
        "qemu-img", "create", "-q", "-f", "qcow2", "-b", image.path, "-F", "qcow2", path))
    states = [(image.path, OUTSIDE.format(path=live))]
    define_line(images.directory, image.domain, live, states)
