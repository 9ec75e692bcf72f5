# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that cannot be read: not listed, `info` says why, opening tells the errno, the mount stays."""

import errno
import os

from lib import reading
from lib.command import must
from lib.domain import MIB, SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true


def info(mount, domain, name):
    with open(mount.path(domain.name, "by-name", name, "info"), encoding="utf-8") as file:
        return file.read()


def unreadable(mount, domain, name, number, sentence):
    """Checks that vda is listed, that info has the sentence, that opening it fails, and that vdb can be read."""
    snapshot = mount.path(domain.name, "by-name", name)
    equal(reading.listed(snapshot), ["vda", "vdb"], f"images of {name}")
    equal(reading.images(snapshot), ["vdb"], f"images of {name} that can be opened")
    holds(info(mount, domain, name), sentence)
    error = refused(number, os.open, os.path.join(snapshot, "vda.raw"), os.O_RDONLY)
    with open(os.path.join(snapshot, "vdb.raw"), "rb") as file:
        file.seek(MIB)
        true(file.read(4) != bytes(4), "vdb does not read")
    must("ls", "-lR", mount.point)
    return error


def line(domain, count):
    for number in range(1, count + 1):
        domain.write(number)
        domain.snapshot(f"e{number}", "external")


@test
def the_file_is_gone(directory):
    with Domain("gone", directory) as domain:
        line(domain, 2)
        path = domain.snapshot_source("e2", "vda")[0]
        os.rename(path, f"{path}.away")
        with Mount(SYSTEM) as mount:
            unreadable(mount, domain, "e2", errno.EIO, path)
            equal(reading.images(mount.path("gone/by-name/e1")), ["vda", "vdb"])
            os.rename(f"{path}.away", path)
        with Mount(SYSTEM) as mount:
            reading.compare(domain, mount, directory)


@test
def a_read_that_fails_again_is_told_once(directory):
    with Domain("again", directory) as domain, Mount(SYSTEM, "cache=0") as mount:
        must("mkdir", mount.path("again/snapshots/i1"))
        line(domain, 1)
        os.rename(domain.disks[0].path, f"{domain.disks[0].path}.away")
        for _ in range(3):
            must("sh", "-c", '! cat "$0"', mount.path("again/by-name/e1/vda.raw"))
        with open(mount.path("again/log"), encoding="utf-8") as log:
            equal([one.split()[3] for one in log], ["mkdir", "open"], "operations")


@test
def a_backing_file_is_gone(directory):
    with Domain("base-gone", directory) as domain:
        line(domain, 2)
        path = domain.disks[0].path
        os.rename(path, f"{path}.away")
        with Mount(SYSTEM) as mount:
            unreadable(mount, domain, "e1", errno.EIO, path)
            unreadable(mount, domain, "e2", errno.EIO, path)


@test
def the_file_goes_while_it_is_mounted(directory):
    with Domain("going", directory) as domain, Mount(SYSTEM, "cache=0") as mount:
        line(domain, 1)
        path = domain.snapshot_source("e1", "vda")[0]
        equal(reading.images(mount.path("going/by-name/e1")), ["vda", "vdb"])
        os.rename(path, f"{path}.away")
        unreadable(mount, domain, "e1", errno.EIO, path)


@test
def a_backing_file_without_a_format_is_never_guessed(directory):
    with Domain("formatless", directory) as domain:
        line(domain, 1)
        base, path = os.path.join(directory, "base.qcow2"), domain.disks[0].path
        must("qemu-img", "create", "-q", "-f", "qcow2", base, domain.size)
        must("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", base, path)
        with Mount(SYSTEM) as mount:
            reading.compare(domain, mount, directory)
        reading.forget_backing_format(path)
        with Mount(SYSTEM) as mount:
            snapshot = mount.path("formatless/by-name/e1")
            equal(reading.images(snapshot), ["vdb"])
            holds(info(mount, domain, "e1"), "format")
            refused(errno.EINVAL, os.open, os.path.join(snapshot, "vda.raw"), os.O_RDONLY)


@test
def a_file_that_is_no_qcow2(directory):
    with Domain("garbage", directory) as domain:
        line(domain, 1)
        path = domain.snapshot_source("e1", "vda")[0]
        with open(path, "r+b") as file:
            file.write(b"not a disk image")
        with Mount(SYSTEM) as mount:
            snapshot = mount.path("garbage/by-name/e1")
            equal(reading.images(snapshot), ["vdb"])
            holds(info(mount, domain, "e1"), path)
            must("ls", "-lR", mount.point)


