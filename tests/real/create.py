# SPDX-License-Identifier: GPL-3.0-or-later
"""The file `create`: every kind of snapshot that its words ask for, and failures that leave nothing."""

import contextlib
import errno
import os

from lib import reading
from lib.command import must
from lib.control import create, last_log
from lib.domain import MIB, SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true

# Each domain is made once for several tests, which see each other's changes.


def mode(domain, name, target="vda"):
    return "internal" if domain.is_internal(name, target) else "external"


@contextlib.contextmanager
def unchanged(domain, directory):
    """Nothing is made or lost in the block: no file, no snapshot, no other live disk."""

    def look():
        sources = [domain.live_source(disk.target) for disk in domain.disks]
        tags = [reading.tags(disk.path) for disk in domain.disks if disk.format == "qcow2"]
        return sorted(os.listdir(directory)), domain.parents(), sources, tags

    before = look()
    yield
    equal(look(), before, "files, snapshots, live disks and tags")


def refuses(mount, domain, directory, *cases):
    """Each is refused with its errno, the log says why, and nothing was done. A case: errno, words, part."""
    with unchanged(domain, directory):
        for number, words, part in cases:
            refused(number, create, mount, domain, words)
            holds(last_log(mount, domain), part)


@contextlib.contextmanager
def mounted(name, directory, disks=None, start=True, *options):
    with Domain(name, directory, disks) as domain, Mount(SYSTEM, *options) as mount:
        if start:
            domain.start()
        domain.write(0x11)
        yield domain, mount


@test
def every_kind_of_a_running_domain(directory):
    with mounted("kinds", directory) as (domain, mount):
        here = os.path.join(directory, "kinds-vda")
        create(mount, domain, "one internal description=\"two words & <more>\"")
        holds(domain.snapshot_xml("one"), "<memory snapshot='internal'/>")
        holds(domain.snapshot_xml("one"), "<description>two words &amp; &lt;more&gt;</description>")
        domain.write(0x22)
        create(mount, domain, "two disk-only atomic")
        holds(domain.snapshot_xml("two"), "<memory snapshot='no'/>")
        equal(domain.live_source("vda")[0], f"{here}.two")
        domain.write(0x33)
        create(mount, domain, "three external live")
        holds(domain.snapshot_xml("three"), f"snapshot='external' file='{here}.three.memory'")
        true(os.path.getsize(f"{here}.three.memory") > 100000, "the memory's file is empty")
        domain.write(0x44)
        memory = os.path.join(directory, "mine, really")
        create(mount, domain, f'"the fourth" memspec="file={memory.replace(",", ",,")}"')
        holds(domain.snapshot_xml("the fourth"), f"file='{memory}'")
        domain.write(0x55)
        own = os.path.join(directory, "own.overlay")
        create(mount, domain, f"five disk-only diskspec=vda,file={own} diskspec=vdb,snapshot=no")
        equal(domain.live_source("vda")[0], own)
        equal(mode(domain, "five"), "external")
        equal(reading.images(mount.path("kinds/by-name/five")), ["vda"])
        domain.write(0x66, targets=["vda"])
        create(mount, domain, "six halt disk-only")
        equal(domain.state(), "shut off")
        for target in ("vda", "vdb"):
            names = ["one", "two", "three", "the fourth"]
            check(domain, mount, directory, target, names + ["five", "six"] * (target == "vda"))
        no_document_leads_away_from_memory(mount, domain, directory, memory, f"{here}.three.memory")


def no_document_leads_away_from_memory(mount, domain, directory, memory, another):
    elsewhere = domain.snapshot_xml("the fourth").replace(memory, another)
    nowhere = domain.snapshot_xml("one").replace("<memory snapshot='internal'/>", "<memory snapshot='no'/>")
    refuses(
        mount, domain, directory,
        (errno.EBUSY, f"redefine\n{elsewhere}", "bytes of 'memory'"),
        (errno.EBUSY, f"redefine\n{nowhere}", "bytes of 'memory'"),
    )


def check(domain, mount, directory, target, names):
    """Checks that the images have the bytes that QEMU reads, and that no two are equal."""
    seen = []
    for name in names:
        expected = os.path.join(directory, "expected")
        reading.by_qemu(domain, name, target, expected)
        reading.check(mount.path(domain.name, "by-name", name, f"{target}.raw"), expected)
        with open(expected, "rb") as file:
            file.seek(MIB)
            seen.append(file.read(1))
        os.unlink(expected)
    equal(len(set(seen)), len(names), f"different bytes of {target}")


