# SPDX-License-Identifier: GPL-3.0-or-later
"""`unmanaged`: the tags in a domain's files that libvirt does not know, each the bytes of its id."""

import contextlib
import errno
import os
import re
import shutil

from lib import preset, tagged
from lib.command import must
from lib.mount import Mount
from lib.opens import Opens
from lib.preset import Domain, Snapshot
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.wait import until

MARK = re.compile(r"~[0-9a-f]{16}$")
ODD = {
    "a/b": "a%2Fb",
    "info": "%69nfo",
    ".x": "%2Ex",
    "tab\there": "tab%09here",
    "x.raw": "x%2Eraw",
    "50%": "50%25",
    "grün": "grün",
    "two words": "two words",
}


class Stage:
    """The domain `web01` with the disks vda and vdb and, in both, the snapshot `kept`; a mount of it."""

    def __init__(self, directory):
        self.directory = directory
        self.domain = Domain("web01", Snapshot("kept", current=True), disks=("vda", "vdb"),
                             directory=directory, running=False)
        self.bare = Domain("bare", directory=directory, running=False)

    def file(self, target):
        return self.domain.image(target)

    def write(self):
        return preset.write(os.path.join(self.directory, "node.xml"), self.domain, self.bare)

    def path(self, *parts):
        return self.mount.path("web01/unmanaged", *parts)

    def list(self):
        return sorted(os.listdir(self.path()))

    def bytes(self, target, number, path=None):
        out = os.path.join(self.directory, "out")
        return tagged.by_id(path or self.file(target), number, out)

    def info(self, name):
        with open(self.path(name, "info"), encoding="utf-8") as file:
            return file.read()


@contextlib.contextmanager
def stage(*options, base=False):
    with scratch() as directory:
        one = Stage(directory)
        for target in one.domain.disks:
            if base:
                tagged.create(one.file(target) + ".base")
                tagged.create(one.file(target), base=one.file(target) + ".base")
                tagged.tag(one.file(target), "kept")
            else:
                shutil.copy(FIRST, one.file(target))
        with Mount(one.write(), *(options or ("cache=0",))) as one.mount:
            yield one


@test
def without_tags_it_is_empty():
    with stage() as one:
        equal(one.list(), [], "tags, where there are snapshots alone")
        equal(os.listdir(one.mount.path("bare/unmanaged")), [], "tags of files that are not there")


@test
def a_name_is_a_directory_with_each_disk_that_has_it():
    with stage() as one:
        both = [tagged.tag(one.file(target), "both", pattern)
                for target, pattern in (("vda", 0x11), ("vdb", 0x12))]
        alone = tagged.tag(one.file("vdb"), "alone", 0x13)
        equal(one.list(), ["alone", "both"])
        equal(sorted(os.listdir(one.path("both"))), ["info", "vda.raw", "vdb.raw"])
        equal(sorted(os.listdir(one.path("alone"))), ["info", "vdb.raw"])
        expected = {
            one.path("both/vda.raw"): one.bytes("vda", both[0]),
            one.path("both/vdb.raw"): one.bytes("vdb", both[1]),
            one.path("alone/vdb.raw"): one.bytes("vdb", alone),
        }
        tagged.check(expected, expected)


@test
def stat_tells_the_tags_time_and_the_disks_size_then():
    with stage() as one:
        number = tagged.tag(one.file("vda"), "small", 0x11)
        must("qemu-img", "resize", "-q", one.file("vda"), "4M")
        later = tagged.tag(one.file("vda"), "large", 0x12)
        for name, size, which in (("small", 1 << 20, number), ("large", 4 << 20, later)):
            image, directory = os.stat(one.path(name, "vda.raw")), os.stat(one.path(name))
            equal(image.st_size, size, f"size of {name}")
            equal(image.st_mtime, tagged.date(one.file("vda"), which), f"time of {name}")
            equal(directory.st_mtime, image.st_mtime, "time of the directory")
            equal((image.st_mode & 0o7777, directory.st_mode & 0o7777), (0o400, 0o755))
            with open(one.path(name, "vda.raw"), "rb") as file:
                equal(len(file.read()), size, f"bytes read of {name}")


