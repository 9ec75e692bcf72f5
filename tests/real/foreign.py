# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks in formats that QEMU reads for snapfs, below and between formats that snapfs reads."""

import errno
import json
import os
import uuid

from lib import reading
from lib.children import children, servers
from lib.command import attempt, must
from lib.domain import DISK, MIB, SYSTEM, Domain
from lib.mount import Mount
from lib.nbd import Server
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.wait import until
from lib.web import Server as WebServer

PASSPHRASE = "correct horse"
SECRET = """<secret ephemeral='no' private='{private}'><uuid>{uuid}</uuid>
<usage type='volume'><volume>{path}</volume></usage></secret>"""
ENCRYPTION = "<encryption format='luks'><secret type='passphrase' uuid='{}'/></encryption>"


def take(domain, number, name, targets=None):
    domain.write(0x10 + number, number * MIB, targets=targets)
    domain.write(0x80 + number, MIB, targets=targets)
    domain.snapshot(name, "external")


@test
def snapshots_of_a_vmdk_and_a_vdi_disk(directory):
    with Domain("foreign", directory, {"vda": "vmdk", "vdb": "vdi"}) as domain:
        domain.start()
        for number, name in enumerate(("e1", "e2", "e3"), 1):
            take(domain, number, name)
        equal(domain.snapshot_source("e1", "vda")[1], "vmdk", "the first one's format")
        with Mount(SYSTEM) as mount:
            must("find", mount.point, "-printf", "%p %s %b\n")
            image = mount.path("foreign/snapshots/e1/vda.raw")
            equal(os.stat(image).st_size, domain.size)
            equal(children(mount.process.pid), [], "processes for a listing")
            reading.compare(domain, mount, directory)
            with open(image, "rb"):
                true(servers(mount.process.pid), "an image that is open has no process")
            until(lambda: not servers(mount.process.pid), "the end of the last process")


class WordsDomain(Domain):
    """Its disks have formats for which libvirt has words of its own."""

    QEMU = {"vpc": "vpc", "vhd": "vhdx", "ploop": "parallels", "qcow2": "qcow2"}

    def __enter__(self):
        for disk in self.disks:
            must("qemu-img", "create", "-q", "-f", self.QEMU[disk.format], disk.path, self.size)
        self.define()
        return self

    def take(self, number, name):
        """libvirt makes no overlay on two of the formats, so the test makes the overlays itself."""
        self.write(0x10 + number, number * MIB)
        specs = []
        for disk in self.disks:
            overlay = os.path.join(self.directory, f"{disk.target}.{name}")
            below, format = self.live_source(disk.target)
            must("qemu-img", "create", "-q", "-u", "-f", "qcow2", "-b", below, "-F", self.QEMU[format],
                 overlay, self.size)
            specs += ["--diskspec", f"{disk.target},file={overlay}"]
        self.snapshot(name, "external", "--reuse-external", *specs)

    def check(self, mount, name, target, to):
        """The image in the mount has the bytes that QEMU reads."""
        source, format = self.snapshot_source(name, target)
        reading.convert(source, self.QEMU[format], to)
        reading.check(mount.path(f"words/by-name/{name}/{target}.raw"), to)
        return format


@test
def snapshots_of_disks_whose_formats_libvirt_calls_otherwise(directory):
    disks = {"vda": "vpc", "vdb": "vhd", "vdc": "ploop"}
    with WordsDomain("words", directory, disks) as domain, Mount(SYSTEM, "cache=0") as mount:
        domain.start()
        for number, name in enumerate(("e1", "e2"), 1):
            domain.take(number, name)
        domain.destroy()  # QEMU keeps the first of a parallels disk open to be written
        for target, format in disks.items():
            one, two = (os.path.join(directory, f"{target}.of-{name}") for name in ("e1", "e2"))
            equal(domain.check(mount, "e1", target, one), format, "the format")
            equal(domain.check(mount, "e2", target, two), "qcow2", "the format")
            true(not reading.same(one, two), f"{target} of the two does not differ")


NETWORK = """<disk type='network' device='disk'><driver name='qemu' type='raw'/>
<source protocol='nbd' name='disk'><host transport='unix' socket='{}'/></source><target dev='vda'"""