@test
def every_kind_of_one_that_is_shut_off(directory):
    with mounted("off", directory, {"vda": "qcow2", "vdb": "raw"}, start=False) as (domain, mount):
        create(mount, domain, "one external")
        equal(domain.live_source("vdb"), (os.path.join(directory, "off-vdb.one"), "qcow2"))
        domain.write(0x22)
        create(mount, domain, "two")  # both are qcow2 by now
        equal((mode(domain, "two"), mode(domain, "two", "vdb")), ("internal", "internal"))
        domain.write(0x33)
        create(mount, domain, "three disk-only")
        equal(domain.live_source("vda")[0], os.path.join(directory, "off-vda.three"))
        domain.write(0x44)
        with_files = sorted(os.listdir(directory))
        create(mount, domain, "unlisted no-metadata disk-only")
        equal(domain.parents(), {"one": None, "two": "one", "three": "two"})
        equal(domain.live_source("vda")[0], os.path.join(directory, "off-vda.unlisted"))
        equal(len(os.listdir(directory)), len(with_files) + 2, "files")
        for target in ("vda", "vdb"):
            check(domain, mount, directory, target, ["one", "two", "three"])


DOCUMENT = """<domainsnapshot>
  <name>{}</name>
  <memory snapshot='{}'/>
  <disks>
    <disk name='vda' snapshot='external'/>
    <disk name='{}' snapshot='external'><source file='{}'/></disk>
  </disks>
</domainsnapshot>"""


@test
def documents(directory):
    with mounted("document", directory) as (domain, mount):
        second = os.path.join(directory, "second")
        text = DOCUMENT.format("one", "external", domain.disks[1].path, second)
        create(mount, domain, text)
        sources = [domain.live_source(target)[0] for target in ("vda", "vdb")]
        equal(sources, [os.path.join(directory, "document-vda.one"), second])
        memory = os.path.join(directory, "document-vda.one.memory")
        holds(domain.snapshot_xml("one"), f"<memory snapshot='external' file='{memory}'/>")
        domain.write(0x22)
        create(mount, domain, DOCUMENT.format("two", "no", "vdb", f"{second}.2"))
        holds(domain.snapshot_xml("two"), "<memory snapshot='no'/>")
        equal(domain.live_source("vdb")[0], f"{second}.2")
        domain.write(0x33)
        create(mount, domain, "<domainsnapshot><name>three</name></domainsnapshot>")
        equal(mode(domain, "three"), "internal")
        there = DOCUMENT.format("four", "no", "vdb", second)
        refuses(mount, domain, directory, (errno.EEXIST, there, "there already"))
        check(domain, mount, directory, "vdb", ["one", "two", "three"])


class WithPassword(Domain):
    """A domain whose screen has a password."""

    def document(self):
        screen = "<graphics type='vnc' autoport='yes' passwd='geheim'/></devices>"
        return super().document().replace("</devices>", screen)


@test
def metadata_is_put_back(directory):
    with WithPassword("back", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM) as mount:
        for number, words in enumerate(("base", "middle external", "leaf"), 1):
            create(mount, domain, words)
            domain.write(number)
        names = ["base", "middle", "leaf"]
        kept = {name: domain.snapshot_xml(name) for name in names}
        secure = domain.virsh("snapshot-dumpxml", "back", "base", "--security-info")
        holds(secure, "geheim")
        # For a listed snapshot, parts that the document lacks are kept, and so is the current snapshot.
        changed = kept["base"].replace("</name>", "</name><description>new</description>", 1)
        create(mount, domain, f"redefine\n{changed}")
        now = domain.virsh("snapshot-dumpxml", "back", "base", "--security-info")
        holds(now, "<description>new</description>")
        equal(now.count("geheim"), secure.count("geheim"), "passwords")
        create(mount, domain, f"redefine\n{kept['leaf']}")
        equal(domain.current(), "leaf")
        # A host without records of them.
        document = os.path.join(directory, "back-again.xml")
        with open(document, "w", encoding="utf-8") as file:
            file.write(domain.virsh("dumpxml", "back", "--inactive", "--security-info"))
        domain.virsh("undefine", "back", "--snapshots-metadata")
        domain.virsh("define", document)
        refuses(mount, domain, directory, (errno.EINVAL, f"redefine\n{kept['middle']}", "parent"))
        for name in names:
            word = "redefine current" if name == "leaf" else "redefine"
            create(mount, domain, f"{word}\n{kept[name]}")
        equal(domain.parents(), {"base": None, "middle": "base", "leaf": "middle"})
        equal(domain.current(), "leaf")
        check(domain, mount, directory, "vda", names)


