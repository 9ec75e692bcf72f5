# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot whose images are open is not deleted, and the log names the programs that have them open."""

import concurrent.futures
import errno
import fcntl
import mmap
import os
import subprocess
import time

from lib.command import attempt, must
from lib.control import write
from lib.domain import MIB, SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.wait import until
from lib.watch import clone_on, rmdir


class Line:
    """A domain with snapshots in a line, and its mount."""

    def __init__(self, name, directory, kinds, *options, start=True, disks=None):
        self.domain = Domain(name, directory, disks or {"vda": "qcow2"})
        self.mount = Mount(SYSTEM, f"domain={name}", *options)
        self.kinds, self.start = kinds, start

    def __enter__(self):
        self.domain.__enter__()
        if self.start:
            self.domain.start()
        for number, (name, kind) in enumerate(self.kinds.items(), 1):
            self.domain.write(number, number * MIB)
            self.domain.snapshot(name, kind)
        self.mount.__enter__()
        return self

    def __exit__(self, *what):
        self.mount.__exit__(*what)
        self.domain.__exit__(*what)

    def image(self, name, file="vda.raw"):
        return self.mount.path(self.domain.name, "by-name", name, file)

    def delete(self, name, words=""):
        write(self.mount.path(self.domain.name, "by-name", name, "delete"), f"{words}\n")

    def last(self):
        with open(self.mount.path(self.domain.name, "log"), encoding="utf-8") as log:
            return log.read().splitlines()[-1]

    def is_busy(self, *parts, words=None, name):
        """The delete is EBUSY, and its line in the log holds all of that."""
        if words is None:
            refused(errno.EBUSY, rmdir, self.mount, self.domain, name)
        else:
            refused(errno.EBUSY, self.delete, name, words)
        for part in ("EBUSY", *parts):
            holds(self.last(), part, "the log's last line")
        holds(self.mount.said(), self.last().split(" EBUSY")[1], "the program's log")


@test
def an_open_image_by_each_word(directory):
    with Line("words", directory, {"e1": "external", "e2": "external"}) as line:
        with open(line.image("e2"), "rb"):
            line.is_busy(f"pid {os.getpid()} (python3)", "'vda.raw' of snapshot 'e2'", name="e2")
            for words in ("merge", "metadata"):
                line.is_busy("'vda.raw' of snapshot 'e2'", words=words, name="e2")
            for words in ("children", "children-only"):
                line.is_busy("'vda.raw' of snapshot 'e2'", words=words, name="e1")
            equal(line.domain.snapshots(), ["e1", "e2"])
        rmdir(line.mount, line.domain, "e2")
        equal(line.domain.snapshots(), ["e1"])


@test
def each_kind_of_image(directory):
    kinds = {"i1": "internal", "e1": "external", "m1": "memory"}
    with Line("kinds", directory, kinds) as line:
        for name, file in (("i1", "vda.raw"), ("i1", "memory"), ("m1", "memory"), ("m1", "vda.raw")):
            with open(line.image(name, file), "rb"):
                line.is_busy(f"'{file}'", "python3", words="merge", name=name)
        equal(line.domain.snapshots(), sorted(kinds))


@test
def a_close_on_its_way(directory):
    with Line("closing", directory, {"e1": "external"}) as line:
        for _ in range(3):
            reader = subprocess.Popen(["cat", line.image("e1")], stdout=subprocess.DEVNULL)
            reader.wait()
        rmdir(line.mount, line.domain, "e1")
    with Line("sleeping", directory, {"e1": "external"}) as line:
        reader = subprocess.Popen(["sh", "-c", 'exec 3<"$0"; echo; sleep 0.4', line.image("e1")], stdout=subprocess.PIPE)
        reader.stdout.readline()
        rmdir(line.mount, line.domain, "e1")
        reader.wait()
        equal(line.domain.snapshots(), [])


@test
def force_deletes_and_the_reader_gets_estale(directory):
    kinds = {"i1": "internal", "e1": "external", "e2": "external"}
    with Line("forced", directory, kinds) as line:
        for name, words in (("e1", "merge force"), ("e2", "force"), ("i1", "force")):
            with open(line.image(name), "rb", 0) as file:
                file.read(512)
                line.delete(name, words)
                refused(errno.ESTALE, os.pread, file.fileno(), 512, 0)
                refused(errno.ESTALE, os.pread, file.fileno(), 512, 8 * MIB)
        equal(line.domain.snapshots(), [])
    with Line("forgotten", directory, {"e1": "external"}) as line:
        with open(line.image("e1"), "rb", 0) as file:
            line.delete("e1", "metadata force")
            refused(errno.ESTALE, os.pread, file.fileno(), 512, 0)


@test
def an_image_that_is_mapped(directory):
    """No descriptor of it is left: the log names the process that opened it."""
    with Line("mapped", directory, {"e1": "external"}) as line:
        with open(line.image("e1"), "rb") as file:
            mapped = mmap.mmap(file.fileno(), MIB, prot=mmap.PROT_READ)
        # Python's mmap keeps a descriptor of its own.
        line.is_busy(f"pid {os.getpid()}", name="e1")
        mapped.close()
        rmdir(line.mount, line.domain, "e1")