@test
def inode_numbers_are_the_tags():
    with stage() as one:
        tagged.tag(one.file("vda"), "again", 0x11)
        tagged.tag(one.file("vda"), "other", 0x12)
        inodes = {name: (os.stat(one.path(name)).st_ino, os.stat(one.path(name, "vda.raw")).st_ino)
                  for name in one.list()}
        true(len({*inodes["again"], *inodes["other"]}) == 4, f"{inodes} are not four")
        with Mount(one.mount.uri, "cache=0") as second:
            for name, (directory, image) in inodes.items():
                equal(os.stat(second.path("web01/unmanaged", name)).st_ino, directory)
                equal(os.stat(second.path("web01/unmanaged", name, "vda.raw")).st_ino, image)
        tagged.untag(one.file("vda"), "again")
        tagged.tag(one.file("vda"), "again", 0x13)
        anew = (os.stat(one.path("again")).st_ino, os.stat(one.path("again/vda.raw")).st_ino)
        true(not set(anew) & set(inodes["again"]), "a tag made again has the old one's numbers")


@test
def names_are_coded_as_snapshots_are():
    with stage() as one:
        expected = {}
        for pattern, (name, coded) in enumerate(ODD.items(), 0x20):
            number = tagged.tag(one.file("vda"), name, pattern)
            expected[one.path(coded, "vda.raw")] = one.bytes("vda", number)
        equal(one.list(), sorted(ODD.values()))
        tagged.check(expected, expected)
        refused(errno.ENOENT, os.stat, one.path("a%2fb"))
        long = tagged.tag(one.file("vda"), "%" * 200, 0x40)
        (cut,) = set(one.list()) - set(ODD.values())
        true(len(cut) <= 255, f"{len(cut)} bytes")
        tagged.check({one.path(cut, "vda.raw"): 0}, {one.path(cut, "vda.raw"): one.bytes("vda", long)})


@test
def equal_names_have_marks_that_stay():
    with stage() as one:
        ids = [tagged.tag(one.file("vda"), "same", pattern) for pattern in (0x11, 0x12, 0x13)]
        nameless = tagged.tag(one.file("vda"), "", 0x14)
        number = tagged.tag(one.file("vda"), ids[0], 0x15)  # its name is the id of another tag
        names = one.list()
        marked = [name for name in names if name.startswith("same~")]
        equal(len(marked), 2, "tags with a mark")
        (empty,) = [name for name in names if name.startswith("~")]
        equal(sorted(names), sorted(["same", ids[0], empty, *marked]))
        for name in (*marked, empty):
            true(MARK.search(name), f"'{name}' ends in no mark")
        by_name = {name: content(one.path(name, "vda.raw")) for name in names}
        equal(by_name["same"], one.bytes("vda", ids[0]), "the first")
        equal(by_name[ids[0]], one.bytes("vda", number), "the one called as another's id")
        equal(by_name[empty], one.bytes("vda", nameless), "the nameless one")
        equal({by_name[name] for name in marked}, {one.bytes("vda", i) for i in ids[1:]}, "the rest")
        for name in (*marked, empty):
            holds(one.info(name), "Tag vda:        id ")
        tagged.untag(one.file("vda"), "same")  # QEMU takes the first of them
        (left,) = [name for name in one.list() if name.startswith("same~")]
        equal(content(one.path(left, "vda.raw")), by_name[left], "what keeps its mark")
        equal(content(one.path("same/vda.raw")), by_name[(set(marked) - {left}).pop()], "the next")


def content(path):
    with open(path, "rb") as file:
        return file.read()


@test
def a_namesake_of_a_snapshot_in_its_file_has_a_mark():
    with stage() as one:
        other = tagged.tag(one.file("vda"), "kept", 0x11)
        (name,) = one.list()
        true(name.startswith("kept~") and MARK.search(name), name)
        equal(content(one.path(name, "vda.raw")), one.bytes("vda", other))
        equal(sorted(os.listdir(one.path(name))), ["info", "vda.raw"])


