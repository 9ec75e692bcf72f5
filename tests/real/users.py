# SPDX-License-Identifier: GPL-3.0-or-later
"""Each user of a snapshot's files keeps its bytes, also if libvirt does not know it: tags of qemu-img, clones that
no domain has yet, loop devices."""

import contextlib
import errno
import os

from lib import reading, tagged
from lib.command import must
from lib.control import last_log, write as command
from lib.domain import MIB, SYSTEM, Domain
from lib.held import digest
from lib.line import line, write
from lib.mount import Mount
from lib.other_qemu import opened
from lib.scratch import scratch
from lib.tap import equal, fail, holds, refused, run, test, true
from lib.wait import until
from lib.watch import clone_on, refuses, revert, rmdir

BOTH = {"vda": "qcow2", "vdb": "qcow2"}


def read(path, tag=None, format="qcow2"):
    """The digest of an image's bytes, or of a tag in it, as QEMU reads them."""
    copy = "/run/users"
    reading.convert(path, format, copy, tag)
    found = digest(copy)
    os.unlink(copy)
    return found


def differ(*digests):
    equal(len(set(digests)), len(digests), "different contents")


def clone(path, base, format="qcow2"):
    must("qemu-img", "create", "-q", "-f", "qcow2", "-F", format, "-b", base, path)
    return path


def delete(mount, domain, name, words):
    command(mount.path(domain.name, "by-name", name, "delete"), f"{words}\n")


def tag(domain, name, pattern):
    """A tag of qemu-img's in the live overlay of a domain that is shut off, and its bytes."""
    path = domain.live_source("vda")[0]
    tagged.fill(path, pattern, 2 * MIB)
    tagged.tag(path, name)
    before = read(path, name)
    tagged.fill(path, pattern + 1, 2 * MIB)
    differ(before, read(path))
    return path, before


# ---- tags ----


@test
def a_tag_in_the_overlay_that_a_revert_leaves(directory):
    with line("tag-revert", directory, "e", start=False) as (domain, mount, held):
        path, before = tag(domain, "mine", 0x51)
        revert(mount, domain, "e1")
        equal(read(path, "mine"), before, "bytes of the tag after the revert")
        holds(last_log(mount, domain), "tag 'mine'")
        write(domain, 0x33)
        # The live disk and the tag use the base now.
        with contextlib.suppress(OSError):
            rmdir(mount, domain, "e1")
        held.bytes = {name: held.bytes[name] for name in domain.snapshots()}
        equal(read(path, "mine"), before, "bytes of the tag after a delete")
        # When the tag is gone, nothing prevents the merge.
        tagged.untag(path, "mine")
        os.unlink(path)


@test
def a_tag_in_an_overlay_elsewhere(directory):
    """Nothing names the directory in which the overlay is, once the domain is on another."""
    with scratch() as elsewhere:
        with line("tag-else", directory, start=False) as (domain, mount, held):
            domain.virsh("snapshot-create-as", domain.name, "e1", "--disk-only", "--diskspec",
                         f"vda,file={elsewhere}/over")
            held.note("e1")
            path, before = tag(domain, "mine", 0x51)
            revert(mount, domain, "e1")
            equal(read(path, "mine"), before, "bytes of the tag after the revert")
            write(domain, 0x33)
            rmdir(mount, domain, "e1")
            held.bytes.pop("e1")
            holds(last_log(mount, domain), f"'{path}'")
            equal(read(path, "mine"), before, "bytes of the tag after the delete")


@test
def a_tag_in_the_content_of_a_dead_branch(directory):
    with line("tag-dead", directory, "e", start=False) as (domain, mount, held):
        path, before = tag(domain, "mine", 0x51)
        held.snapshot("e2", "external")
        revert(mount, domain, "e1")
        rmdir(mount, domain, "e2")
        held.bytes.pop("e2")
        equal(read(path, "mine"), before, "bytes of the tag")
        holds(last_log(mount, domain), "tag 'mine'")


