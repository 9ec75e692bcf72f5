# SPDX-License-Identifier: GPL-3.0-or-later
"""Commits by hand into a snapshot's file: the signs of a commit, and changes that only look like one."""

import contextlib
import errno
import os

from lib import reading
from lib.command import must
from lib.control import create, write
from lib.domain import MIB, SYSTEM, Domain
from lib.mount import Mount
from lib.other_qemu import opened
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.wait import until


MS = 1000000


def line_of(domain, *names):
    """External snapshots in a line, each with bytes of its own."""
    for number, name in enumerate(names, 1):
        domain.write(number, number * MIB)
        domain.snapshot(name, "external")
    domain.write(0xEE, 9 * MIB)


def image(mount, domain, name, target="vda"):
    return mount.path(domain.name, "by-name", name, f"{target}.raw")


def describe(mount, domain, name):
    """The user says that its data is intact, and it can be read again."""
    write(mount.path(domain.name, "by-name", name, "description"), "its data is intact")
    until(lambda: readable(image(mount, domain, name)), f"{name} is read again")


def readable(path):
    try:
        with open(path, "rb", 0) as file:
            return len(file.read(4096)) == 4096
    except OSError:
        return False


def told(mount, domain, name, part):
    until(lambda: not readable(image(mount, domain, name)), f"{name} is refused")
    refused(errno.EIO, open, image(mount, domain, name), "rb")
    until(lambda: part in info(mount, domain, name), f"'{part}' in the info of {name}")


def info(mount, domain, name):
    with open(mount.path(domain.name, "by-name", name, "info"), encoding="utf-8") as file:
        return file.read()


def is_noted(domain):
    """Whether snapfs keeps of a file of the domain that it was seen to change."""
    with contextlib.suppress(FileNotFoundError), open(f"/var/lib/snapfs/{domain.uuid}.kept", encoding="utf-8") as file:
        return "\ntouched " in file.read()
    return False


def written_at(path, when):
    """As if that had been the time of its last write."""
    os.utime(path, ns=(when, when))


def commit_live(domain, *flags, target="vda"):
    """The user merges the live disk into the file below it, by mistake."""
    domain.virsh("blockcommit", domain.name, target, "--active", "--pivot", "--wait", *flags)


def commit_middle(domain):
    """e3's file is merged into e2's."""
    base, top = (domain.snapshot_source(name, "vda")[0] for name in ("e2", "e3"))
    domain.virsh("blockcommit", domain.name, "vda", "--base", base, "--top", top, "--wait")


def overlay_unknown(domain):
    """The live disk gets an overlay that no snapshot tells of."""
    domain.virsh("snapshot-create-as", domain.name, "other", "--disk-only", "--no-metadata")


def bytes_of(domain, name, directory):
    path = os.path.join(directory, "by-qemu")
    reading.by_qemu(domain, name, "vda", path)
    digest = must("sha256sum", path).split()[0]
    os.unlink(path)
    return digest


def committed(directory, name, *flags, made_here=False):
    """s1, a commit of what came later into its file, s2: libvirt has s1 on the same file as s2."""
    with Domain(name, directory, {"vda": "qcow2", "vdb": "qcow2"}) as domain, Mount(SYSTEM) as mount:
        domain.start()
        domain.write(1)
        if made_here:
            create(mount, domain, "s1 disk-only")
        else:
            domain.snapshot("s1", "external")
        before = bytes_of(domain, "s1", directory)
        domain.write(2)
        commit_live(domain, *flags)
        true(bytes_of(domain, "s1", directory) != before, "the commit changed nothing")
        domain.snapshot("s2", "external")
        domain.write(3)
        told(mount, domain, "s1", "was merged into it before snapshot s2")
        reading.compare(domain, mount, directory, ["s2"])
        true(readable(image(mount, domain, "s1", "vdb")), "the disk that nobody committed is refused")
        for option in ("ro", "untouched"):
            with Mount(SYSTEM, option) as other:
                told(other, domain, "s1", "was merged into it before snapshot s2")
                reading.compare(domain, other, directory, ["s2"])
        describe(mount, domain, "s1")


@test
def the_live_disk_into_a_snapshot(directory):
    committed(directory, "plain")


@test
def the_live_disk_whose_overlay_is_deleted(directory):
    committed(directory, "deleted", "--delete")


