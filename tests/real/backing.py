# SPDX-License-Identifier: GPL-3.0-or-later
"""The chain that counts is the one in libvirt's XML, because the guest sees that one, whatever the headers name."""

import contextlib
import errno
import os

from lib import reading, told
from lib.command import must
from lib.control import create, last_log, write
from lib.domain import MIB, SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.told import END, Told, filled, rebase

OFFSET = 64 << 10
SEEN = "/run/seen"
# libvirt 11.3 cannot read the JSON in which QEMU tells of about 30 layers.
DEEP = 20


def image(mount, domain, snapshot, target="vda"):
    return mount.path(domain.name, "by-name", snapshot, f"{target}.raw")


def overlay_on(below, path, value):
    """A qcow2 with one byte of its own on another file."""
    must("qemu-img", "create", "-q", "-f", "qcow2", "-b", below[0], "-F", below[1], path)
    must("qemu-io", "-f", "qcow2", "-c", f"write -P {value:#x} 0 {OFFSET}", path)
    return path, "qcow2"


def info(mount, domain, snapshot):
    with open(mount.path(domain.name, "by-name", snapshot, "info"), encoding="utf-8") as file:
        return file.read()


def forms(place):
    """For each disk: its header's name, the XML's layers, and the chain that the guest sees."""
    a, b = filled(f"{place}/a.raw", 0xAA), filled(f"{place}/b.raw", 0xBB)
    middle = overlay_on(b, f"{place}/middle.qcow2", 0xCC)
    return {
        "vda": (a, [b, END], [b]),
        "vdb": (a, [END], []),
        "vdc": (END, [b, END], [b]),
        "vdd": ((middle[0], "raw"), [middle], [middle, b]),
        "vde": ((b[0], None), [b, END], [b]),
        "vdf": (a, [middle, a, END], [middle, a]),
        "vdg": (middle, [middle, END], [middle]),
        "vdh": (middle, [], [middle, b]),
    }


@contextlib.contextmanager
def domain_of(name, place, forms, start):
    """A domain of such disks, and a mount."""
    with Told(name, place, {target: form[:2] for target, form in forms.items()}) as domain:
        if start:
            domain.start()
        with Mount(SYSTEM, "cache=0") as mount:
            yield domain, mount


def check_all(domain, mount, forms, kinds):
    """Each image has the bytes that QEMU reads from the guest's chain; neighbours differ."""
    for target, (_, _, below) in forms.items():
        before = None
        above = [(disk.path, "qcow2") for disk in domain.disks if disk.target == target]
        for name, kind in kinds:
            top = domain.snapshot_source(name, target)
            if top != above[0]:
                above = [top] + above
            told.convert(above + below, SEEN, name if kind == "internal" else None)
            with open(SEEN, "rb") as file:
                seen = file.read()
            true(seen != before, f"{target} of {name} differs from the one before")
            with open(image(mount, domain, name, target), "rb") as file:
                true(file.read() == seen, f"{target} of {name} is what the guest had")
            before = seen


@test
def what_the_xml_tells_is_read(directory):
    for start in (True, False):
        place = os.path.join(directory, f"read-{start}")
        os.mkdir(place)
        told_forms = forms(place)
        if not start:
            del told_forms["vdb"]  # libvirt forgets such a mark when it makes a snapshot
        kinds = [("i1", "internal"), ("e1", "external"), ("i2", "internal"), ("e2", "external")]
        with domain_of(f"read-{start}", place, told_forms, start) as (domain, mount):
            for number, (name, kind) in enumerate(kinds, 1):
                domain.write(number, number * OFFSET, OFFSET) if start else write_off(domain, number)
                domain.snapshot(name, kind)
            domain.write(9, MIB, OFFSET) if start else None
            check_all(domain, mount, told_forms, kinds)
            holds(info(mount, domain, "e1"), "b.raw", "the chain of e1")


def write_off(domain, number):
    """Writes a whole cluster without the chain, which qemu-io would take from the headers."""
    for disk in domain.disks:
        path, _ = domain.live_source(disk.target)
        options = f"driver=qcow2,file.filename={path},backing="
        must("qemu-io", "--image-opts", "-c", f"write -P {number} {number * OFFSET} {OFFSET}", options)


