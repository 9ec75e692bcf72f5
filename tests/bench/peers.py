# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that show an image as a file: snapfs, its peers with their best settings, and the floors.

Each has a name; `lacks()`, what keeps it from running here, or None; `version()`; and
`show(images)`, a context with a View.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from lib.command import attempt, must
from lib.domain import SYSTEM
from lib.mount import SNAPFS, Mount, mount_line

START_SECONDS = 20
# Above QEMU's largest buffer: else each one is mapped and unmapped again.
TUNED = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20)}


class Failed(Exception):
    """A peer that does not work here."""


class View:
    """Files that show images, and the processes that serve them."""

    def __init__(self, paths, pids):
        self.paths, self.pids = paths, pids

    @property
    def path(self):
        return self.paths[0]

    @property
    def domain(self):
        """The directory of the first image's domain, where there is a tree of them."""
        return str(pathlib.PurePath(self.path).parents[2])

    def pin(self, cpus):
        """Every thread of the servers runs on these processors alone."""
        for pid in self.pids:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(int(thread), cpus)

    def memory(self):
        """MiB that the servers' processes take, shared pages in parts."""
        total = 0
        for pid in self.pids:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                total += int(re.search(r"^Pss: +(\d+)", file.read(), re.MULTILINE).group(1))
        return total / 1024


def until(condition, what):
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"{what} did not come to be")
        time.sleep(0.0002)


def filled(path):
    """Whether a file is there and has a size."""
    try:
        return os.stat(path).st_size > 0
    except OSError:
        return False


@contextlib.contextmanager
def process(*command, environment=None):
    """A program that runs until the end of the block."""
    one = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, env=dict(os.environ, **(environment or {})))
    try:
        yield one
    finally:
        one.terminate()
        try:
            one.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            one.kill()
            one.wait()


@contextlib.contextmanager
def place(*files):
    """A directory with empty files, in which nothing is mounted afterwards."""
    directory = tempfile.mkdtemp(prefix="snapfs-bench-")
    for name in files:
        with open(os.path.join(directory, name), "wb"):
            pass
    try:
        yield directory
    finally:
        for path in [*(os.path.join(directory, name) for name in files), directory]:
            attempt("umount", "-l", path)
        shutil.rmtree(directory)


class Peer:
    programs = ()

    def lacks(self):
        missing = [one for one in self.programs if not shutil.which(one)]
        return f"{' and '.join(missing)} not installed" if missing else None

    def version(self):
        return attempt(self.programs[0], "--version").out.split("\n")[0]


class Snapfs(Peer):
    name = "snapfs"

    def version(self):
        return must(SNAPFS, "--version").split("\n")[0]

    @contextlib.contextmanager
    def show(self, images):
        with Mount(SYSTEM) as mount:
            yield View(paths_in(mount.point, images), [mount.process.pid])


def paths_in(tree, images):
    return [os.path.join(tree, one.domain, "by-name", one.snapshot, "vda.raw") for one in images]


class SnapfsDirect(Snapfs):
    """Read past the page cache."""

    name = "direct"


class Qsd(Peer):
    """QEMU's FUSE export."""

    name, programs = "qsd", ("qemu-storage-daemon",)

    def __init__(self):
        """With io_uring, where this QEMU has it: it then stays, and else it ends at once."""
        aio = {"aio": "io_uring"}
        line = json.dumps(node("try", __file__, aio)["file"] | {"node-name": "try"})
        done = attempt("timeout", "0.5", *self.programs, "--blockdev", line) if not self.lacks() else None
        self.aio = aio if done and done.status == 124 else {}

    def version(self):
        return super().version() + (", io_uring" if self.aio else "")

    def show(self, images):
        nodes = [node(f"n{number}", one.path, self.aio) for number, one in enumerate(images)]
        return self.export(nodes)

    def show_chain(self, layers):
        """Every layer of one chain, which share their nodes."""
        nodes = [node(f"n{number}", path, self.aio) for number, path in enumerate(layers)]
        for below, one in zip(nodes, nodes[1:]):
            one["backing"] = below["node-name"]
        return self.export(nodes)

    @contextlib.contextmanager
    def export(self, nodes):
        names = [one["node-name"] for one in nodes]
        with place(*names) as directory:
            paths = [os.path.join(directory, name) for name in names]
            command = [self.programs[0]]
            for one in nodes:
                command += ["--blockdev", json.dumps(one)]
            for name, path in zip(names, paths):
                command += ["--export", f"fuse,id=e{name},node-name={name},mountpoint={path}"]
            with process(*command, environment=TUNED) as daemon:
                for path in paths:
                    until(lambda: filled(path), f"an export of {self.programs[0]}")
                yield View(paths, [daemon.pid])


