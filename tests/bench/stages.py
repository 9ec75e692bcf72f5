# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of the bench: an image or a piece of work, and the programs that take turns at it.

A turn is a function from the bench, the one whose turn it is and `note(row, value)`. In the round
that checks it compares the bytes it gets with the reference and times nothing.
"""

import contextlib
import dataclasses
import os
import subprocess
import time

import images as making
from lib.command import must

ONE_CPU = {0}


class Wrong(Exception):
    """A program shows other bytes than QEMU's."""


def seconds(work):
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


class Work:
    """The work with a shown file."""

    def __init__(self, bench):
        self.bench, self.everywhere = bench, os.sched_getaffinity(0)

    def reader(self, *arguments, cpus=None):
        pin = (lambda: os.sched_setaffinity(0, cpus)) if cpus else None
        return float(must(self.bench.reader, *arguments, seconds=600, preexec_fn=pin))

    def first(self, view):
        return self.reader("first", view.path)

    def direct(self, view):
        return self.reader("direct", view.path)

    def again(self, view):
        return self.reader("again", view.path)

    def random_1(self, view):
        view.pin(ONE_CPU)
        try:
            return self.reader("random", view.path, 1, self.bench.span, cpus=ONE_CPU)
        finally:
            view.pin(self.everywhere)

    def random_8(self, view):
        return self.reader("random", view.path, 8, self.bench.span)

    def walk(self, view):
        return self.reader("walk", view.path)

    def cp(self, view):
        def copy(target):
            drop_pages(view.path)
            return seconds(lambda: must("cp", "--sparse=auto", view.path, target, seconds=600))

        return self.to_target(copy)

    def to_target(self, copy):
        """What the second of two copies gives, each made once nothing else is still being written.
        The first one fills new pages, as the reader's first pass does."""
        path = os.path.join(self.bench.directory, "copy")
        for _ in range(2):
            os.sync()
            try:
                result = copy(path)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
        return result


def drop_pages(path):
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


# ---- whether the bytes are right ----


def same(path, reference):
    """Whole files; of a sparse one too big to read, its data and 1 MiB around."""
    if os.stat(path).st_size != os.stat(reference).st_size:
        return False
    if os.stat(reference).st_size <= 64 * making.GIB:
        return subprocess.run(["cmp", "-s", path, reference], check=False).returncode == 0
    with open(path, "rb") as ours, open(reference, "rb") as theirs:
        return all(read(ours, *one) == read(theirs, *one) for one in islands(theirs))


def islands(file):
    at = 0
    while True:
        try:
            start = os.lseek(file.fileno(), at, os.SEEK_DATA)
        except OSError:
            return
        at = os.lseek(file.fileno(), start, os.SEEK_HOLE)
        begin = max(0, start - making.MIB)
        yield begin, at + making.MIB - begin


def read(file, begin, length):
    return os.pread(file.fileno(), length, begin)


def check(view, subjects):
    for path, image in zip(view.paths, subjects):
        if not same(path, image.raw):
            raise Wrong(f"other bytes than those of {os.path.basename(image.raw)}")


# ---- stages that show files ----


def shown(name, **rows):
    """A turn that does the rows' work with the file that shows an image."""

    def turn(bench, who, note):
        image, work = bench.subject(name), Work(bench)
        with who.show([image]) as view:
            if bench.checking:
                return check(view, [image])
            if who.name == "direct":
                return note("direct", work.direct(view))
            for row, method in rows.items():
                if bench.wants(row.replace("_", "-")):
                    note(row.replace("_", "-"), method(work, view))

    return turn


def four(bench, who, note):
    """Four readers at once, of an image each."""
    subjects = bench.subject("four")
    with who.show(subjects) as view:
        if bench.checking:
            return check(view, subjects)
        read_together(bench, view)
        took = read_together(bench, view)
        note("four", sum(os.stat(path).st_size for path in view.paths) / making.MIB / took)


def read_together(bench, view):
    for path in view.paths:
        drop_pages(path)
    begin = time.monotonic()
    readers = [subprocess.Popen([bench.reader, "again", path], stdout=subprocess.DEVNULL)
               for path in view.paths]
    for one in readers:
        if one.wait() != 0:
            raise Wrong("a reader failed")
    return time.monotonic() - begin


# ---- copies without a mount ----


def copying(name, row):
    def turn(bench, who, note):
        image = bench.subject(name)
        if who.name == "snapfs":
            command = [bench.cat, "-f", "qcow2", image.path, "--output"]
        else:
            command = ["qemu-img", "convert", "-f", "qcow2", "-O", "raw", image.path]

        def copy(target):
            took = seconds(lambda: must(*command, target, seconds=600))
            if bench.checking and not same(target, image.raw):
                raise Wrong("a copy of other bytes")
            return took

        took = Work(bench).to_target(copy)
        if not bench.checking:
            note(row, took)

    return turn