@test
def a_revert_goes_on_with_what_the_xml_tells(directory):
    """Running and shut off, to external and internal snapshots; then all of it again, and a delete."""
    for start in (True, False):
        name = f"back-{start}"
        place = os.path.join(directory, name)
        os.mkdir(place)
        all_forms = forms(place)
        told_forms = dict(zip(("vda", "vdb", "vdc", "vdd"), map(all_forms.get, ("vda", "vdb", "vdd", "vde"))))
        with domain_of(name, place, told_forms, True) as (domain, mount):
            kinds = [("e1", "external"), ("i1", "internal"), ("e2", "external"), ("e3", "external")]
            for number, (snapshot, kind) in enumerate(kinds, 1):
                domain.write(number, number * OFFSET, OFFSET)
                domain.snapshot(snapshot, kind)
            domain.write(9, MIB, OFFSET)
            check_all(domain, mount, told_forms, kinds)
            held = {snapshot: read(mount, domain, snapshot) for snapshot, _ in kinds}
            if not start:
                domain.destroy()
            for snapshot in ("e2", "e1", "i1"):
                write(mount.path(name, "by-name", snapshot, "revert"), "running\n" if start else "\n")
                check_live(domain, held[snapshot], snapshot)
                for one, seen in held.items():
                    same(read(mount, domain, one), seen, f"{one} once {snapshot} is reverted to")
            create(mount, domain, "e4 disk-only")
            held["e4"] = held["i1"]
            write(mount.path(name, "by-name", "e2", "delete"), "merge\n")
            del held["e2"]
            for one, seen in held.items():
                same(read(mount, domain, one), seen, f"{one} once e2 is deleted")
            domain.destroy() if domain.running() else None
            domain.start()
            check_guest(domain, held["e4"])


def check_live(domain, held, name):
    """QEMU gets that chain, and its guest reads those bytes."""
    for disk in domain.disks:
        layers = told.chain(domain.virsh("dumpxml", domain.name), disk.target)
        true(layers[-1] is END, f"the chain of {disk.target} is told: {layers}")
        told.convert(layers, SEEN)
        with open(SEEN, "rb") as file:
            true(file.read() == held[disk.target], f"{disk.target} at {name}")
    if domain.running():
        check_guest(domain, held)


def check_guest(domain, held):
    for index, disk in enumerate(domain.disks):
        for at in range(0, 6 * OFFSET, OFFSET):
            domain.read(index, held[disk.target][at], at)
            true("Pattern verification failed" not in domain.log(), f"the guest reads {disk.target}")


@test
def an_end_mark_that_libvirt_would_forget_is_kept(directory):
    place = os.path.join(directory, "ended")
    os.mkdir(place)
    a = filled(f"{place}/a.raw", 0xAA)
    with domain_of("ended", place, {"vda": (END, [END], []), "vdb": (a, [END], [])}, False) as (domain, mount):
        refused(errno.EOPNOTSUPP, create, mount, domain, "e1 disk-only")
        equal(domain.snapshots(), [], "snapshots")
        create(mount, domain, "e1 disk-only diskspec=vdb,snapshot=no")
        domain.start()
        create(mount, domain, "e2 disk-only")
        domain.read(1, 0, 0)
        true("Pattern verification failed" not in domain.log(), "the guest sees what it saw")
        with open(image(mount, domain, "e2", "vdb"), "rb") as file:
            equal(set(file.read()), {0}, "its snapshot")


@test
def where_neither_gives_a_whole_chain(directory):
    place = os.path.join(directory, "neither")
    os.mkdir(place)
    a, b = filled(f"{place}/a.raw", 0xAA), filled(f"{place}/b.raw", 0xBB)
    with domain_of("neither", place, {"vda": (a, [b, END], [b]), "vdb": (b, [a, END], [a])}, False) as (domain, mount):
        domain.snapshot("e1", "external")
        os.unlink(b[0])
        with open(image(mount, domain, "e1"), "rb") as file:
            equal(set(file.read()), {0xAA}, "vda, whose header leaves out what is gone")
        os.unlink(a[0])
        for target in ("vda", "vdb"):
            refused(errno.EIO, open, image(mount, domain, "e1", target), "rb")
        for name in ("a.raw", "b.raw"):
            holds(info(mount, domain, "e1"), name, "the reason")