class NetworkDomain(Domain):
    """Its one disk is an NBD server's."""

    def __init__(self, server, directory):
        super().__init__("network", directory, {"vda": "raw"})
        self.server = server

    def __enter__(self):
        self.define()
        return self

    def document(self):
        file, disk = f"<source file='{self.disks[0].path}'/>", super().document()
        return NETWORK.format(self.server.socket).join(
            [disk[: disk.index("<disk")], disk[disk.index(file) + len(file) + len("<target dev='vda'") :]])


@test
def snapshots_of_a_disk_of_an_nbd_server(directory):
    base = os.path.join(directory, "network.raw")
    must("qemu-img", "create", "-q", "-f", "raw", base, 16 * MIB)
    with Server(base, os.path.join(directory, "nbd")) as server, NetworkDomain(server, directory) as domain:
        domain.start()
        for number in (1, 2):
            domain.write(0x10 + number, number * MIB)
            overlay = os.path.join(directory, f"e{number}.qcow2")
            domain.snapshot(f"e{number}", "external", "--diskspec", f"vda,file={overlay}")
        with Mount(SYSTEM) as mount:
            first, second = (mount.path(f"network/by-name/e{number}/vda.raw") for number in (1, 2))
            reading.check(first, base)
            expected = os.path.join(directory, "network.expected")
            reading.convert(os.path.join(directory, "e1.qcow2"), "qcow2", expected)
            reading.check(second, expected)
            true(not reading.same(base, expected), "they do not differ")


WEB_SOURCE = "<source protocol='http' name='{name}'>{extra}<host name='{host}' port='{port}'/></source>"
WEB = """<disk type='network' device='disk'><driver name='qemu' type='raw'/>{source}
      <target dev='vda' bus='virtio'/><readonly/></disk>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{path}'/>
      <backingStore type='network'><format type='raw'/>{source}</backingStore>
      <target dev='vdb' bus='virtio'/></disk>"""


class WebDomain(Domain):
    """Its first disk is on a web server, which is the backing file of its second."""

    def __init__(self, server, directory, name="web", extra=""):
        super().__init__(name, directory)
        self.server, self.extra = server, extra

    def __enter__(self):
        must("qemu-img", "create", "-q", "-f", "qcow2", "-b", self.server.uri, "-F", "raw", self.disks[1].path)
        self.define()
        return self

    def document(self):
        source = WEB_SOURCE.format(**vars(self.server), name=self.server.name, extra=self.extra)
        first, second = (DISK.format(**vars(disk)) for disk in self.disks)
        return super().document().replace(first, WEB.format(source=source, path=self.disks[1].path)).replace(second, "")


def web_snapshot(domain, number):
    """Of both disks; returns the overlays."""
    stem = os.path.join(domain.directory, domain.name)
    files = {disk.target: f"{stem}-{disk.target}.e{number}" for disk in domain.disks}
    words = [word for target, file in files.items() for word in ("--diskspec", f"{target},file={file}")]
    domain.write(0x10 + number, number * MIB, targets=["vdb"])
    domain.snapshot(f"e{number}", "external", *words)
    return files


@test
def snapshots_of_a_disk_of_a_web_server(directory):
    base = os.path.join(directory, "web.raw")
    with open(base, "wb") as file:
        file.write(os.urandom(16 * MIB))
    with WebServer(base) as server, WebDomain(server, directory) as domain:
        domain.start()
        first, second = (web_snapshot(domain, number) for number in (1, 2))
        holds(must("qemu-img", "info", "-U", first["vda"]), f"backing file: {server.uri}", "libvirt's word for it")
        with Mount(SYSTEM) as mount:
            expected = {}
            for name, source in (("e1", domain.disks[1].path), ("e2", first["vdb"])):
                reading.check(mount.path("web/by-name", name, "vda.raw"), base)
                expected[name] = os.path.join(directory, f"web.{name}")
                # One request at a time: QEMU's curl driver sometimes hangs with several.
                must("qemu-img", "convert", "-U", "-m", "1", "-f", "qcow2", "-O", "raw", source, expected[name])
                reading.check(mount.path("web/by-name", name, "vdb.raw"), expected[name])
            true(not reading.same(expected["e1"], expected["e2"]), "they do not differ")
            true(not reading.same(expected["e1"], base), "nor from the web server's")
        server.stop()
        with Mount(SYSTEM) as mount:  # the kernel has no bytes of it yet
            for target in ("vda", "vdb"):
                refused(errno.EIO, size_read, mount.path(f"web/by-name/e2/{target}.raw"))