@test
def every_file_of_a_chain_is_looked_at():
    with stage(base=True) as one:
        base = one.file("vda") + ".base"
        below = tagged.tag(base, "same", 0x11)
        deep = tagged.tag(base, "deep", 0x12)
        above = tagged.tag(one.file("vda"), "same", 0x13)
        (marked,) = [name for name in one.list() if MARK.search(name)]
        equal(one.list(), sorted(["deep", "same", marked]))
        expected = {
            one.path("same/vda.raw"): one.bytes("vda", above),
            one.path(marked, "vda.raw"): one.bytes("vda", below, base),
            one.path("deep/vda.raw"): one.bytes("vda", deep, base),
        }
        tagged.check(expected, expected)


@test
def a_file_that_libvirt_does_not_name_is_not_looked_at():
    with stage(base=True) as one, scratch() as elsewhere:
        base = os.path.join(elsewhere, "base")
        tagged.create(base)
        tagged.tag(base, "secret", 0x11)
        must("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", base, one.file("vda"))
        equal(one.list(), [])
        with Mount(one.mount.uri, f"allow={elsewhere}") as mount:
            equal(os.listdir(mount.path("web01/unmanaged")), ["secret"])


@test
def nothing_is_read_before_someone_looks():
    with stage() as one:
        base, unmanaged = one.file("vda") + ".base", one.mount.path("bare/unmanaged")
        tagged.create(base)
        tagged.tag(base, "tag", 0x11)
        tagged.create(one.bare.image("vda"), base=base)
        with Opens(base) as opens:
            must("find", one.mount.path("bare"), "-path", unmanaged, "-ls", "-prune", "-o", "-ls")
            os.listdir(one.mount.path("bare"))
            true(not opens.any(), "the file was opened before")
            equal(os.listdir(unmanaged), ["tag"])
            true(opens.any(), "nobody has opened the file")


