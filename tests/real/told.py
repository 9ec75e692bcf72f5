# SPDX-License-Identifier: GPL-3.0-or-later
"""Root and a member of the group that may use libvirt tell each other of merges and changed files, because these
files tell nothing themselves. A false record costs a refusal, and never a byte."""

import contextlib
import errno
import os

from lib import reading
from lib.command import must
from lib.control import write
from lib.domain import MIB, SYSTEM, Domain
from lib.held import Held, digest
from lib.kept import SHARED, record, told_by
from lib.member import Member, equals, let_all_read
from lib.mount import Mount
from lib.people import UID, libvirt_group, user
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true

LEFT = "user.snapfs.left"
SPOILT = "was merged into it"


@contextlib.contextmanager
def without_attributes():
    """A directory of the member's on a file system whose files take no attributes of a user's."""
    with scratch() as top:
        point = os.path.join(top, "bare")
        os.mkdir(point)
        must("mount", "-t", "ramfs", "ramfs", point)
        os.chown(point, UID, -1)
        os.chmod(point, 0o755)
        try:
            yield point
        finally:
            must("umount", point)


@contextlib.contextmanager
def with_attributes():
    with scratch() as top:
        os.chown(top, UID, -1)
        yield top


def line(domain, held, names):
    for number, name in enumerate(names, 1):
        for index, disk in enumerate(domain.disks):
            domain.write(16 * number + index, number * MIB, targets=[disk.target])
        held.snapshot(name, "external")
        let_all_read(domain)
    domain.write(0xEE, 9 * MIB)
    let_all_read(domain)


def image(mount, domain, name, target="vda"):
    return mount.path(domain.name, "by-name", name, f"{target}.raw")


def log(mount, domain):
    with open(mount.path(domain.name, "log"), encoding="utf-8") as file:
        return file.read().splitlines()[-1]


def digest_of_tag(path, tag, directory):
    copy = os.path.join(directory, "copy")
    reading.convert(path, "qcow2", copy, tag)
    found = digest(copy)
    os.unlink(copy)
    return found


def numbers(mount, domain, names):
    return {name: os.stat(image(mount, domain, name)).st_ino for name in names}


def merge(who, domain, name):
    path = who.path(domain.name, "by-name", name, "delete")
    if isinstance(who, Member):
        who.write(None, path, "merge")
    else:
        write(path, "merge")


def sees_all(be, root, member, domain, held, directory):
    """Root and the member read the same bytes as QEMU, by the present mounts and by new ones."""
    held.check()
    names = list(held.bytes)
    options = "cache=0", "untouched", f"domain={domain.name}"
    with Mount(SYSTEM, *options) as again, Member(be, *options[1:]) as anew:
        for mount in (root, again):
            reading.compare(domain, mount, directory, names)
        for one in (member, anew):
            for name in names:
                equals(one, domain, name, "vda", directory)


def merges_are_known(be, place, name):
    with scratch() as directory, Domain(name, place, {"vda": "qcow2"}) as domain:
        os.chmod(directory, 0o755)
        held = Held(domain)
        line(domain, held, ("s1", "s2", "s3"))
        options = "untouched", f"domain={domain.name}"
        with Mount(SYSTEM, "cache=0", *options) as root, Member(be, *options) as member:
            sees_all(be, root, member, domain, held, directory)
            for who, gone in ((member, "s1"), (root, "s2")):
                kept = [one for one in held.bytes if one != gone]
                before = numbers(root, domain, kept)
                with contextlib.ExitStack() as opened:
                    for one in kept:
                        opened.enter_context(open(image(root, domain, one), "rb"))
                    merge(who, domain, gone)
                held.bytes.pop(gone)
                equal(numbers(root, domain, kept), before, f"inode numbers after {gone}")
                let_all_read(domain)
                sees_all(be, root, member, domain, held, directory)


@test
def merges_on_files_without_attributes(be):
    with without_attributes() as place:
        merges_are_known(be, place, "bare")