# ---- opening ----


def opening(name, row):
    """With the mount running, and having listed the snapshots; a peer's process starts first."""

    def turn(bench, who, note):
        image = bench.subject(name)
        begin = time.monotonic()
        with who.show([image]) as view:
            if who.name in TREES:
                note(row, open_listed(bench, view))
            else:
                read_first_bytes(view)
                note(row, (time.monotonic() - begin) * 1e3)

    return turn


def open_listed(bench, view):
    os.listdir(os.path.dirname(os.path.dirname(view.path)))
    return float(must(bench.reader, "open", *view.paths))


def read_first_bytes(view):
    for path in view.paths:
        with open(path, "rb", buffering=0) as file:
            file.read(1)


def every_layer(bench, who, note):
    """All images of a chain, opened one after the other. The floor has the same bytes in all."""
    layers = bench.images.layers()
    if who.name in TREES:
        states = [dataclasses.replace(bench.subject("deep"), snapshot=f"s{number}")
                  for number in range(len(layers))]
        with who.show(states) as view:
            os.listdir(os.path.dirname(os.path.dirname(view.path)))
            idle = view.memory()
            note("all", open_listed(bench, view))
            note("all-memory", view.memory() - idle)
        return
    begin = time.monotonic()
    with who.show_chain(layers) as view:
        read_first_bytes(view)
        note("all", (time.monotonic() - begin) * 1e3)
        note("all-memory", view.memory())


# ---- listing ----


def listing(bench, who, note):
    """Every directory listed, every file stat'ed, every snapshot.xml read."""
    if who.name == "virsh-tree":
        note("find", seconds(lambda: making.virsh("snapshot-list", "many", "--tree")) * 1e3)
        return
    if who.name == "virsh-xml":
        commands = "".join(f"snapshot-dumpxml many s{number}\n" for number in range(bench.sizes.snapshots))
        note("find", seconds(lambda: making.virsh(text=commands)) * 1e3)
        return
    with who.show([bench.subject("many")]) as view:
        command = ["find", view.domain, "-printf", "%p %s %b\n",
                   "-name", "snapshot.xml", "-exec", "cat", "{}", "+"]
        out = []
        note("find", seconds(lambda: out.append(must(*command))) * 1e3)
        note("find-again", seconds(lambda: must(*command)) * 1e3)
        if out[0].count("<domainsnapshot>") != bench.sizes.snapshots:
            raise Wrong(f"{out[0].count('<domainsnapshot>')} documents")


@dataclasses.dataclass(frozen=True)
class Stage:
    takes: tuple  # who takes part, by name
    turn: object
    subject: str = ""  # the image it needs


# A mount that runs is all they need.
TREES = ("snapfs", "floor")
FILES = ("snapfs", "qsd", "nbdfuse")
# What shows no holes would read the whole TiB.
HOLES = ("snapfs", "qsd", "floor")

STAGES = {
    "plain": Stage(("snapfs", "direct", "qsd", "nbdfuse", "qcowmount", "floor"), shown(
        "plain", first=Work.first, again=Work.again, random_1=Work.random_1, random_8=Work.random_8,
        cp=Work.cp), "plain"),
    "deep": Stage(FILES, shown(
        "deep", deep_first=Work.first, deep_random_1=Work.random_1, deep_random_8=Work.random_8), "deep"),
    "four": Stage((*FILES, "floor"), four, "four"),
    "internal": Stage(("snapfs", "nbdfuse"), shown(
        "internal", internal_first=Work.first, internal_random_1=Work.random_1), "internal"),
    "zlib": Stage((*FILES, "qcowmount"), shown(
        "zlib", zlib_first=Work.first, zlib_random_8=Work.random_8), "zlib"),
    "zstd": Stage(FILES, shown(
        "zstd", zstd_first=Work.first, zstd_random_8=Work.random_8), "zstd"),
    "cat": Stage(("snapfs", "qemu-img"), copying("plain", "cat"), "plain"),
    "deep-cat": Stage(("snapfs", "qemu-img"), copying("deep", "deep-cat"), "deep"),
    "sparse": Stage(HOLES, shown("sparse", sparse_cp=Work.cp, sparse_walk=Work.walk), "sparse"),
    "open": Stage((*FILES, "qcowmount", "floor"), opening("plain", "open"), "plain"),
    "deep-open": Stage((*FILES, "floor"), opening("deep", "deep-open"), "deep"),
    "all": Stage(("snapfs", "qsd", "floor"), every_layer, "deep"),
    "find": Stage(("snapfs", "virsh-tree", "virsh-xml", "floor", "tmpfs"), listing, "many"),
}