@test
def a_loop_device_and_its_mountpoint(directory):
    with Line("loop", directory, {"e1": "external", "e2": "external"}, start=False) as line:
        device = must("losetup", "-r", "-f", "--show", line.image("e1")).strip()
        point = os.path.join(directory, "mounted")
        os.mkdir(point)
        try:
            line.is_busy(device, words="merge", name="e1")
            true("mounted on" not in line.last(), f"mounted: {line.last()}")
            line.delete("e2", "merge")
        finally:
            must("losetup", "-d", device)
        rmdir(line.mount, line.domain, "e1")


@test
def a_file_system_on_a_loop_device(directory):
    with Domain("fs", directory, {"vda": "raw"}) as domain:
        path = domain.disks[0].path
        must("mkfs.ext4", "-q", path)
        domain.snapshot("e1", "external")
        with Mount(SYSTEM, "domain=fs") as mount:
            point = os.path.join(directory, "a b")
            os.mkdir(point)
            must("mount", "-o", "loop,ro,noload", mount.path("fs/by-name/e1/vda.raw"), point)
            try:
                refused(errno.EBUSY, rmdir, mount, domain, "e1")
                with open(mount.path("fs/log"), encoding="utf-8") as log:
                    holds(log.read().splitlines()[-1], "/dev/loop")
                with open(mount.path("fs/log"), encoding="utf-8") as log:
                    holds(log.read().splitlines()[-1], f"mounted on '{point}'")
            finally:
                must("umount", point)
            rmdir(mount, domain, "e1")


@test
def a_clone_that_runs(directory):
    """It is named, with its QEMU, by a delete that meets its open image."""
    with Line("base", directory, {"e1": "external", "e2": "external"}, start=False) as line:
        below = os.path.join(directory, "below")
        os.mkdir(below)
        with clone_on(line.domain, below, line.image("e2"), "raw") as clone:
            clone.start()
            with open(f"/run/libvirt/qemu/{clone.name}.pid", encoding="ascii") as pid:
                line.is_busy(f"domain '{clone.name}', pid {pid.read().strip()} (qemu-system-x86", words="merge", name="e2")
            clone.destroy()
            line.is_busy(f"domain '{clone.name}'", words="merge", name="e2")
        line.delete("e2", "merge")


MARKS = "/run/snapfs"


def marks():
    return [name for name in os.listdir(MARKS) if name.startswith("open-")]


@test
def an_image_that_is_open_through_another_mount(directory):
    with Line("other", directory, {"e1": "external", "e2": "external"}) as line:
        with Mount(SYSTEM, "domain=other", "ro", "flat") as other:
            path = other.path("other/by-name/e1/vda.raw")
            with open(path, "rb") as file, open(line.image("e2"), "rb"):
                line.is_busy(f"pid {os.getpid()} (python3)", "'vda.raw'", words="merge", name="e1")
                equal(len(marks()), 2, "marks")
            with open(path, "rb"):
                os.close(os.open(path, os.O_RDONLY))
                line.is_busy("python3", words="merge", name="e1")
                line.delete("e1", "merge force")
            device = must("losetup", "-r", "-f", "--show", other.path("other/by-name/e2/vda.raw")).strip()
            try:
                line.is_busy(device, words="merge", name="e2")
            finally:
                must("losetup", "-d", device)
            rmdir(line.mount, line.domain, "e2")
            equal(marks(), [], "marks")


@test
def an_open_through_a_mount_that_was_killed(directory):
    with Line("killed", directory, {"e1": "external"}) as line:
        other = Mount(SYSTEM, "domain=killed")
        with other:
            with open(other.path("killed/by-name/e1/vda.raw"), "rb"):
                other.process.kill()
                other.process.wait()
                rmdir(line.mount, line.domain, "e1")
            must("umount", other.point)
            other.mounted = False
            other.process = subprocess.Popen(["true"])
        equal(marks(), [], "marks")


def read_once(path):
    with open(path, "rb") as file:
        return len(file.read(512))


def mark_of(path):
    """The name of the file that an open image of the snapshot has beside the others' marks."""
    with open(path, "rb"):
        (name,) = marks()
    until(lambda: not marks(), "the mark goes with the close")
    return os.path.join(MARKS, name)


@test
def a_mark_that_cannot_be_had(directory):
    """Neither an open nor a delete ignores it."""
    with Line("unmarked", directory, {"e1": "external"}) as line:
        mark = mark_of(line.image("e1"))
        os.mkdir(mark)
        refused(errno.EISDIR, read_once, line.image("e1"))
        line.is_busy("cannot find out whether an image of snapshot 'e1' is open", os.path.basename(mark), name="e1")
        os.rmdir(mark)
        equal(read_once(line.image("e1")), 512)
        rmdir(line.mount, line.domain, "e1")


@test
def a_close_that_takes_its_time(directory):
    """The close of a snapshot's last image has the lock alone; an open waits for it, but not for a delete."""
    with Line("slowly", directory, {"e1": "external"}) as line, concurrent.futures.ThreadPoolExecutor(1) as thread:
        mark = mark_of(line.image("e1"))
        with open(mark, "wb") as closer:
            fcntl.flock(closer, fcntl.LOCK_EX)
            outcome = thread.submit(read_once, line.image("e1"))
            true(not concurrent.futures.wait([outcome], 0.2).done, "the open does not wait")
        equal(outcome.result(), 512)
        with open(mark, "wb", 0) as deleter:
            fcntl.flock(deleter, fcntl.LOCK_EX)
            deleter.write(b"deleting\n")
            refused(errno.EBUSY, read_once, line.image("e1"))
            holds(line.last(), "the snapshot 'e1' is being deleted")


with scratch() as directory:
    run(directory)