def spoil(path, cluster):
    """Makes a cluster's L2 entry unaligned."""
    with open(path, "r+b") as file:
        def entry(at):
            file.seek(at)
            return int.from_bytes(file.read(8), "big") & 0x00FFFFFFFFFFFE00

        place = entry(entry(40)) + 8 * cluster
        wrong = entry(place) + 512
        file.seek(place)
        file.write(wrong.to_bytes(8, "big"))


@test
def one_cluster_is_damaged(directory):
    """Only that range cannot be read, in pieces of any size."""
    bad, cluster = 20, 64 << 10
    with Domain("spoilt", directory, {"vda": "qcow2"}) as domain:
        domain.write(5, 0, 2 * MIB)
        domain.snapshot("e1", "external")
        spoil(domain.disks[0].path, bad)
        with Mount(SYSTEM) as mount, open(mount.path("spoilt/by-name/e1/vda.raw"), "rb", 0) as file:
            number = file.fileno()
            for at in range(0, 2 * MIB, 4096):
                if at // cluster == bad:
                    refused(errno.EIO, os.pread, number, 4096, at)
                else:
                    equal(os.pread(number, 4096, at), b"\5" * 4096, f"bytes at {at}")
            equal(os.pread(number, MIB, MIB), b"\5" * (bad * cluster - MIB), "up to the damage")


@test
def another_backing_file_below_a_snapshot(directory):
    """A new open of the image gets no bytes that were read from the old one."""
    for value in (3, 4):
        path = os.path.join(directory, f"below-{value}")
        must("qemu-img", "create", "-q", "-f", "raw", path, 16 * MIB)
        must("qemu-io", "-f", "raw", "-c", f"write -P {value} 0 16M", path)
    with Domain("moved", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM) as mount:
        top = domain.disks[0].path
        must("qemu-img", "rebase", "-u", "-b", os.path.join(directory, "below-3"), "-F", "raw", top)
        domain.snapshot("i1")
        image = mount.path("moved/by-name/i1/vda.raw")
        with open(image, "rb", 0) as file:
            equal(os.pread(file.fileno(), MIB, 0), b"\3" * MIB, "before")
        must("qemu-img", "rebase", "-u", "-b", os.path.join(directory, "below-4"), "-F", "raw", top)
        with open(image, "rb", 0) as file:
            equal(set(os.pread(file.fileno(), 2 * MIB, 0)), {4}, "after")


@test
def two_backing_files_of_an_image_that_is_open_twice(directory):
    """Bytes that are read from the old one meanwhile are not shown in the new one."""
    below = os.path.join(directory, "below")
    for value in (3, 4):
        path = f"{below}-{value}"
        must("qemu-img", "create", "-q", "-f", "raw", path, 16 * MIB)
        must("qemu-io", "-f", "raw", "-c", f"write -P {value} 0 16M", path)
    os.rename(f"{below}-3", below)
    with Domain("twice", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM) as mount:
        must("qemu-img", "rebase", "-u", "-b", below, "-F", "raw", domain.disks[0].path)
        domain.snapshot("e1", "external")
        image = mount.path("twice/by-name/e1/vda.raw")
        with open(image, "rb", 0) as old:
            equal(set(os.pread(old.fileno(), MIB, 0)), {3}, "of the old one")
            os.rename(f"{below}-4", below)
            with open(image, "rb", 0) as new:
                equal(set(os.pread(new.fileno(), MIB, 0)), {4}, "of the new one")
                equal(set(os.pread(old.fileno(), MIB, 8 * MIB)), {3}, "of the old one, still")
                equal(set(os.pread(new.fileno(), MIB, 8 * MIB)), {4}, "what was read of the old one before")
            with open(image, "rb", 0) as new:
                equal(set(os.pread(new.fileno(), MIB, 8 * MIB)), {4}, "of the new one, anew")


@test
def a_chain_that_is_a_loop(directory):
    with Domain("loop", directory) as domain:
        line(domain, 2)
        path = domain.disks[0].path
        over = domain.snapshot_source("e2", "vda")[0]
        must("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", over, path)
        with Mount(SYSTEM) as mount:
            equal(reading.images(mount.path("loop/by-name/e2")), ["vdb"])
            holds(info(mount, domain, "e2"), over)


