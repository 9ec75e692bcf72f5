# SPDX-License-Identifier: GPL-3.0-or-later
"""The first inputs of the fuzz targets: small ones of the kind that each target reads, healthy and with
a defect (tests/image/corpus.py)."""

import os
import random
import struct
import zlib

from corpus import Patch, write_corpus
from disks import create, io, load, snapshot
from lib.command import must

IMAGES = {
    "plain": ({"cluster_size": 512}, ["write -P 1 0 4k", "write -z 8k 2k"]),
    "v2": ({"cluster_size": 512, "compat": "0.10"}, ["write -P 1 0 4k"]),
    "zlib": ({"cluster_size": 512}, ["write -c -P 1 0 512", "write -c -P 2 1k 512"]),
    "zstd": ({"cluster_size": 512, "compression_type": "zstd"}, ["write -c -P 1 0 512"]),
    "sub": ({"cluster_size": "16k", "extended_l2": "on"}, ["write -P 1 0 1k", "write -z 2k 1k"]),
    "over": ({"cluster_size": 512, "backing_file": "base", "backing_fmt": "raw"}, ["write -P 1 0 1k"]),
}

DOMAIN = """<domain type='qemu'><name>a&amp;b</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid><devices>
<disk type='file' device='disk' snapshot='external'><driver name='qemu' type='qcow2'/><source file='/v/a.s1'>
<slices><slice type='storage' offset='1' size='2'/></slices></source><backingStore type='file'><format type='qcow2'/>
<source file='/v/a'/><backingStore type='block'><format type='raw'/><source dev='/dev/b'/><backingStore/>
</backingStore></backingStore><target dev='vda'/><readonly/><shareable/><transient/></disk>
<disk type='volume'><source pool='p' volume='v'/><target dev='vdb'/></disk>
<disk type='network'><source protocol='nbd' name='x'><host name='h'/><encryption format='luks'>
<secret type='passphrase' uuid='u'/></encryption></source></disk></devices></domain>"""

SNAPSHOT = """<domainsnapshot><name>s1</name><description>two
lines</description><state>shutoff</state><creationTime>1700000000</creationTime><parent><name>s0</name></parent>
<memory snapshot='external' file='/v/m'/><disks><disk name='vda' snapshot='external' type='file'>
<driver type='qcow2'/><source file='/v/a.s1'/></disk><disk name='vdb' snapshot='no'/><disk name='vdc'
snapshot='internal'/></disks><revertDisks><disk name='vda' snapshot='manual'/></revertDisks>
<snapshotDeleteInProgress/>""" + DOMAIN + "</domainsnapshot>"


BAD_XML = ["<!DOCTYPE a [<!ENTITY b 'c'>]>" + SNAPSHOT, SNAPSHOT[:-40], "<domain/>", "<domainsnapshot/>",
           SNAPSHOT.replace("<name>s1</name>", "", 1), SNAPSHOT.replace("two", "\1"),
           "<domain " + " ".join(f"a{n}=''" for n in range(300)) + "/>",
           DOMAIN.replace("<backingStore/>", "<backingStore type='file'><source file='/x'/>" * 300 + "</backingStore>" * 300)]

XML = [DOMAIN, SNAPSHOT, SNAPSHOT + "\0a <new> & description\n", *BAD_XML]

LENGTH_MAX = 100000  # of a seed

NAMES = ["base", "../base", "file:/a", "json:{\"file.filename\": \"/a\"}", "nbd:unix:/x", "nbd://h:1/x",
         "json:{\"file\":{\"driver\":\"nbd\",\"server\":{\"type\":\"unix\",\"path\":\"/s\"},\"export\":\"x\"}}",
         "revert", "x.raw",
         ".x", "a/b%", "\u00e9" * 200, "%72evert", "1234567890"]


def whole_images(directory):
    for name, (options, commands) in IMAGES.items():
        with open(os.path.join(directory, "base"), "wb") as file:
            file.truncate(65536)
        path = create(os.path.join(directory, name), 64 * 1024, **options)
        os.unlink(os.path.join(directory, "base")) if name != "over" else None
        io(path, commands)
        snapshot(path, "s1")
        yield load(path)