@test
def after_a_commit_by_hand(directory):
    """libvirt leaves the XML of the snapshots above as it was, with a file that is gone."""
    for delete in (True, False):
        disks = {"vda": "qcow2"}
        with Domain(f"commit-{delete}", directory, disks, size=4 * MIB) as domain, Mount(SYSTEM, "cache=0") as mount:
            domain.start()
            names = [f"s{number}" for number in range(1, 7)]
            for number, name in enumerate(names, 1):
                domain.write(number, number * OFFSET, OFFSET)
                domain.snapshot(name, "external")
            held = {name: read(mount, domain, name) for name in names}
            by_qemu(domain, held)
            paths = [domain.snapshot_source(name, "vda")[0] for name in ("s4", "s5")]
            words = ["--delete"] if delete else []
            domain.virsh("blockcommit", domain.name, "vda", "--base", paths[0], "--top", paths[1], "--wait", *words)
            for name in ("s1", "s2", "s3", "s6"):
                same(read(mount, domain, name), held[name], name)
            domain.destroy()
            for name in ("s6", "s3"):
                write(mount.path(domain.name, "by-name", name, "revert"), "\n")
                check_same(domain, held[name], name)
                for one in ("s1", "s2", "s3", "s6"):
                    same(read(mount, domain, one), held[one], f"{one}, {name} reverted to")


def check_same(domain, held, name):
    for disk in domain.disks:
        layers = told.chain(domain.virsh("dumpxml", domain.name), disk.target)
        told.convert(layers, SEEN) if layers[-1] is END else reading.convert(*layers[0], SEEN)
        with open(SEEN, "rb") as file:
            true(file.read() == held[disk.target], f"{disk.target} at {name}")


def same(got, held, what):
    for target, seen in held.items():
        true(got[target] == seen, f"{what}: the bytes of {target}")


def read(mount, domain, name):
    found = {}
    for disk in domain.disks:
        with open(image(mount, domain, name, disk.target), "rb") as file:
            found[disk.target] = file.read()
    return found


def by_qemu(domain, held):
    """QEMU reads those bytes, and no two are equal."""
    for name, disks in held.items():
        for target, seen in disks.items():
            reading.by_qemu(domain, name, target, SEEN)
            with open(SEEN, "rb") as file:
                true(file.read() == seen, f"{target} of {name}")
    true(len({disks["vda"] for disks in held.values()}) == len(held), "no two are alike")


@test
def nothing_is_merged_into_what_another_domain_has_by_its_xml_alone(directory):
    """libvirt has written the chain itself; then the overlay's header was cut off."""
    place = os.path.join(directory, "two")
    os.mkdir(place)
    one, two = {"vda": "qcow2"}, {"vda": "qcow2"}
    with Domain("t", place, one) as lower, Domain("w", place, two) as upper, Mount(SYSTEM, "cache=0") as mount:
        base, top = lower.disks[0].path, upper.disks[0].path
        rebase(top, base, "qcow2")
        upper.start()
        upper.snapshot("e0", "external")
        upper.destroy()
        overlay = upper.live_source("vda")[0]
        must("qemu-img", "rebase", "-f", "qcow2", "-b", "", overlay)
        upper.delete("e0", "--metadata")
        lower.start()
        create(mount, lower, "s1 disk-only")
        lower.write(0x55, 8 * MIB)
        lower.destroy()
        os.rmdir(mount.path("t", "snapshots", "s1"))
        equal(lower.snapshots(), [], "the snapshot is deleted")
        holds(last_log(mount, lower), "not merged", "what is told")
        upper.start()
        upper.read(0, 0, 8 * MIB)
        true("Pattern verification failed" not in upper.log(), "its guest sees what it saw")
        create(mount, upper, "e1 disk-only")
        with open(image(mount, upper, "e1"), "rb") as file:
            file.seek(8 * MIB)
            equal(set(file.read(OFFSET)), {0}, "its snapshot has what its guest sees")