@test
def a_raw_disk_in_qcow2s_clothes_stays_raw(directory):
    """A guest may write anything into a raw disk, also a qcow2 header that names another file."""
    secret = os.path.join(directory, "secret")
    with open(secret, "wb") as file:
        file.write(b"secret" * MIB)
    with Domain("clothes", directory, {"vda": "raw"}) as domain:
        costume = os.path.join(directory, "costume")
        must("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", secret, costume)
        with open(costume, "rb") as source, open(domain.disks[0].path, "r+b") as file:
            file.write(source.read())
        domain.snapshot("e1", "external")
        with Mount(SYSTEM) as mount:
            with open(mount.path("clothes/by-name/e1/vda.raw"), "rb") as file:
                content = file.read()
            equal(content[:4], b"QFI\xfb")
            true(b"secretsecret" not in content, "the other file was read")


def reads(mount, name, path, format):
    """The snapshot's disk reads as QEMU reads that image."""
    copy = f"{path}.by-qemu"
    reading.convert(path, format, copy)
    with open(mount.path(name, "by-name/e1/vda.raw"), "rb") as ours, open(copy, "rb") as theirs:
        true(ours.read() == theirs.read() != bytes(16 * MIB), f"{path} reads otherwise")
    os.unlink(copy)


def refuses(mount, domain, link):
    snapshot = mount.path(domain.name, "by-name/e1")
    equal(reading.images(snapshot), [])
    holds(info(mount, domain, "e1"), f"'{link}', which others than root can replace")
    refused(errno.EACCES, os.open, os.path.join(snapshot, "vda.raw"), os.O_RDONLY)


@test
def a_link_that_others_can_exchange_leads_to_no_other_place(directory):
    """A user who may write to the directory of the images could point a link to any file. A link that only root
    can write is followed to any file."""
    images, away = os.path.join(directory, "images"), os.path.join(directory, "away")
    for one in (images, away):
        os.mkdir(one)
    secret, beside = os.path.join(away, "secret"), os.path.join(images, "beside")
    with open(secret, "wb") as file:
        file.write(b"secret" * MIB)
    os.symlink(secret, beside)
    with Domain("link", images, {"vda": "qcow2"}) as domain:
        path = domain.disks[0].path
        must("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", "beside", path)
        domain.snapshot("e1", "external")
        for owner, mode in ((0, 0o755), (0, 0o1777), (0, 0o1770)):
            allow(images, owner, mode)
            with Mount(SYSTEM) as mount:
                reads(mount, "link", path, "qcow2")
        for owner, mode in ((1234, 0o755), (0, 0o777)):
            allow(images, owner, mode)
            with Mount(SYSTEM) as mount:
                refuses(mount, domain, beside)
        with Mount(SYSTEM, f"allow={away}") as mount:
            reads(mount, "link", path, "qcow2")
        within(images, beside, secret, path)
        named(directory, images, away, domain)
        allow(images, 0, 0o755)


def allow(directory, owner, mode):
    os.chown(directory, owner, -1)
    os.chmod(directory, mode)


def within(images, beside, secret, path):
    """One that leads to a file that might be named itself."""
    os.rename(secret, os.path.join(images, "inside"))
    os.unlink(beside)
    os.symlink("inside", beside)
    with Mount(SYSTEM) as mount:
        reads(mount, "link", path, "qcow2")


def named(directory, images, away, domain):
    """The result is the same if libvirt names the link, or if the link leads to a directory."""
    path = domain.disks[0].path
    moved = os.path.join(away, os.path.basename(path))
    must("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "raw", "-b", os.path.join(images, "inside"), path)
    os.rename(path, moved)
    os.symlink(moved, path)
    with Mount(SYSTEM) as mount:
        refuses(mount, domain, path)
    os.unlink(path)
    os.rename(moved, path)
    os.rename(images, f"{images}.real")
    os.symlink(f"{images}.real", images)
    os.chown(directory, 1234, -1)
    with Mount(SYSTEM) as mount:
        refuses(mount, domain, images)
    os.chown(directory, 0, -1)
    with Mount(SYSTEM) as mount:
        reads(mount, "link", path, "qcow2")
    os.unlink(images)
    os.rename(f"{images}.real", images)


with scratch() as directory:
    run(directory)