@test
def merges_on_files_that_the_member_may_not_write(be):
    with with_attributes() as place:
        merges_are_known(be, place, "roots")


def spoil(domain, held):
    """s1, a commit by hand into its file, and s2, which alone shows the commit."""
    domain.start()
    domain.write(1)
    domain.snapshot("s1", "external")
    before = held.by_qemu("s1")
    domain.write(2)
    domain.virsh("blockcommit", domain.name, "vda", "--active", "--pivot", "--wait")
    true(held.by_qemu("s1") != before, "the commit changed nothing")
    domain.snapshot("s2", "external")
    domain.write(3)
    let_all_read(domain)


def refused_to_all(be, domain, name):
    with Mount(SYSTEM, f"domain={domain.name}") as root, Member(be, f"domain={domain.name}") as member:
        refused(errno.EIO, open, image(root, domain, name), "rb")
        member.fails(errno.EIO, "cat", image(member, domain, name))
        holds(member.read(domain.name, "by-name", name, "info"), SPOILT)


@test
def a_commit_by_hand_that_a_deleted_snapshot_told_of(be):
    for who in (be, None):
        with with_attributes() as place, Domain("hand" if who else "hands", place, {"vda": "qcow2"}) as domain:
            spoil(domain, Held(domain))
            with Member(be, f"domain={domain.name}") if who else Mount(SYSTEM, f"domain={domain.name}") as mount:
                path = mount.path(domain.name, "by-name/s2/delete")
                must(*(who or ()), "sh", "-c", f"echo > {path}")
            equal(domain.snapshots(), ["s1"], "snapshots")
            refused_to_all(be, domain, "s1")


@test
def a_base_in_a_directory_of_roots_is_not_merged_into(be):
    """No other user would believe the member's record of it."""
    with scratch() as gold, with_attributes() as place, Domain("gold", gold, {"vda": "qcow2"}) as domain:
        held = Held(domain)
        domain.write(1)
        overlay = os.path.join(place, "over.s1")
        for name in ("s1", "s2"):
            spec = f"vda,snapshot=external,file={os.path.join(place, f'over.{name}')}"
            domain.virsh("snapshot-create-as", domain.name, name, "--disk-only", "--diskspec", spec)
            os.chmod(os.path.join(place, f"over.{name}"), 0o644)
            held.note(name)
            domain.write(2 if name == "s1" else 3)
        before = sorted(os.listdir(place)), domain.snapshots()
        with Member(be, f"domain={domain.name}") as member:
            member.write(errno.EACCES, member.path("gold/by-name/s1/delete"), "merge")
            member.says(domain, domain.disks[0].path, "use a mount by root")
            equal((sorted(os.listdir(place)), domain.snapshots()), before, "files and snapshots")
            held.check()
            merge(member, domain, "s2")  # into a file in the member's own directory
            held.bytes.pop("s2")
            held.check()
        true(os.path.exists(overlay), "the overlay that has s1's successor")
        with Mount(SYSTEM, f"domain={domain.name}") as root:
            merge(root, domain, "s1")
            equal(os.path.exists(overlay), False, "the overlay is there")


def hide_by(domain, path, kind="merge"):
    """A record that would have the file unchanged since long ago."""
    st = os.stat(path)
    return record(kind, path, f"{st.st_ino} 1 {st.st_mtime_ns} {st.st_size}")


@test
def false_records_cost_no_byte(be):
    """The member claims what would make root show other bytes, or remove a file that is needed."""
    with scratch() as place, Domain("false", place, {"vda": "qcow2"}) as domain:
        held = Held(domain)
        spoil(domain, held)
        base = domain.snapshot_source("s1", "vda")[0]
        refused_to_all(be, domain, "s1")
        domain.destroy()
        lies = [hide_by(domain, base), record("later", base, f"base {os.stat(base).st_ino}")]
        told_by(UID, domain.uuid, *lies)
        with Mount(SYSTEM, f"domain={domain.name}") as root:
            refused(errno.EIO, open, image(root, domain, "s1"), "rb")


