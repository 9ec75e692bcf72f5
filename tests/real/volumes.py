# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks on volumes of storage pools: only libvirt knows their files. They are shown, reverted and
deleted as others are; backing files in a pool may be read."""

import errno
import os
import re

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
    """The tag that it names has to be there, as on a file."""
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
def a_snapshot_on_a_volume_that_is_the_overlay_to_be_merged(directory):
    """The XML of e2 names e1's overlay by its name in the pool: a merge of e1 would leave e2 without a file."""
    with OnVolumes("moved", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        with pool(directory), mounted(domain) as mount:
            held = Held(domain, mount)
            make(mount, domain, held, 1, "e1 disk-only")
            domain.disks[0].path, _ = domain.live_source("vda")
            refresh()
            domain.define()
            for number in (2, 3):
                make(mount, domain, held, number, f"e{number} disk-only")
            write(domain, 4)
            command(mount.path("moved/by-name/e1/delete"), "merge\n")
            held.bytes.pop("e1")
            held.check()
            held.check_mount()
            reverted(mount, domain, held, "e2")
            tidy(domain)


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
def a_merge_onto_the_volume_that_it_runs_on(directory):
    with OnVolumes("onto", directory, {"vda": "qcow2"}, 4 * MIB) as domain, pool(directory):
        domain.start()
        with mounted(domain) as mount:
            held = Held(domain, mount)
            for number in (1, 2):
                make(mount, domain, held, number, f"e{number} disk-only")
            write(domain, 3)
            now = held.live()
            for name in ("e1", "e2"):
                command(mount.path("onto/by-name", name, "delete"), "merge\n")
                true("not merged" not in last_log(mount, domain), last_log(mount, domain))
                held.bytes.pop(name)
                held.check()
            equal(held.live(), now, "the live disk")
            equal(domain.live_source("vda")[0], domain.disks[0].path, "its file")
            tidy(domain)


def put_on(domain, *changes):
    """Defines the domain with those changes; libvirt finds the chains anew."""
    document = domain.virsh("dumpxml", "--inactive", domain.name)
    document = re.sub(r"<backingStore.*</backingStore>|<backingStore/>", "", document, flags=re.DOTALL)
    for before, after in changes:
        holds(document, before)
        document = document.replace(before, after)
    path = os.path.join(domain.directory, f"{domain.name}.changed.xml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(document)
    domain.virsh("define", path)


def put_on_volume(domain, path):
    """The domain names that file of its disk as a volume of the pool `pool`."""
    volume = f"<source pool='pool' volume='{os.path.basename(path)}'"
    put_on(domain, ("<disk type='file'", "<disk type='volume'"), (f"<source file='{path}'", volume))


@test
def a_configuration_that_names_the_file_as_a_volume(directory):
    """A copy is made for the revert, and the domain is on it at its next start as well."""
    with Domain("both", directory, {"vda": "qcow2"}, 4 * MIB) as domain, pool(directory):
        path = domain.disks[0].path
        domain.start()
        put_on_volume(domain, path)
        with mounted(domain) as mount:
            held = Held(domain, mount)
            make(mount, domain, held, 1, "i1")
            holds(domain.snapshot_xml("i1"), "<inactiveDomain")
            make(mount, domain, held, 2, "e2 disk-only")
            reverted(mount, domain, held, "i1")
            now = domain.live_source("vda")
            true(now[0] != path, "the domain is on the file of e2")
            domain.destroy()
            equal(domain.live_source("vda"), now, "its disk at the next start")


@test
def a_snapshot_whose_pool_is_away_keeps_its_files(directory):
    """Its bytes are in an overlay, which its XML names as a volume."""
    with Domain("kept", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        held = Held(domain)
        with pool(directory):
            write(domain, 1)
            held.snapshot("e1", "external")
            overlay = domain.live_source("vda")[0]
            refresh()
            put_on_volume(domain, overlay)
            write(domain, 2)
            held.snapshot("e2", "external", "--diskspec", f"vda,file={directory}/kept-e2")
            write(domain, 3)
        with mounted(domain) as mount:
            revert(mount, domain, "e1")
            holds(last_log(mount, domain), "whose file is not known")
        with pool(directory), mounted(domain) as mount:
            held.mount = mount
            held.check()
            held.check_mount()


@test
def a_snapshot_of_another_domain_whose_pool_is_away(directory):
    with scratch() as elsewhere, Domain("below", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        base, overlay = domain.disks[0].path, os.path.join(elsewhere, "overlay")
        domain.write(1)
        with OnVolumes("above", elsewhere, {"vda": "qcow2"}, 4 * MIB) as other:
            must("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, other.disks[0].path)
            held = Held(other)
            with pool(elsewhere):
                other.write(9, 2 * MIB)
                held.snapshot("s1", "external", "--diskspec", f"vda,file={overlay}")
                new = os.path.join(elsewhere, "new.qcow2")
                must("qemu-img", "create", "-q", "-f", "qcow2", new, 4 * MIB)
                put_on(other, (f"file='{overlay}'", f"file='{new}'"))
            os.unlink(overlay)
            domain.snapshot("e1", "external")
            domain.write(5, 2 * MIB + 65536)
            with Mount(SYSTEM, "cache=0") as mount:
                command(mount.path("below/by-name/e1/delete"), "merge\n")
                holds(last_log(mount, domain), "whose file is not known")
            with pool(elsewhere):
                held.check()


@test
def another_file_under_the_overlays(directory):
    """The pool has moved to another directory, which holds an older copy of the volume."""
    with scratch() as elsewhere, OnVolumes("moved", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        must("cp", domain.disks[0].path, elsewhere)
        with pool(directory), mounted(domain) as mount:
            held = Held(domain, mount)
            make(mount, domain, held, 1, "e1 disk-only")
            make(mount, domain, held, 2, "e2 disk-only")
            held.check_mount()
        with pool(elsewhere), mounted(domain) as mount:
            refused(errno.EBUSY, revert, mount, domain, "e1")
            equal(reading.images(mount.path("moved/snapshots/e1")), [], "images of e1")
            held.mount = mount
            equal(held.in_mount("e2"), held.bytes["e2"], "the disk of e2")
            with open(mount.path("moved/snapshots/e1/info"), encoding="utf-8") as info:
                holds(info.read(), "is not the backing file of")


@test
def a_drive_on_a_volume_of_a_pool_that_is_away(directory):
    """libvirt could not start the domain again: the running guest would be lost."""
    drive = "<disk type='volume' device='cdrom'><source pool='cds' volume='cd.iso'/><target dev='hda'/></disk>"
    with scratch() as cds, Domain("drive", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        must("truncate", "-s", MIB, os.path.join(cds, "cd.iso"))
        with pool(cds, "cds"):
            put_on(domain, ("</devices>", f"{drive}</devices>"))
            domain.start()
            domain.write(1)
            domain.snapshot("m1", "memory")
            domain.write(2)
        with mounted(domain) as mount:
            before = domain.live_source("vda")
            refused(errno.EOPNOTSUPP, revert, mount, domain, "m1")
            equal((domain.state(), domain.live_source("vda")), ("running", before), "the domain")
            holds(last_log(mount, domain), "volume 'cd.iso' of pool 'cds'")


def refreshed(mount, name, path):
    """libvirt reads an image of the mount with the pool's lock held, and gives no answer meanwhile."""
    image = mount.path("looped/snapshots/i1/vda.raw")
    must("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", image, path)
    with Mount(SYSTEM) as other:  # this mount has asked for nothing before
        must("qemu-img", "rebase", "-u", "-F", "raw", "-b", other.path("looped/snapshots/i1/vda.raw"), path)
        must("virsh", "-q", "-c", SYSTEM, "pool-refresh", name, seconds=45)
    must("qemu-img", "rebase", "-u", "-F", "raw", "-b", image, path)
    must("virsh", "-q", "-c", SYSTEM, "pool-refresh", name, seconds=45)
    reading.convert(path, "qcow2", "/run/clone")
    reading.check(image, "/run/clone")
    os.unlink(path)


@test
def a_refresh_of_the_pool_that_the_disk_is_in(directory):
    with OnVolumes("looped", directory, {"vda": "qcow2"}, 4 * MIB) as domain, pool(directory):
        domain.write(1)
        domain.snapshot("i1")
        with Mount(SYSTEM) as mount:
            equal(reading.images(mount.path("looped/snapshots/i1")), ["vda"], "images")
            refreshed(mount, "pool", os.path.join(directory, "clone.qcow2"))


@test
def a_refresh_while_another_pool_holds_the_base(directory):
    with scratch() as bases, scratch() as clones, Domain("looped", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        base = os.path.join(bases, "base.qcow2")
        must("qemu-img", "create", "-q", "-f", "qcow2", base, 4 * MIB)
        must("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, domain.disks[0].path)
        domain.write(1)
        domain.snapshot("i1")
        with pool(bases, "bases"), pool(clones, "clones"), Mount(SYSTEM) as mount:
            equal(reading.images(mount.path("looped/snapshots/i1")), ["vda"], "images")
            refreshed(mount, "clones", os.path.join(clones, "clone.qcow2"))


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
                holds(info.read(), "is the pool active")
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
                equal(reading.images(snapshot), ["vda"], "images on a link that root alone can exchange")
                must("qemu-img", "rebase", "-u", "-F", "qcow2", "-b", f"{elsewhere}/hard.qcow2", path)
                equal(reading.images(snapshot), ["vda"], "images")
            true(reading.images(snapshot) == [], "the base is still read")


with scratch() as directory:
    run(directory)