@test
def nothing_is_merged_into_what_a_shut_off_domain_has_by_its_xml(directory):
    """By the domain's disk, by that of a snapshot, below an end mark and as another format."""
    for name, layers in (("plain", []), ("ended", [END])):
        place = os.path.join(directory, f"alone-{name}")
        os.mkdir(place)
        with Domain(f"low-{name}", place, {"vda": "raw"}, size=2 * MIB) as lower:
            base = lower.disks[0].path, "raw"
            filled(*base[:1], 0xBB)
            other = Told(f"high-{name}", place, {"vda": (END, [base, *layers])})
            with other, Mount(SYSTEM, "cache=0") as mount:
                create(mount, lower, "s1 disk-only")
                create(mount, lower, "s2 disk-only")
                path = lower.live_source("vda")[0]
                must("qemu-io", "-f", "qcow2", "-c", f"write -P 0x55 0 {OFFSET}", path)
                for snapshot in ("s1/s2", "s1"):
                    os.rmdir(mount.path(lower.name, "snapshots", snapshot))
                with open(base[0], "rb") as file:
                    equal(set(file.read()), {0xBB}, "the file")


@test
def after_a_delete_of_metadata_alone(directory):
    """libvirt 9.0 has the next snapshot named as another one's file, and leaves it out of the others' chains."""
    for start in (True, False):
        name = f"forgot-{start}"
        with Domain(name, directory, size=4 * MIB) as domain, Mount(SYSTEM, "cache=0") as mount:
            if start:
                domain.start()
            names = [f"e{number}" for number in range(1, 5)]
            for number, one in enumerate(names, 1):
                domain.write(number, number * OFFSET, OFFSET)
                domain.snapshot(one, "external")
            held = {one: read(mount, domain, one) for one in names}
            by_qemu(domain, held)
            before = {one: domain.snapshot_source(one, "vda") for one in names}
            domain.delete("e2", "--metadata")
            moved = [one for one in domain.snapshots() if domain.snapshot_source(one, "vda") != before[one]]
            for one in domain.snapshots():
                if one in moved:
                    for disk in domain.disks:
                        refused(errno.EIO, open, image(mount, domain, one, disk.target), "rb")
                    holds(info(mount, domain, one), "redefine", "what can be done")
                    refused(errno.EIO, write, mount.path(name, "by-name", one, "revert"), "\n")
                else:
                    same(read(mount, domain, one), held[one], one)


@test
def after_a_delete_of_metadata_alone_on_another_branch(directory):
    """The domain's own XML then does not tell the right chain: no image shows other bytes."""
    with Domain("branched", directory, size=4 * MIB) as domain, Mount(SYSTEM, "cache=0") as mount:
        domain.start()
        names = [f"e{number}" for number in range(1, 6)]
        for number, one in enumerate(names, 1):
            domain.write(number, number * OFFSET, OFFSET)
            domain.snapshot(one, "external")
        held = {one: read(mount, domain, one) for one in names}
        by_qemu(domain, held)
        write(mount.path("branched/by-name/e1/revert"), "\n")
        equal(domain.state(), "shut off")
        domain.delete("e2", "--metadata")
        for one in domain.snapshots():
            try:
                same(read(mount, domain, one), held[one], one)
            except OSError as error:
                true(domain.libvirt() < (11, 3) and one != "e1", f"{one}: {error}")
                equal(error.errno, errno.EIO, one)
                refused(errno.EIO, write, mount.path("branched/by-name", one, "revert"), "\n")
        same(read(mount, domain, "e1"), held["e1"], "e1")