@test
def the_live_disk_into_a_snapshot_made_here(directory):
    committed(directory, "here", made_here=True)


@test
def a_live_disk_that_was_a_snapshots_file_stays_lost(directory):
    """The domain writes to e2's file for a while, and then goes on from another one."""
    for name, off in (("went-on", False), ("shut-off", True)):
        with Domain(name, directory, {"vda": "qcow2"}) as domain:
            with Mount(SYSTEM, "cache=0") as mount:
                domain.start()
                line_of(domain, "e1", "e2")
                before = bytes_of(domain, "e2", directory)
                commit_live(domain, "--base", domain.snapshot_source("e2", "vda")[0])
                domain.write(7)
                if not off:
                    refused(errno.EBUSY, open, image(mount, domain, "e2"), "rb")
                domain.destroy()
                if off:
                    refused(errno.EIO, open, image(mount, domain, "e2"), "rb")
                write(mount.path(name, "by-name/e1/revert"), "running\n")
                true(bytes_of(domain, "e2", directory) != before, "the commit changed nothing")
                told(mount, domain, "e2", "cannot be read")
                reading.compare(domain, mount, directory, ["e1"])
            with Mount(SYSTEM) as mount:
                told(mount, domain, "e2", "cannot be read")
                describe(mount, domain, "e2")


@test
def a_later_snapshot_in_the_file_that_was_the_live_disk_is_read(directory):
    """QEMU may write what it still holds of a file a while after the overlay on it was made."""
    with Domain("late", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM, "cache=0") as mount:
        domain.start()
        line_of(domain, "e1", "e2")
        path = domain.snapshot_source("e2", "vda")[0]
        commit_live(domain, "--base", path)
        domain.write(7)
        refused(errno.EBUSY, open, image(mount, domain, "e2"), "rb")
        domain.snapshot("e3", "external")
        written_at(path, os.stat(path).st_mtime_ns + 500 * MS)
        until(lambda: readable(image(mount, domain, "e3")), "e3 is read")
        told(mount, domain, "e2", "cannot be read")
        reading.compare(domain, mount, directory, ["e1", "e3"])


@test
def in_the_middle(directory):
    with Domain("middle", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM) as mount:
        domain.start()
        line_of(domain, "e1", "e2", "e3")
        commit_middle(domain)
        domain.virsh("snapshot-current", domain.name, "e2")
        domain.virsh("snapshot-current", domain.name, "e3")
        told(mount, domain, "e2", "was merged into it before snapshot e3")
        reading.compare(domain, mount, directory, ["e1", "e3"])


@test
def in_the_middle_and_the_snapshot_that_tells_of_it_is_deleted(directory):
    for words, looked in (("metadata", True), ("merge", False)):
        name = f"deleted-{words}"
        with Domain(name, directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM, "cache=0") as mount:
            domain.start()
            line_of(domain, "e1", "e2", "e3", "e4")
            commit_middle(domain)
            if looked:
                told(mount, domain, "e2", "was merged into it before snapshot e3")
            write(mount.path(name, "by-name", "e3", "delete"), words)
            told(mount, domain, "e2", "was merged into it")
            reading.compare(domain, mount, directory, ["e1", "e4"])


def seen(directory, name, read):
    """A commit while an image on the file is open here, with and without a later read of the image."""
    with Domain(name, directory, {"vda": "qcow2"}) as domain:
        domain.start()
        domain.write(1)
        domain.write(1, 12 * MIB)
        domain.snapshot("s1", "external")
        domain.write(2)
        with Mount(SYSTEM) as mount:
            with open(image(mount, domain, "s1"), "rb", 0) as file:
                file.read(4096)
                commit_live(domain)
                if read:
                    file.seek(12 * MIB)
                    refused(errno.ESTALE, file.read, 4096)
            overlay_unknown(domain)
            told(mount, domain, "s1", "while an image on it was open here")
        domain.snapshot("s3", "external")
        with Mount(SYSTEM) as mount:
            told(mount, domain, "s1", "while an image on it was open here")
            describe(mount, domain, "s1")


@test
def seen_by_a_read(directory):
    seen(directory, "seen", True)


@test
def seen_when_the_image_is_closed(directory):
    seen(directory, "closed", False)