@test
def metadata_that_would_lose_bytes_is_refused(directory):
    qcow2 = {"vda": "qcow2"}
    with mounted("lost", directory, qcow2, False) as (domain, mount), Domain("found", directory, qcow2) as other:
        create(mount, domain, "one")
        domain.write(0x22)
        create(mount, domain, "two external")
        domain.write(0x33)
        one, two = (domain.snapshot_xml(name) for name in ("one", "two"))
        path, live = domain.disks[0].path, domain.live_source("vda")[0]
        foreign = other.disks[0].path
        note = "<revertDisks><disk name='vda' snapshot='external'/></revertDisks></domainsnapshot>"
        cases = (
            (errno.EBUSY, "redefine", one.replace(path, foreign), "bytes"),
            (errno.EBUSY, "redefine", one.replace("'internal'", "'no'"), "bytes"),
            (errno.EBUSY, "redefine", two.replace(live, foreign), "into which a delete would merge it"),
            (errno.EBUSY, "redefine current", one, "cannot be current"),
            (errno.ENOENT, "redefine", one.replace("<name>one<", "<name>nine<"), "tags"),
            (errno.ENOENT, "redefine", two.replace("<name>two<", "<name>nine<").replace(path, "/nix"), "nix"),
            (errno.EINVAL, "redefine", two.replace(domain.uuid, other.uuid), "uuid"),
            (errno.EINVAL, "redefine sideways", two, "'sideways'"),
            (errno.EBUSY, "redefine", two.replace("</domainsnapshot>", note), "revertDisks"),
        )
        refuses(mount, domain, directory,
                *((number, f"{words}\n{text}", part) for number, words, text, part in cases))
        equal((domain.snapshot_xml("one"), domain.snapshot_xml("two")), (one, two))
        equal(domain.current(), "two")


@test
def a_document_with_words_is_made_as_virsh_would(directory):
    with mounted("worded", directory, {"vda": "qcow2"}) as (domain, mount):
        disks = "<disks><disk name='vda' snapshot='external'/></disks>"
        one, two = (f"<domainsnapshot><name>{name}</name>{disks}</domainsnapshot>" for name in ("one", "two"))
        refuses(mount, domain, directory, (errno.EINVAL, one, "document disk-only"),
                (errno.EINVAL, f"document halt\n{one}", "document disk-only"))
        create(mount, domain, f"document disk-only atomic\n{one}")
        equal((mode(domain, "one"), domain.state()), ("external", "running"))
        domain.write(0x33)
        create(mount, domain, f"document halt disk-only atomic\n{two}")
        equal((mode(domain, "two"), domain.state()), ("external", "shut off"))
        check(domain, mount, directory, "vda", ["one", "two"])


@test
def words_that_cannot_be(directory):
    with mounted("words", directory, start=False) as (domain, mount):
        refuses(
            mount, domain, directory,
            (errno.EINVAL, "", "name"),
            (errno.EINVAL, "x sideways", "'sideways'"),
            (errno.EINVAL, "x disk-only internal", "exclude"),
            (errno.EINVAL, "x quiesce", "disk-only"),
            (errno.EINVAL, "x external internal", "exclude"),
            (errno.EINVAL, "x external memspec=/a", "shut off"),
            (errno.EINVAL, "x diskspec=vdz", "'vdz'"),
            (errno.EINVAL, "x disk-only diskspec=vda,snapshot=internal", "keep nothing"),
            (errno.EINVAL, f"x diskspec=vda,file={directory}/a,,b", "comma"),
            (errno.EINVAL, f'x diskspec=vda,file="{directory}/a\tb"', "control"),
            (errno.EINVAL, "x diskspec=vda,file=relative", "begin with '/'"),
            (errno.EINVAL, "x reuse-external disk-only", "diskspec="),
            (errno.EINVAL, "a,b", "comma"),
            (errno.EINVAL, "12", "digits"),
            (errno.EINVAL, 'x description="open', "nothing ends it"),
            (errno.EINVAL, f"{'x' * 201} disk-only", "201"),
            (errno.ENAMETOOLONG, f"x disk-only diskspec=vda,file={directory}/{'x' * 300}", "long"),
        )
        must("qemu-img", "snapshot", "-c", "taken", domain.disks[0].path)
        create(mount, domain, "x")
        refuses(
            mount, domain, directory,
            (errno.EEXIST, "taken", "tag"),
            (errno.EEXIST, "taken external", "tag"),
            (errno.EEXIST, "x external", "already"),
        )