def end_of_chain(domain, how):
    """The overlay that e2 made loses its backing files, or all but the last."""
    if how == "rebase":
        domain.destroy()
        must("qemu-img", "rebase", "-f", "qcow2", "-b", "", domain.live_source("vda")[0])
        domain.start()
    else:
        part = ["--base", domain.snapshot_source("e1", "vda")[0]] if how == "part" else []
        domain.virsh("blockpull", domain.name, "vda", *part, "--wait")


def run_on(domain, then):
    if then == "off":
        domain.destroy()
    if then == "branch":
        with Mount(SYSTEM, "cache=0") as mount:
            write(mount.path(domain.name, "by-name/e1/revert"), "\n")


@test
def after_a_delete_of_metadata_alone_of_an_overlay_that_was_pulled_into(directory):
    """No header then has what libvirt 9.0 puts in the place of the overlay that it leaves out."""
    kinds = [("pull", "on"), ("pull", "off"), ("part", "on"), ("part", "off"), ("rebase", "branch")]
    for how, then in kinds:
        name = f"ends-{how}-{then}"
        with Domain(name, directory, size=4 * MIB) as domain, Mount(SYSTEM, "cache=0") as mount:
            domain.start()
            names = [f"e{number}" for number in range(1, 6)]
            for number, one in enumerate(names, 1):
                domain.write(number, number * OFFSET, OFFSET)
                domain.snapshot(one, "external")
                if one == "e2":
                    end_of_chain(domain, how)
            held = {one: read(mount, domain, one) for one in names}
            by_qemu(domain, held)
            run_on(domain, then)
            domain.delete("e2", "--metadata")
            for one in domain.snapshots():
                try:
                    same(read(mount, domain, one), held[one], one)
                except OSError as error:
                    true(domain.libvirt() < (11, 3) and one > "e2", f"{name} {one}: {error}")
                    equal(error.errno, errno.EIO, one)
                    true(one == "e3" or then != "on", f"{name}: the domain's own XML tells of {one}")


@test
def an_internal_snapshot_after_a_delete_of_metadata_alone(directory):
    """libvirt's own revert would put the domain on the chain in the snapshot's XML."""
    for state in "running", "shut off":
        with Domain(f"inside-{state[:4]}", directory, size=4 * MIB) as domain, Mount(SYSTEM, "cache=0") as mount:
            domain.start()
            for number, one in enumerate(("e1", "e2", "e3", "i4"), 1):
                domain.write(number, number * OFFSET, OFFSET)
                domain.snapshot(one, "internal" if one == "i4" else "external")
            held = {one: read(mount, domain, one) for one in domain.snapshots()}
            by_qemu(domain, held)
            domain.delete("e2", "--metadata")
            domain.write(0x99, OFFSET, OFFSET)
            if state == "shut off":
                domain.destroy()
            revert = mount.path(domain.name, "by-name/i4/revert")
            if domain.libvirt() < (11, 3):
                refused(errno.EBUSY, write, revert, "\n")
                holds(last_log(mount, domain), "redefine", "what can be done")
                equal(domain.state(), state)
                same(read(mount, domain, "i4"), held["i4"], "i4")
                continue
            write(revert, "\n")
            same(read(mount, domain, "i4"), held["i4"], "i4")
            for number in range(1, 5):
                domain.read(0, number, number * OFFSET, OFFSET)
            true("verification failed" not in domain.log(), "the guest reads other bytes")


@test
def after_a_pull_the_content_is_in_no_chain(directory):
    with Domain("pulled", directory, size=4 * MIB) as domain, Mount(SYSTEM, "cache=0") as mount:
        domain.start()
        for number, name in enumerate(("e1", "e2"), 1):
            domain.write(number, number * OFFSET, OFFSET)
            domain.snapshot(name, "external")
        held = {name: read(mount, domain, name) for name in ("e1", "e2")}
        by_qemu(domain, held)
        domain.virsh("blockpull", domain.name, "vda", "--wait")
        for name, seen in held.items():
            same(read(mount, domain, name), seen, name)


