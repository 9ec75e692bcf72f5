"""Disks on volumes of storage pools: libvirt alone knows their files. They are shown, reverted and
deleted as others are; backing files that a pool holds may be read."""

import errno
import os

from lib import reading
from lib.command import must
from lib.control import create, last_log
from lib.control import write as command
from lib.domain import MIB, SYSTEM, Domain
from lib.held import Held, digest, tidy
from lib.line import write
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.volumes import OnVolumes, pool, refresh
from lib.watch import revert


def mounted(domain):
    return Mount(SYSTEM, "cache=0", f"domain={domain.name}")


def make(mount, domain, held, pattern, words):
    write(domain, pattern)
    create(mount, domain, words)
    held.note(words.split()[0])


def reverted(mount, domain, held, name):
    revert(mount, domain, name)
    equal(domain.current(), name, "the current snapshot")
    held.is_live(name)
    held.check()
    held.check_mount()


def all_kinds(mount, domain, held, memory):
    """Snapshots of each kind, reverts to each, and deletes of all."""
    make(mount, domain, held, 1, "i1")
    make(mount, domain, held, 2, "e2 disk-only")
    make(mount, domain, held, 3, f"e3 {memory}")
    write(domain, 4)
    held.check_mount()
    for name in ("e2", "i1", "e3", "e2"):
        reverted(mount, domain, held, name)
        write(domain, 5)
        held.is_not_live(name)
    for name in ("e3", "e2", "i1"):
        now = held.live()
        command(mount.path(domain.name, "by-name", name, "delete"), "merge\n")
        held.bytes.pop(name)
        held.check()
        equal(held.live(), now, f"the live disks after {name} was deleted")


@test
def all_kinds_while_it_is_shut_off(directory):
    with OnVolumes("off", directory, {"vda": "qcow2", "vdb": "qcow2"}, 4 * MIB) as domain, pool(directory):
        with mounted(domain) as mount:
            all_kinds(mount, domain, Held(domain, mount), "external")
            tidy(domain)


@test
def all_kinds_while_it_runs(directory):
    with OnVolumes("on", directory, {"vda": "qcow2"}, 4 * MIB) as domain, pool(directory):
        domain.start()
        with mounted(domain) as mount:
            all_kinds(mount, domain, Held(domain, mount), "external")
            tidy(domain)


def redefine(mount, domain, document):
    command(mount.path(domain.name, "create"), "redefine\n" + document)


@test
def a_document_for_a_snapshot_on_a_volume(directory):
    """The tag that it speaks of has to be there, as on a file."""
    with OnVolumes("known", directory, {"vda": "qcow2"}, 4 * MIB) as domain, pool(directory):
        domain.write(1)
        domain.snapshot("i1")
        document = domain.snapshot_xml("i1")
        with mounted(domain) as mount:
            held = Held(domain, mount)
            held.note("i1")
            domain.delete("i1", "--metadata")
            refused(errno.ENOENT, redefine, mount, domain, document.replace("i1", "i2"))
            redefine(mount, domain, document)
            held.check()
            held.check_mount()


@test
def a_live_disk_that_is_a_volume_on_others(directory):
    """The user puts the domain on the overlay by its name in the pool, where no merge would find it."""
    with OnVolumes("named", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        with pool(directory), mounted(domain) as mount:
            held = Held(domain, mount)
            for number in (1, 2, 3):
                make(mount, domain, held, number, f"e{number} disk-only")
            domain.disks[0].path, _ = domain.live_source("vda")
            refresh()
            domain.define()
            write(domain, 4)
            now = held.live()
            for name in ("e3", "e1", "e2"):
                command(mount.path("named/by-name", name, "delete"), "merge\n")
                held.bytes.pop(name)
                held.check()
                held.check_mount()
                equal(held.live(), now, "the live disk")
            domain.start()
            equal(held.live(), now, "the live disk of the domain that runs")


@test
def a_raw_volume(directory):
    with OnVolumes("raw", directory, {"vda": "raw"}, 4 * MIB) as domain, pool(directory):
        with mounted(domain) as mount:
            held = Held(domain, mount)
            make(mount, domain, held, 1, "e1")
            holds(last_log(mount, domain), "an external disk-only one")
            make(mount, domain, held, 2, "e2")
            write(domain, 3)
            reverted(mount, domain, held, "e1")


@test
def a_pool_that_is_away(directory):
    with OnVolumes("away", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        with pool(directory):
            domain.write(1)
            domain.snapshot("i1")
            domain.write(2)
        with mounted(domain) as mount:
            equal(reading.images(mount.path("away/snapshots/i1")), [], "images")
            refused(errno.EOPNOTSUPP, revert, mount, domain, "i1")
            with open(mount.path("away/snapshots/i1/info"), encoding="utf-8") as info:
                holds(info.read(), "nor a volume that libvirt finds")
            with pool(directory):
                equal(reading.images(mount.path("away/snapshots/i1")), ["vda"], "images")
                Held(domain, mount).note("i1")
                revert(mount, domain, "i1")


@test
def another_pool_of_that_name(directory):
    """The volume is another file from then on, which has a tag of the same name, and other bytes."""
    with scratch() as elsewhere, OnVolumes("other", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        path = domain.disks[0].path
        with pool(directory):
            domain.write(1)
            domain.snapshot("i1")
        must("cp", path, elsewhere)
        must("qemu-img", "snapshot", "-d", "i1", path)
        must("qemu-io", "-f", "qcow2", "-c", f"write -P 7 {MIB} 64k", path)
        must("qemu-img", "snapshot", "-c", "i1", path)
        expected = {}
        with mounted(domain) as mount:
            image = mount.path("other/snapshots/i1/vda.raw")
            for place in (directory, elsewhere, directory):
                with pool(place):
                    reading.convert(os.path.join(place, os.path.basename(path)), "qcow2", "/run/there", "i1")
                    expected[place] = digest("/run/there")
                    equal(digest(image), expected[place], f"the bytes with the pool on {place}")
        equal(len(set(expected.values())), 2, "number of different contents")


@test
def a_backing_file_that_a_pool_holds(directory):
    with scratch() as elsewhere, Domain("backed", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        base, path = os.path.join(elsewhere, "base.qcow2"), domain.disks[0].path
        must("qemu-img", "create", "-q", "-f", "qcow2", base, 4 * MIB)
        must("qemu-io", "-f", "qcow2", "-c", "write -P 3 2M 64k", base)
        must("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, path)
        domain.write(1)
        domain.snapshot("i1")
        with mounted(domain) as mount:
            snapshot = mount.path("backed/snapshots/i1")
            equal(reading.images(snapshot), [], "images while no pool holds the base")
            with pool(elsewhere):
                equal(reading.images(snapshot), ["vda"], "images while one does")
                reading.by_qemu(domain, "i1", "vda", "/run/expected")
                reading.check(os.path.join(snapshot, "vda.raw"), "/run/expected")
            with pool(elsewhere, "later"):
                must("ln", base, os.path.join(elsewhere, "hard.qcow2"))
                must("ln", "-s", base, os.path.join(elsewhere, "link.qcow2"))
                refresh("later")
                must("qemu-img", "rebase", "-u", "-F", "qcow2", "-b", f"{elsewhere}/link.qcow2", path)
                equal(reading.images(snapshot), [], "images that stand on a link")
                must("qemu-img", "rebase", "-u", "-F", "qcow2", "-b", f"{elsewhere}/hard.qcow2", path)
                equal(reading.images(snapshot), ["vda"], "images")
            true(reading.images(snapshot) == [], "the base is still read")


with scratch() as directory:
    run(directory)