@test
def a_false_record_of_a_tag_does_not_have_it_destroyed(be):
    with scratch() as place, Domain("tags", place, {"vda": "qcow2"}) as domain:
        os.chmod(place, 0o755)
        domain.write(1)
        domain.snapshot("e1", "external")
        domain.write(2, 2 * MIB)
        domain.snapshot("i2")
        overlay, _ = domain.live_source("vda")
        domain.snapshot("e3", "external")
        domain.start()
        with Mount(SYSTEM, "cache=0", f"domain={domain.name}") as root:
            write(root.path("tags/by-name/i2/delete"), "merge")
            entry = os.getxattr(overlay, LEFT).split()[1].decode()
            os.removexattr(overlay, LEFT)  # now it is any tag of the user's
            before = digest_of_tag(overlay, "i2", place)
            lie = record("tag", f"{entry} {overlay}", str(os.stat(overlay).st_ino))
            told_by(UID, domain.uuid, lie)
            write(root.path("tags/by-name/e1/delete"), "merge")
            holds(log(root, domain), "is not merged")
            equal(digest_of_tag(overlay, "i2", place), before, "the tag's bytes")
            os.chown(place, UID, -1)  # a user who may exchange the file is believed: the record is plausible
            write(root.path("tags/by-name/e3/delete"), "merge")
            equal((os.path.exists(overlay), domain.live_source("vda")[0]), (False, domain.disks[0].path),
                  "whether the overlay is there, and the live disk")


@test
def a_record_of_a_path_inside_the_mount_holds_nothing_up(be):
    """A look at that path would wait for the very operation that looks."""
    with scratch() as place, Domain("within", place, {"vda": "qcow2"}) as domain:
        held = Held(domain)
        line(domain, held, ("s1", "s2", "s3"))
        with Mount(SYSTEM, "cache=0", f"domain={domain.name}") as root:
            merge(root, domain, "s1")
            path = root.path("within/by-name/s3/vda-part9.raw")
            told_by(UID, domain.uuid, record("tag", f"{1:016x} {path}", "7"))
            must("timeout", "20", "sh", "-c", f"echo merge > {root.path('within/by-name/s2/delete')}")
            del held.bytes["s1"], held.bytes["s2"]
            held.check()


@test
def rubbish_among_the_records(be):
    """Links, pipes, files of others and spoiled files delay nothing."""
    with with_attributes() as place, Domain("junk", place, {"vda": "qcow2"}) as domain:
        held = Held(domain)
        line(domain, held, ("s1", "s2"))
        with Member(be, f"domain={domain.name}") as member:
            member.does("mkdir", member.path("junk/snapshots/s1/s2/s3"))
            member.does("rmdir", member.path("junk/snapshots/s1/s2/s3"))
        name = f"{SHARED}/{domain.uuid}"
        commands = (
            f"mkfifo {name}.7", f"ln -s /etc/shadow {name}.8", f"echo kept > {name}.9", f"echo x > {name}.0",
            f"ln -s /etc/shadow {name}.0.new", f"truncate -s 5M {name}.10", f"mkdir {name}.11", f": > {name}.x",
        )
        for command in commands:
            must(*be, "sh", "-c", command)
        with open("/etc/shadow", "rb") as file:
            shadow = file.read()
        with Mount(SYSTEM, "cache=0", f"domain={domain.name}") as root, scratch() as directory:
            merge(root, domain, "s1")
            held.bytes.pop("s1")
            held.check()
            reading.compare(domain, root, directory, ["s2"])
        with open("/etc/shadow", "rb") as file:
            equal(file.read(), shadow, "a file that a link leads to")
        equal(os.stat(SHARED).st_mode & 0o7777, 0o1770, "who may do what there")
        must("sh", "-c", f"rm -rf {name}.*")


with libvirt_group() as group, user(groups=(group,)) as (be, _):
    run(be)