@test
def a_tag_beside_an_internal_snapshot(directory):
    with line("tag-internal", directory, "e", "i", start=False) as (domain, mount, held):
        path, before = tag(domain, "mine", 0x51)
        revert(mount, domain, "e1")
        rmdir(mount, domain, "i2")
        held.bytes.pop("i2")
        equal(reading.tags(path), ["mine"], "tags")
        equal(read(path, "mine"), before, "bytes of the tag")


@test
def an_overlay_without_tags_of_others_is_removed(directory):
    with line("no-tag", directory, "e", "i", start=False) as (domain, mount, held):
        path = domain.live_source("vda")[0]
        revert(mount, domain, "e1")
        rmdir(mount, domain, "i2")
        held.bytes.pop("i2")
        equal(os.path.exists(path), False, f"{path} is there")


# ---- clones that no domain has ----


@contextlib.contextmanager
def cloned(name, directory, *kinds, start, disks=None, relative=False, on="content"):
    """A domain with an image beside its files that no domain has, on the content or the overlay of e1."""
    with line(name, directory, *kinds, disks=disks, start=start) as (domain, mount, held):
        base = held.domain.snapshot_source("e1", "vda")[0] if on == "content" else domain.live_source("vda")[0]
        path = os.path.join(directory, f"{name}.clone")
        clone(path, os.path.basename(base) if relative else base)
        before = read(path)
        try:
            yield domain, mount, held, path, before
        finally:
            os.unlink(path)


def refuses_naming(mount, domain, name, path):
    refuses(mount, domain, rmdir, name)
    holds(last_log(mount, domain), f"'{path}' (no domain has it)")
    holds(last_log(mount, domain), "force")


@test
def a_clone_beside_the_base(directory):
    for start in (False, True):
        with cloned(f"beside-{start}", directory, "e", start=start) as (domain, mount, held, path, before):
            differ(before, held.live()["vda"])
            refuses_naming(mount, domain, "e1", path)
            equal(read(path), before, "bytes of the clone")
            delete(mount, domain, "e1", "force")
            held.bytes.pop("e1")
            true(read(path) != before, "force has merged under the clone")


@test
def a_clone_by_a_relative_name_of_one_of_two_disks(directory):
    with cloned("relative", directory, "e", "e", start=False, disks=BOTH, relative=True) as (
        domain, mount, held, path, before,
    ):
        refuses(mount, domain, lambda *of: delete(*of, "children"), "e1")
        holds(last_log(mount, domain), f"'{path}' (no domain has it)")
        equal(domain.snapshots(), ["e1", "e2"])
        delete(mount, domain, "e2", "")
        held.bytes.pop("e2")
        refuses_naming(mount, domain, "e1", path)
        equal(read(path), before, "bytes of the clone")
        delete(mount, domain, "e1", "merge force")
        held.bytes.pop("e1")


@test
def a_clone_of_a_clone_on_the_overlay(directory):
    with cloned("overlay", directory, "e", "e", start=False) as (domain, mount, held, first, _):
        overlay = held.domain.snapshot_source("e2", "vda")[0]
        clone(first, overlay)
        second = clone(f"{first}.2", os.path.basename(first))
        before = read(second)
        for name in ("e1", "e2"):
            with contextlib.suppress(OSError):
                delete(mount, domain, name, "merge")
                fail(f"{name} was deleted")
            equal(read(second), before, f"bytes of the second clone after a delete of {name}")
        os.unlink(second)


@test
def a_clone_of_the_old_overlay_and_of_a_dead_branch(directory):
    with cloned("dead", directory, "e", start=False, on="overlay") as (domain, mount, held, path, before):
        held.snapshot("e2", "external")
        revert(mount, domain, "e1")
        equal(read(path), before, "bytes of the clone after the revert")
        rmdir(mount, domain, "e2")
        held.bytes.pop("e2")
        holds(last_log(mount, domain), f"'{path}' (no domain has it)")
        equal(read(path), before, "bytes of the clone after the delete")


@test
def a_clone_of_an_overlay_that_a_revert_leaves(directory):
    with cloned("left", directory, "e", start=False, on="overlay") as (domain, mount, held, path, before):
        revert(mount, domain, "e1")
        equal(read(path), before, "bytes of the clone after the revert")
        holds(last_log(mount, domain), path)