@test
def a_tag_that_was_made_after_a_pull(directory):
    """An older snapshot tells of a file below, which a commit by hand has removed since."""
    with Domain("after", directory, size=4 * MIB) as domain, Mount(SYSTEM, "cache=0") as mount:
        domain.start()
        for number, name in enumerate(("e1", "e2"), 1):
            domain.write(number, number * OFFSET, OFFSET)
            domain.snapshot(name, "external")
        live = domain.live_source("vda")[0]
        below = domain.snapshot_source("e2", "vda")[0]
        domain.virsh("blockcommit", domain.name, "vda", "--top", below, "--wait", "--delete")
        domain.virsh("blockpull", domain.name, "vda", "--wait")
        true(not os.path.exists(below), "the file below is gone")
        domain.write(3, 3 * OFFSET, OFFSET)
        domain.snapshot("i3", "internal")
        domain.write(4, 3 * OFFSET, OFFSET)
        reading.convert(live, "qcow2", SEEN, "i3")
        with open(SEEN, "rb") as file:
            seen = file.read()
        true(read(mount, domain, "i3")["vda"] == seen, "i3")
        equal(seen[3 * OFFSET], 3, "the byte of the snapshot, not of the disk")


@test
def a_tag_keeps_what_was_pulled_out_from_under_it(directory):
    """QEMU itself reads zeros then; the XML of the snapshot still has the chain."""
    place = os.path.join(directory, "tags")
    os.mkdir(place)
    b = filled(f"{place}/b.raw", 0xBB)
    chain = {"vda": (b, [b, END]), "vdb": (b, [b, END])}
    with Told("tags", place, chain) as domain, Mount(SYSTEM, "cache=0") as mount:
        domain.start()
        domain.write(1, OFFSET, OFFSET)
        domain.snapshot("i1", "internal")
        held = read(mount, domain, "i1")
        for target, (below, _) in chain.items():
            path = [disk.path for disk in domain.disks if disk.target == target]
            told.convert([(path[0], "qcow2"), below], SEEN, "i1")
            with open(SEEN, "rb") as file:
                true(file.read() == held[target], f"{target} before")
            domain.virsh("blockpull", "tags", target, "--wait")
        true(read(mount, domain, "i1") == held, "i1")
        domain.destroy()
        true(read(mount, domain, "i1") == held, "i1, shut off")
        os.unlink(b[0])
        for target in chain:
            refused(errno.EIO, open, image(mount, domain, "i1", target), "rb")


@test
def a_tag_that_libvirt_does_not_know_is_on_the_chain_of_the_disk(directory):
    place = os.path.join(directory, "mine")
    os.mkdir(place)
    a, b = filled(f"{place}/a.raw", 0xAA), filled(f"{place}/b.raw", 0xBB)
    with Told("mine", place, {"vda": (a, [b, END])}) as domain, Mount(SYSTEM, "cache=0") as mount:
        must("qemu-img", "snapshot", "-c", "mine", domain.disks[0].path)
        domain.snapshot("e1", "external")
        with open(mount.path("mine", "unmanaged", "mine", "vda.raw"), "rb") as file:
            equal(set(file.read()), {0xBB}, "what the guest sees")


@test
def a_deep_chain_of_the_xml_is_read_and_reverted_to(directory):
    place = os.path.join(directory, "deep")
    os.mkdir(place)
    a, layers = filled(f"{place}/a.raw", 0xAA), [filled(f"{place}/b.raw", 0xBB)]
    for number in range(DEEP):
        layers.insert(0, overlay_on(a, f"{place}/{number}.qcow2", number))
    with domain_of("deep", place, {"vda": (a, [*layers, END], layers)}, False) as (domain, mount):
        domain.snapshot("e1", "external")
        told.convert([(domain.disks[0].path, "qcow2"), *layers], SEEN)
        held = read(mount, domain, "e1")
        with open(SEEN, "rb") as file:
            true(file.read() == held["vda"], "e1")
        equal((held["vda"][0], held["vda"][-1]), (DEEP - 1, 0xBB), "of the uppermost and the last file")
        write(mount.path("deep", "by-name", "e1", "revert"), "running\n")
        check_live(domain, held, "e1")


with scratch() as directory:
    run(directory)