@test
def a_running_domain_and_a_name_that_is_no_job_id(directory):
    """libvirt from 10.9 makes no internal snapshot of such a name; an external one it does."""
    with mounted("plain", directory, {"vda": "qcow2"}) as (domain, mount):
        if domain.libvirt() >= (10, 9):
            refuses(mount, domain, directory, (errno.EINVAL, '"a b" internal', "letters"))
        else:
            create(mount, domain, '"a b" internal')
            equal(mode(domain, "a b"), "internal")
            domain.write(0x22)
        create(mount, domain, '"c d" disk-only')
        check(domain, mount, directory, "vda", sorted(domain.parents()))


@test
def files_never_clash(directory):
    raw = {"vda": "raw"}
    with mounted("clash", directory, raw) as (domain, mount), Domain("named", directory, raw) as other:
        memory = os.path.join(directory, "memory")
        there = os.path.join(directory, "clash-vda.one")
        with open(there, "w", encoding="ascii") as file:
            file.write("someone's")
        # Named by another domain's snapshot, although it is not there.
        overlay = os.path.join(directory, "clash-vda.one-2")
        other.virsh("snapshot-create-as", "named", "s", "--disk-only",
                    "--diskspec", f"vda,file={overlay}")
        other.virsh("snapshot-create-as", "named", "t", "--disk-only")
        os.rename(overlay, f"{overlay}.away")
        refuses(
            mount, domain, directory,
            (errno.EEXIST, f"x memspec={there}", "there already"),
            (errno.EEXIST, f"x disk-only diskspec=vda,file={there}", "there already"),
            (errno.EEXIST, f"x memspec={overlay}", "another snapshot"),
            (errno.EEXIST, f"x disk-only diskspec=vda,file={overlay}", "another snapshot"),
            (errno.EEXIST, f"x memspec={memory} diskspec=vda,file={memory}", "twice"),
        )
        create(mount, domain, "one")
        equal(domain.live_source("vda")[0], os.path.join(directory, "clash-vda.one-3"))
        holds(last_log(mount, domain), "external")
        with open(there, encoding="ascii") as file:
            equal(file.read(), "someone's")
        os.rename(f"{overlay}.away", overlay)


@test
def files_that_are_used_again(directory):
    qcow2 = {"vda": "qcow2"}
    with mounted("again", directory, qcow2) as (domain, mount), Domain("neighbour", directory, qcow2) as other:
        ready = os.path.join(directory, "ready")
        words = "x disk-only reuse-external diskspec=vda,file="
        refuses(mount, domain, directory, (errno.ENOENT, words + ready, "not there"))
        overlay(ready, other.disks[0].path)
        refuses(
            mount, domain, directory,
            (errno.EINVAL, words + ready, "backing file"),
            (errno.EBUSY, words + other.disks[0].path, "neighbour"),
            (errno.EBUSY, words + domain.disks[0].path, "again"),
        )
        overlay(ready, domain.disks[0].path)
        create(mount, domain, words + ready)
        equal(domain.live_source("vda")[0], ready)
        domain.write(0x22)
        create(mount, domain, "y")
        check(domain, mount, directory, "vda", ["x", "y"])


def overlay(path, below):
    must("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", below, path)


@test
def a_failure_leaves_nothing(directory):
    full = os.path.join(directory, "full")
    os.mkdir(full)
    must("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", full)
    try:
        with mounted("fails", directory) as (domain, mount):
            nowhere = f"diskspec=vdb,file={directory}/nowhere/x"
            filled = f"x disk-only diskspec=vdb,file={full}/x"
            refuses(
                mount, domain, directory,
                (errno.ENOSPC, f"x memspec={full}/memory", "No space"),
                (errno.ENOENT, f"x disk-only {nowhere}", "nowhere"),
            )
            with open(os.path.join(full, "rest"), "wb") as file, contextlib.suppress(OSError):
                file.write(bytes(1 << 20))
            refuses(mount, domain, directory, (errno.ENOSPC, filled, "No space"))
            domain.destroy()
            refuses(
                mount, domain, directory,
                (errno.EIO, f"x disk-only {nowhere}", "nowhere"),
                (errno.ENOSPC, filled, "No space"),
            )
            equal(os.listdir(full), ["rest"])
    finally:
        must("umount", full)