@test
def a_clone_on_the_file_of_an_internal_snapshot(directory):
    with line("internal", directory, "i", start=False) as (domain, mount, held):
        path = clone(os.path.join(directory, "internal.clone"), domain.live_source("vda")[0])
        before = read(path)
        revert(mount, domain, "i1")
        equal(read(path), before, "bytes of the clone after the revert")
        held.is_live("i1")
        os.unlink(path)


@test
def images_beside_that_use_nothing(directory):
    """They prevent nothing: their backing file is another one or missing, or they are damaged."""
    with line("others", directory, "e", start=False) as (domain, mount, held):
        made = [os.path.join(directory, f"others.{number}") for number in range(4)]
        must("qemu-img", "create", "-q", "-f", "qcow2", made[0], MIB)
        clone(made[1], made[0])
        must("qemu-img", "create", "-q", "-u", "-f", "qcow2", "-F", "qcow2", "-b", "/no/such/file", made[2], MIB)
        with open(made[3], "wb") as file:
            file.write(b"QFI\xfb")
        rmdir(mount, domain, "e1")
        held.bytes.pop("e1")
        equal(domain.live_source("vda")[0], domain.disks[0].path, "the live disk is merged")
        for path in made:
            os.unlink(path)


@test
def more_files_than_are_looked_at(directory):
    with scratch() as many:
        with line("many", many, "e", start=False) as (domain, mount, held):
            for number in range(10050):
                os.close(os.open(os.path.join(many, f"x{number}"), os.O_CREAT | os.O_WRONLY))
            rmdir(mount, domain, "e1")
            held.bytes.pop("e1")
            holds(last_log(mount, domain), "more than 10000 files")


# ---- a backing file that was pulled ----


def pull(domain, mount, held, name):
    """QEMU itself reads zeros where the tag's data was in the backing file, and would revert to them."""
    before = held.bytes[name]
    domain.virsh("blockpull", domain.name, "vda", "--wait")
    held.bytes[name] = held.by_qemu(name)
    true(held.bytes[name] != before, f"QEMU reads what {name} held")
    write(domain, 5)
    held.snapshot("i9", "internal")
    write(domain, 6)
    return before


@test
def a_tag_whose_backing_file_was_pulled_and_whose_xml_names_it(directory):
    with line("pulled", directory, "e", "i") as (domain, mount, held):
        before = pull(domain, mount, held, "i2")
        equal(held.in_mount("i2"), before, "the disk of i2 in the mount")
        refuses(mount, domain, revert, "i2")


@test
def tags_whose_backing_file_was_pulled_and_that_nothing_tells_of(directory):
    with line("lost", directory, "e", "i", start=False) as (domain, mount, held):
        tagged.tag(domain.live_source("vda")[0], "mine")
        domain.start()
        pull(domain, mount, held, "i2")
        refused(errno.EIO, held.in_mount, "i2")
        refused(errno.EIO, open, mount.path("lost/unmanaged/mine/vda.raw"), "rb")
        refuses(mount, domain, revert, "i2")
        equal(held.in_mount("i9"), held.bytes["i9"], "the disk of i9 in the mount")
        revert(mount, domain, "i9")
        held.is_live("i9")


def kept(domain, kind):
    """The records of that kind which are kept of the domain."""
    try:
        with open(f"/var/lib/snapfs/{domain.uuid}.kept", encoding="utf-8") as file:
            return [line for line in file if line.startswith(f"{kind} ")]
    except FileNotFoundError:
        return []