def defective_images(directory):
    corpus = os.path.join(directory, "corpus")
    os.mkdir(corpus)
    for path, *_ in list(write_corpus(corpus)):
        yield load(path)


def any_images(directory):
    yield from whole_images(directory)
    yield from (image for image in defective_images(directory) if len(image) <= LENGTH_MAX)
    yield b"QFI\xfb\0\0\0\1" + bytes(40)
    yield b"QED\0" + bytes(60)
    yield b"KDMV" + bytes(508) + b"# Disk DescriptorFile\nparentCID=ffffffff\n"


def headers(directory):
    for image in [*whole_images(directory), *defective_images(directory)]:
        yield image[:512]


def tables(directory):
    for image in [*whole_images(directory), *defective_images(directory)]:
        at = struct.unpack_from(">Q", image.ljust(72, b"\0"), 64)[0]
        if 0 < at < len(image):
            yield b"\2" + image[at:][:200]
    yield b"\3" + (bytes(36) + struct.pack(">I", 24) + bytes(24)) * 3


def made_up_chains(_directory):
    rng = random.Random(1)
    for length in (40, 100, 200, 400):
        for _ in range(20):
            yield rng.randbytes(length)


def clusters(directory):
    for name in ("zlib", "zstd"):
        path = os.path.join(directory, name)
        if not os.path.exists(path):
            list(whole_images(directory))
        image = Patch(path)
        host = image.get(image.l2()) & ((1 << 61) - 1)
        yield bytes([name == "zstd"]) + bytes(image.bytes[host : host + 512])
    packer = zlib.compressobj(9, zlib.DEFLATED, -12)
    yield b"\x0e" + packer.compress(bytes(range(256)) * 256) + packer.flush()


FOREIGN = {"vmdk": 2048, "vdi": 512, "qcow": 512, "qed": 512, "parallels": 512}


def foreign_files(directory):
    """Beginnings; of a vhdx one that is table of regions and of metadata in one."""
    for format, length in FOREIGN.items():
        yield load(create(os.path.join(directory, format), 64 * 1024, format=format))[:length]
    vhdx = bytearray(b"vhdxfile".ljust(128, b"\0"))
    vhdx[8:12] = b"\x01\0\x09\0"
    vhdx[48:64] = bytes.fromhex("06a27c8b90479a4bb8fe575f050f886e")
    vhdx[96:112] = bytes.fromhex("2442a52f1bcd7648b2115dbed83bf4b8")
    vhdx[112] = 120
    yield bytes(vhdx)
    yield b"LUKS\xba\xbe\0\1".ljust(107, b"\0") + b"\x08"


SCRIPTS = ["label: gpt\nsize=10\nstart=60, size=5\n", "label: gpt\ntable-length: 4\nsize=3\n",
           "label: dos\nstart=1, size=9\nstart=10, size=100, type=5\nstart=12, size=4\nstart=30, size=9\n"]


def disks(directory):
    """What stands at both ends of one with partitions, for each way of looking at it."""
    for number, script in enumerate(SCRIPTS):
        path = os.path.join(directory, f"disk-{number}")
        with open(path, "wb") as file:
            file.truncate(96 * 1024)
        must("sfdisk", "-q", path, text=script)
        for how in (0, 1, 2, 3, 40):
            yield bytes([how]) + load(path)


def names(_directory):
    return [name.encode() for name in NAMES]


def documents(_directory):
    return [text.encode() for text in XML]


KINDS = {"foreign": foreign_files, "header": headers, "image": any_images, "name": names, "partitions": disks,
         "snapshots": tables, "tables": made_up_chains, "unpack": clusters, "xml": documents}


def make_seeds(target, work, seeds):
    """Fills the directory `seeds` for the target of that name."""
    for number, seed in enumerate(KINDS[target](work)):
        with open(os.path.join(seeds, f"seed-{number}"), "wb") as file:
            file.write(seed)