def node(name, path, aio):
    return {"driver": "qcow2", "node-name": name, "read-only": True,
            "file": {"driver": "file", "filename": path, "read-only": True, **aio}}


class NbdFuse(Peer):
    """nbdfuse over qemu-nbd, both for each image."""

    name, programs = "nbdfuse", ("nbdfuse", "qemu-nbd")

    @contextlib.contextmanager
    def show(self, images):
        with contextlib.ExitStack() as stack:
            views = [stack.enter_context(self.one(image)) for image in images]
            yield View([one.path for one in views], [pid for one in views for pid in one.pids])


    @contextlib.contextmanager
    def one(self, image):
        tag = ["-l", f"snapshot.name={image.tag}"] if image.tag else []
        with place("disk") as directory:
            socket, path = os.path.join(directory, "socket"), os.path.join(directory, "disk")
            with process("qemu-nbd", "-r", "-t", "-e", "16", "-k", socket, "-f", "qcow2", *tag, image.path,
                         environment=TUNED) as server:
                until(lambda: os.path.exists(socket), "the socket of qemu-nbd")
                with process("nbdfuse", "-r", "-C", "4", path, f"nbd+unix:///?socket={socket}") as daemon:
                    until(lambda: filled(path), "the file of nbdfuse")
                    yield View([path], [server.pid, daemon.pid])
                    attempt("umount", "-l", path)


class QcowMount(Peer):
    """libqcow's, which reads single files alone: it shows wrong bytes of an overlay."""

    name, programs = "qcowmount", ("qcowmount",)

    def version(self):
        return attempt("qcowmount", "-V").out.split("\n")[0]

    @contextlib.contextmanager
    def show(self, images):
        with place() as directory:
            must("qcowmount", images[0].path, directory)
            path = os.path.join(directory, "qcow1")
            until(lambda: filled(path), "the file of qcowmount")
            try:
                yield View([path], servers_of(directory))
            finally:
                attempt("umount", directory)


def servers_of(mountpoint):
    """Processes that put themselves in the background."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if mountpoint.encode() in file.read().split(b"\0"):
                    found.append(int(pid))
    return found


@contextlib.contextmanager
def copied(images, directory):
    """What a snapfs mount shows of the images' domains, in plain files in a directory."""
    with tempfile.TemporaryDirectory(dir=directory, prefix="tree-") as tree:
        with Mount(SYSTEM) as mount:
            for domain, raw in {one.domain: one.raw for one in images}.items():
                copy_tree(mount.path(domain), os.path.join(tree, domain), raw)
        yield tree


def copy_tree(top, target, raw):
    """The same names and texts; images are links to a raw file, or holes where there is none."""
    for at, directories, files in os.walk(top):
        here = os.path.join(target, os.path.relpath(at, top))
        os.makedirs(here, exist_ok=True)
        for name in directories + files:
            path, copy = os.path.join(at, name), os.path.join(here, name)
            if os.path.islink(path):
                os.symlink(os.readlink(path), copy)
            elif name.endswith(".raw") and raw:
                os.link(raw, copy)
            elif name.endswith(".raw"):
                with open(copy, "wb") as image:
                    image.truncate(os.stat(path).st_size)
            elif name in files:
                shutil.copyfile(path, copy)


class Floor(Peer):
    """The least that FUSE takes: tests/bench/floor.c, with the tree that snapfs shows."""

    name = "floor"

    def __init__(self, program):
        self.program = program

    def version(self):
        return "a bare FUSE server of the same tree over raw files"

    @contextlib.contextmanager
    def show(self, images):
        with copied(images, os.path.dirname(images[0].path)) as tree, place() as point:
            with process(self.program, tree, point) as server:
                until(lambda: mount_line(point), "the floor")
                yield View(paths_in(point, images), [server.pid])


class Plain(Peer):
    """The least that the work takes with no server at all."""

    name = "tmpfs"

    def version(self):
        return "the same tree in plain files in memory"

    @contextlib.contextmanager
    def show(self, images):
        with copied(images, "/run") as tree:
            yield View(paths_in(tree, images), [])


class Tool(Peer):
    """A program that shows nothing and is timed by what it does."""

    def __init__(self, name, program):
        self.name, self.programs = name, (program,)