@test
def seen_before_it_writes(directory):
    """The image is closed while another program has the file open for writing, and has not written yet."""
    with Domain("before", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM) as mount:
        domain.write(1)
        domain.snapshot("s1", "external")
        with open(image(mount, domain, "s1"), "rb", 0) as file, opened(domain.disks[0].path) as do:
            file.read(4096)
            file.close()
            until(lambda: is_noted(domain), "it is noted")
            do(f"write -P 2 {MIB} 64k")
        told(mount, domain, "s1", "while an image on it was open here")
        written_at(domain.disks[0].path, os.stat(domain.live_source("vda")[0]).st_mtime_ns)
        with Mount(SYSTEM) as other:
            told(other, domain, "s1", "while an image on it was open here")


@test
def without_a_trace_but_its_time(directory):
    with Domain("time", directory, {"vda": "qcow2"}) as domain:
        domain.start()
        domain.write(1)
        with Mount(SYSTEM) as mount:
            create(mount, domain, "s1 disk-only")
        domain.write(2)
        commit_live(domain)
        overlay_unknown(domain)
        with Mount(SYSTEM, "untouched") as mount:
            told(mount, domain, "s1", "which the option 'untouched' forbids")
        with Mount(SYSTEM) as mount:
            true(readable(image(mount, domain, "s1")), "this cannot be told, and yet it is refused")


# ---- changes that are no commits ----


def read_over(path, change):
    """Reads on of an image that is open over a change; it need not be able to."""
    with open(path, "rb", 0) as file:
        file.read(4096)
        change()
        file.seek(8 * MIB)
        with contextlib.suppress(OSError):
            file.read(4096)


def all_read(domain, directory, names, *mounts):
    for mount in mounts:
        for name in names:
            until(lambda name=name, mount=mount: readable(image(mount, domain, name)), f"{name} is read")
        reading.compare(domain, mount, directory, names)


def merges_here(directory, name, start):
    with Domain(name, directory, {"vda": "qcow2"}) as domain:
        if start:
            domain.start()
        line_of(domain, "e1", "e2", "e3", "e4")
        with Mount(SYSTEM) as mount, Mount(SYSTEM, "untouched") as strict:

            def merge():
                for gone in ("e1", "e3"):
                    write(mount.path(name, "by-name", gone, "delete"), "merge")

            read_over(image(mount, domain, "e4"), merge)
            all_read(domain, directory, ["e2", "e4"], mount, strict)
        for option in ("untouched", "ro"):
            with Mount(SYSTEM, option) as mount:
                all_read(domain, directory, ["e2", "e4"], mount)


@test
def merged_here_while_it_runs(directory):
    merges_here(directory, "merging", True)


@test
def merged_here_while_it_is_off(directory):
    merges_here(directory, "merged", False)


@test
def a_tag_is_deleted_here_in_the_file(directory):
    with Domain("tagged", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM, "untouched") as mount:
        domain.write(1)
        domain.snapshot("i0")
        domain.write(2)
        domain.snapshot("e1", "external")
        domain.write(3)
        with open(image(mount, domain, "e1"), "rb", 0) as file:
            file.read(4096)
            write(mount.path("tagged/by-name/i0/delete"), "merge")
        all_read(domain, directory, ["e1"], mount)


@test
def a_tag_is_made_by_hand(directory):
    with Domain("byhand", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM) as mount:
        line_of(domain, "e1", "e2")
        all_read(domain, directory, ["e1", "e2"], mount)
        must("qemu-img", "snapshot", "-c", "mine", domain.snapshot_source("e1", "vda")[0])
        all_read(domain, directory, ["e1", "e2"], mount)


@test
def libvirt_deletes_one(directory):
    """On a running domain, as libvirt 9.0 can."""
    with Domain("native", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM) as mount:
        domain.start()
        line_of(domain, "e1", "e2", "e3")
        all_read(domain, directory, ["e1", "e2", "e3"], mount)
        read_over(image(mount, domain, "e3"), lambda: domain.delete("e1"))
        all_read(domain, directory, ["e2", "e3"], mount)
        domain.delete("e2")
        all_read(domain, directory, ["e3"], mount)


@test
def where_files_take_no_attributes(directory):
    point = os.path.join(directory, "bare")
    os.mkdir(point)
    must("mount", "-t", "ramfs", "ramfs", point)
    try:
        merges_here(point, "bare", True)
    finally:
        must("umount", point)


with scratch() as top:
    run(top)