@test
def what_cannot_be_handed_on_is_told(directory):
    base = os.path.join(directory, "extra.raw")
    must("qemu-img", "create", "-q", "-f", "raw", base, 16 * MIB)
    with WebServer(base) as server, WebDomain(server, directory, "extra", "<timeout seconds='6'/>") as domain:
        domain.start()
        web_snapshot(domain, 1)
        with Mount(SYSTEM) as mount:
            for target in ("vda", "vdb"):
                refused(errno.EOPNOTSUPP, os.open, mount.path(f"extra/by-name/e1/{target}.raw"), os.O_RDONLY)
            with open(mount.path("extra/by-name/e1/info"), encoding="utf-8") as info:
                holds(info.read(), f"cannot read '{server.uri}': libvirt's XML has 'timeout' for it", "info")


def size_read(path):
    with open(path, "rb") as file:
        return len(file.read())


class EncryptedDomain(Domain):
    """Its one disk is a raw LUKS file, with a secret of libvirt's."""

    def __enter__(self):
        (disk,) = self.disks
        self.passphrase = os.path.join(self.directory, "passphrase")
        self.secret = str(uuid.uuid4())
        with open(self.passphrase, "w", encoding="utf-8") as file:
            file.write(PASSPHRASE)
        self.hand = ["--object", f"secret,id=key,file={self.passphrase}"]
        create = ["qemu-img", "create", "-q", *self.hand, "-f", "luks", "-o", "key-secret=key,iter-time=10"]
        # QEMU measures how fast it is, and cannot always.
        until(lambda: attempt(*create, disk.path, self.size).status == 0, "a LUKS file", seconds=60)
        self.define_secret("no")
        self.virsh("secret-set-value", self.secret, "--file", self.passphrase, "--plain")
        self.define()
        return self

    def __exit__(self, *_):
        self.remove()
        self.virsh("secret-undefine", self.secret)

    def define_secret(self, private):
        path = os.path.join(self.directory, "secret.xml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(SECRET.format(private=private, uuid=self.secret, path=self.disks[0].path))
        self.virsh("secret-define", path)

    def document(self):
        return super().document().replace("<target", ENCRYPTION.format(self.secret) + "<target")

    def expected(self, name, path):
        source, format = self.snapshot_source(name, "vda")
        node = {"driver": "luks", "key-secret": "key", "file": {"driver": "file", "filename": source}}
        if format == "qcow2":
            (base,) = [disk.path for disk in self.disks]
            node["file"]["filename"] = base
            node = {"driver": "qcow2", "file": {"driver": "file", "filename": source}, "backing": node}
        must("qemu-img", "convert", "-U", *self.hand, "-O", "raw", "json:" + json.dumps(node), path)


@test
def snapshots_of_a_luks_disk(directory):
    with EncryptedDomain("luks", directory, {"vda": "raw"}) as domain:
        domain.start()
        take(domain, 1, "e1")
        take(domain, 2, "e2")
        expected = [os.path.join(directory, name) for name in ("e1.raw", "e2.raw")]
        with Mount(SYSTEM) as mount:
            for name, path in zip(("e1", "e2"), expected):
                domain.expected(name, path)
                reading.check(mount.path("luks/by-name", name, "vda.raw"), path)
            true(not reading.same(*expected), "they do not differ")
        with Mount(SYSTEM, "ro") as mount:  # libvirt gives no secrets to a read-only connection
            check_unreadable(mount)
        domain.define_secret("yes")
        with Mount(SYSTEM) as mount:
            check_unreadable(mount)


def check_unreadable(mount):
    directory = mount.path("luks/snapshots/e1")
    equal(reading.images(directory), [], "images without a secret")
    refused(errno.EACCES, os.open, os.path.join(directory, "vda.raw"), os.O_RDONLY)
    with open(os.path.join(directory, "info"), encoding="utf-8") as info:
        holds(info.read(), "Disk vda:       cannot be read: EACCES: libvirt: ", "info")


with scratch() as place:
    run(place)