@test
def a_full_state_directory_is_named(directory):
    with mounted("unkept", directory) as (domain, mount):
        must("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/var/lib/snapfs")
        try:
            with open("/var/lib/snapfs/rest", "wb") as file, contextlib.suppress(OSError):
                file.write(bytes(1 << 20))
            said = f"'/var/lib/snapfs/{domain.uuid}': No space left on device; free some space"
            refuses(mount, domain, directory, (errno.ENOSPC, "x disk-only", said))
        finally:
            must("umount", "/var/lib/snapfs")


class Odd(Domain):
    """A domain whose first disk is a volume of a pool, the second a device."""

    device = None

    def document(self):
        first, second = (disk.path for disk in self.disks)
        text = super().document()
        for path, type, source in (
            (first, "volume", f"pool='odd' volume='{os.path.basename(first)}'"),
            (second, "block", f"dev='{self.device}'"),
        ):
            before, after = text.split(f"<source file='{path}'/>")
            at = before.rindex("type='file'")
            text = f"{before[:at]}type='{type}'{before[at + 11:]}<source {source}/>{after}"
        return text


@test
def a_guest_that_stays_paused_over_a_save_is_to_be_resumed_first(directory):
    """QEMU saves no memory of it, or, from 10 on, no tag. No other kind of snapshot is made in its place."""
    with mounted("still", directory) as (domain, mount):
        domain.virsh("suspend", "still")
        create(mount, domain, "e1 external")
        with unchanged(domain, directory):
            refused(errno.EBUSY, create, mount, domain, "e2 external")
            holds(last_log(mount, domain), "virsh resume")
        if domain.libvirt() >= (11, 3):
            with unchanged(domain, directory):
                for words in ("i1 internal", "i1"):
                    refused(errno.EBUSY, create, mount, domain, words)
                    holds(last_log(mount, domain), "virsh resume")
        domain.virsh("resume", "still")
        create(mount, domain, "e2 external")
        create(mount, domain, "i3 internal")
        equal(domain.parents(), {"e1": None, "e2": "e1", "i3": "e2"}, "snapshots")


@test
def disks_that_are_no_files_need_a_path(directory):
    with open(os.path.join(directory, "device"), "wb") as file:
        file.truncate(16 * MIB)
    must("virsh", "-q", "-c", SYSTEM, "pool-create-as", "odd", "dir", "--target", directory)
    Odd.device = must("losetup", "-f", "--show", file.name).strip()
    try:
        with Odd("odd", directory, {"vda": "qcow2", "vdb": "raw"}) as domain, Mount(SYSTEM) as mount:
            domain.virsh("pool-refresh", "odd")
            domain.start()
            first = f"{directory}/odd-first"
            for words, part in (
                ("x disk-only", "diskspec=vdb,file="),
                (f"x disk-only diskspec=vda,file={first}", "diskspec=vdb,file="),
            ):
                before = sorted(os.listdir(directory))
                refused(errno.EOPNOTSUPP, create, mount, domain, words)
                holds(last_log(mount, domain), part)
                equal(sorted(os.listdir(directory)), before)
            device = f"x disk-only diskspec=vda,snapshot=no diskspec=vdb,stype=block,file={Odd.device}"
            refused(errno.EBUSY, create, mount, domain, device)
            holds(last_log(mount, domain), "it is used by the live disk")
            create(mount, domain, f"x disk-only diskspec=vda,file={first} "
                                  f"diskspec=vdb,file={directory}/odd-second")
            equal(domain.parents(), {"x": None})
            domain.destroy()
    finally:
        must("losetup", "-d", Odd.device)
        must("virsh", "-q", "-c", SYSTEM, "pool-destroy", "odd")


@test
def mkdir_does_what_the_option_says(directory):
    option = "create=disk-only:atomic:description=by mkdir"
    with mounted("option", directory, {"vda": "qcow2"}, True, option) as (domain, mount):
        os.mkdir(mount.path("option/snapshots/one"))
        holds(domain.snapshot_xml("one"), "<description>by mkdir</description>")
        equal(mode(domain, "one"), "external")
        domain.write(0x22)
        create(mount, domain, "two internal")  # the words of `create` are its own
        equal(mode(domain, "two"), "internal")
        check(domain, mount, directory, "vda", ["one", "two"])


with scratch() as directory:
    run(directory)