@test
def tags_keep_the_backing_file_that_was_seen_below_them(directory):
    """A snapshot's and one of qemu-img's, in an overlay that no XML tells of; a pull of one layer, of
    all, and then the layer is removed."""
    with Domain("seen", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM, "cache=0") as mount:
        path = domain.disks[0].path
        bottom, middle = f"{path}.bottom", f"{path}.middle"
        os.rename(path, bottom)
        for below, above in ((bottom, middle), (middle, path)):
            tagged.fill(below, 1 if below == bottom else 2, MIB if below == bottom else 2 * MIB)
            clone(above, below)
        domain.write(3, 3 * MIB)
        domain.snapshot("i1")
        tagged.tag(path, "mine")
        domain.write(4, 3 * MIB)
        before = read(path, "i1")
        images = [mount.path("seen", one, "vda.raw") for one in ("by-name/i1", "unmanaged/mine")]
        os.listdir(mount.path("seen/unmanaged"))
        until(lambda: len(kept(domain, "backing")) == 2, "the backing file of two tags is kept")
        domain.start()
        os.listdir(mount.path("seen/by-name/i1"))
        until(lambda: any(bottom in line for line in kept(domain, "chain")), "the live chain is kept")
        for words in (["--base", bottom], []):
            domain.virsh("blockpull", "seen", "vda", *words, "--wait")
            true(read(path, "i1") != before and read(path, "mine") != before, "QEMU reads what they held")
            for image in images:
                equal(digest(image), before, f"{image} after a pull {words}")
            refuses(mount, domain, revert, "i1")
        os.unlink(middle)
        for image in images:
            refused(errno.EIO, open, image, "rb")
        refuses(mount, domain, revert, "i1")


# ---- a QEMU that is not libvirt's ----


@test
def a_clone_elsewhere_that_a_qemu_has_open(directory):
    for start in (False, True):
        with line(f"open-{start}", directory, "e", start=start) as (domain, mount, held), scratch() as other:
            path = clone(os.path.join(other, "clone"), domain.disks[0].path)
            before = read(path)
            with opened(path):
                if start:
                    # QEMU itself does not merge into a file that another one reads.
                    rmdir(mount, domain, "e1")
                    held.bytes.pop("e1")
                    holds(last_log(mount, domain), "not merged")
                else:
                    refuses(mount, domain, rmdir, "e1")
            equal(read(path), before, "bytes of the clone")


# ---- one file under two devices ----


@contextlib.contextmanager
def overlay(lower, directory):
    """A file system that shows the files of another directory under another device number."""
    for name in ("upper", "work", "merged"):
        os.mkdir(os.path.join(directory, name))
    merged = os.path.join(directory, "merged")
    options = f"lowerdir={lower},upperdir={directory}/upper,workdir={directory}/work"
    must("mount", "-t", "overlay", "overlay", "-o", options, merged)
    try:
        yield merged
    finally:
        must("umount", merged)


@test
def a_clone_that_names_the_base_by_another_file_system(directory):
    with line("twin", directory, "e", start=False) as (domain, mount, held), scratch() as other:
        with overlay(directory, other) as merged:
            base = os.path.join(merged, os.path.basename(domain.disks[0].path))
            true(os.stat(base).st_dev != os.stat(domain.disks[0].path).st_dev, "one device")
            with clone_on(domain, other, base, "qcow2") as clone:
                before = read(clone.disks[0].path)
                rmdir(mount, domain, "e1")
                held.bytes.pop("e1")
                equal(read(clone.disks[0].path), before, "bytes of the clone")
                holds(last_log(mount, domain), f"domain '{clone.name}'")


@test
def a_copy_on_another_file_system(directory):
    """The same name, size and time, but neither file system shows files of another."""
    with line("copy", directory, "e", start=False) as (domain, mount, held), scratch() as other:
        store = os.path.join(other, "store")
        os.mkdir(store)
        must("mount", "-t", "tmpfs", "tmpfs", store)
        base = os.path.join(store, os.path.basename(domain.disks[0].path))
        must("cp", "-p", domain.disks[0].path, base)
        with clone_on(domain, other, base, "qcow2"):
            rmdir(mount, domain, "e1")
            held.bytes.pop("e1")
            equal(domain.live_source("vda")[0], domain.disks[0].path, "the live disk is merged")


# ---- loop devices ----


@test
def a_loop_device_over_the_base(directory):
    with line("loop", directory, "e", start=False, disks={"vda": "raw"}) as (domain, mount, held):
        base = domain.disks[0].path
        device = must("losetup", "-f", "--show", "-r", base).strip()
        try:
            before = digest(device)
            rmdir(mount, domain, "e1")
            held.bytes.pop("e1")
            must("blockdev", "--flushbufs", device)
            equal(digest(device), before, "bytes of the loop device")
            holds(last_log(mount, domain), device)
        finally:
            must("losetup", "-d", device)


with scratch() as directory:
    run(directory)