@test
def a_reader_of_a_tag_that_goes_gets_estale():
    with stage("cache=60") as one:
        number = tagged.tag(one.file("vda"), "gone", 0x11)
        before = one.bytes("vda", number)
        with open(one.path("gone/vda.raw"), "rb", buffering=0) as image:
            equal(os.pread(image.fileno(), 4096, 0), before[:4096], "its bytes")
            os.posix_fadvise(image.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            tagged.untag(one.file("vda"), "gone")
            anew = tagged.tag(one.file("vda"), "gone", 0x12)
            equal(anew, number, "the id is used again")
            refused(errno.ESTALE, os.pread, image.fileno(), 4096, 512 << 10)
        # The catalog is 60 s old; the old name must not give the bytes of the new tag.
        until(lambda: content(one.path("gone/vda.raw")) == one.bytes("vda", anew), "the new one")


@test
def a_tag_that_cannot_be_read_is_listed_and_info_says_why():
    with stage() as one:
        tagged.tag(one.file("vda"), "damaged", 0x11)
        with open(one.file("vda"), "r+b") as file:
            table = int.from_bytes(file.read(72)[64:72], "big")
            file.seek(table)
            entries = file.read(4096)
            at = entries.index(b"damaged") - 1 - 24 - 40  # its id is one digit; three numbers of extra data
            equal(entries[at + 36 : at + 40], (24).to_bytes(4, "big"), "an entry begins there")
            file.seek(table + at)
            file.write((1 << 40).to_bytes(8, "big"))  # its L1 table lies past the file's end
        equal(sorted(os.listdir(one.path("damaged"))), ["info", "vda.raw"])
        true(os.stat(one.path("damaged/vda.raw")).st_size > 0, "its size is 0")
        holds(one.info("damaged"), "Disk vda:       cannot be read: E")
        try:
            open(one.path("damaged/vda.raw"), "rb").close()
            true(False, "it is opened")
        except OSError as error:
            true(error.errno in (errno.EIO, errno.EINVAL), str(error))


@test
def info_says_what_is_known():
    with stage() as one:
        number = tagged.tag(one.file("vda"), "one\x01two", 0x11)
        text = one.info("one%01two")
        equal(os.stat(one.path("one%01two/info")).st_size, len(text.encode()), "its length")
        for line in ("Name:           one?two\n", "Domain:         web01\n", "Metadata:       no\n",
                     "Disks:          vda\n", "Disk vda:       internal, 1048576 bytes\n",
                     f"Tag vda:        id {number}, 2", f"in '{one.file('vda')}'\n"):
            holds(text, line)


@test
def nothing_can_be_changed_in_it():
    with stage() as one:
        tagged.tag(one.file("vda"), "tag", 0x11)
        before = tagged.table(one.file("vda"))
        for path in (one.path("new"), one.path("tag/new")):
            refused(errno.EPERM, os.mkdir, path)
            refused(errno.EROFS, os.open, path, os.O_CREAT | os.O_WRONLY)
        for path in (one.path(), one.path("tag")):
            refused(errno.EPERM, os.rmdir, path)
        for name in ("vda.raw", "info"):
            refused(errno.EROFS, os.unlink, one.path("tag", name))
            refused(errno.EROFS, os.open, one.path("tag", name), os.O_WRONLY)
            refused(errno.EROFS, os.truncate, one.path("tag", name), 0)
        refused(errno.EPERM, os.rename, one.path("tag"), one.path("other"))
        refused(errno.EROFS, os.rename, one.path("tag/vda.raw"), one.path("tag/vdb.raw"))
        equal(tagged.table(one.file("vda")), before, "the table of tags")
        equal(one.list(), ["tag"])


@test
def archivers_read_it():
    with stage("cache=1") as one:
        for pattern in (0x11, 0x12):
            tagged.tag(one.file("vda"), "same", pattern)
        copy = os.path.join(one.directory, "copy")
        must("cp", "-a", one.mount.path("web01"), copy)
        must("find", one.mount.point, "-ls")
        must("tar", "-C", one.mount.point, "-cf", os.path.join(one.directory, "tar"), ".")
        must("diff", "-r", one.path(), os.path.join(copy, "unmanaged"))


@test
def only_so_many_are_shown_and_info_says_that_there_are_more():
    shown = 4096
    with stage() as one:
        tagged.tag(one.file("vda"), "tag", 0x11)
        entries = multiply(one.file("vda"), b"tag", shown + 5)
        equal(len(tagged.table(one.file("vda"))), entries + 2, "tags that QEMU sees")
        with Mount(one.mount.uri, "cache=60") as mount:
            names = os.listdir(mount.path("web01/unmanaged"))
            equal(len(names), shown, "tags shown")
            with open(mount.path("web01/unmanaged", names[0], "info"), encoding="ascii") as info:
                holds(info.read(), f"Not shown:      {entries + 1 - shown}\n")


def multiply(path, name, count):
    """Puts a new table into a file that has the entry of one tag again, under other ids."""
    with open(path, "r+b") as file:
        header = file.read(72)
        number, table = int.from_bytes(header[60:64], "big"), int.from_bytes(header[64:72], "big")
        file.seek(table)
        entries = file.read(4096)
        at = entries.index(name) - 1 - 24 - 40
        old, fixed, extra = entries[:at], entries[at : at + 40], entries[at + 40 : at + 64]
        equal(number, 2, "tags in the file")
        new = old + entries[at:].rstrip(b"\0")
        for one in range(1000, 1000 + count):
            new += b"\0" * (-len(new) % 8)
            new += fixed[:12] + (4).to_bytes(2, "big") + fixed[14:] + extra + str(one).encode() + name
        end = file.seek(0, os.SEEK_END)
        place = end + -end % 65536
        file.seek(place)
        file.write(new + b"\0" * (-len(new) % 65536))
        file.seek(60)
        file.write((number + count).to_bytes(4, "big") + place.to_bytes(8, "big"))
    return count


with scratch() as first:
    FIRST = os.path.join(first, "disk")
    tagged.create(FIRST)
    tagged.tag(FIRST, "kept", 1)
    run()
