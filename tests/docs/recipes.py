"""The recipes of README.md, run as they stand against a libvirtd and a /mnt of our own."""

import contextlib
import errno
import os

import readme
from lib import reading
from lib.command import must
from lib.domain import MIB, SYSTEM, Domain
from lib.mount import SNAPFS, mount_line
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.wait import until

MOUNTPOINT = "/mnt/vms"
TOP = f"{MOUNTPOINT}/web01"
SNAPSHOTS = ("base", "before-upgrade")
PARTITION = MIB  # as the recipes say
CONFIGURATION = "listen = 80\n"


class Guest(Domain):
    """The recipes' domain: a disk with a partition, a file on it, two snapshots, the file lost."""

    def __enter__(self):
        files = os.path.join(self.directory, "files")
        os.makedirs(os.path.join(files, "etc"))
        with open(os.path.join(files, "etc/app.conf"), "w", encoding="ascii") as file:
            file.write(CONFIGURATION)
        disk = os.path.join(self.directory, "disk.raw")
        with open(disk, "wb") as file:
            file.truncate(self.size)
        must("sfdisk", "-q", disk, text="label: dos\nstart=2048, type=83\n")
        where = ("-E", f"offset={PARTITION}")
        must("mkfs.ext4", "-q", "-F", "-d", files, *where, disk, f"{self.size // MIB - 1}M")
        must("qemu-img", "convert", "-f", "raw", "-O", "qcow2", disk, self.disks[0].path)
        self.define()
        self.live()
        return self

    def live(self):
        self.start()
        for number, name in enumerate(SNAPSHOTS, 1):
            self.write(number, self.size - MIB)
            self.snapshot(name)
        self.write(0, PARTITION, self.size - PARTITION)


class Recipes:
    """The blocks of README.md, each of which has to be run once."""

    def __init__(self, directory):
        self.blocks = readme.recipes(readme.text())
        self.directory = directory
        self.left = set(self.blocks)

    def text(self, name):
        self.left.remove(name)
        return self.blocks[name]

    def run(self, name):
        """Runs a block; any command of it that fails fails it."""
        return must("bash", "-euo", "pipefail", "-c", self.text(name), cwd=self.directory)

    def file(self, name):
        return os.path.join(self.directory, name)

    def take(self, name):
        """What a file holds that a recipe has left, and the file is gone."""
        with open(self.file(name), encoding="utf-8") as file:
            content = file.read()
        os.unlink(self.file(name))
        return content


@contextlib.contextmanager
def mount_over(point, *what):
    must("mount", *what, point)
    try:
        yield
    finally:
        must("umount", point)


def expect(guest, recipes, name):
    """QEMU's reading of the disk at a snapshot."""
    path = recipes.file(f"expected-{name}")
    reading.by_qemu(guest, name, "vda", path)
    return path


def serving():
    return [line for line in must("ps", "ax", "-o", "args=").splitlines()
            if line.startswith("snapfs ") and MOUNTPOINT in line]


@test
def mount(recipes, guest):
    recipes.run("mount")
    holds(mount_line(MOUNTPOINT), f"fuse.snapfs {SYSTEM} ")
    equal(os.listdir(MOUNTPOINT), [guest.name])


@test
def browse(recipes, guest):
    out = recipes.run("browse")
    images = [line.split() for line in out.splitlines() if line.endswith("/vda.raw")]
    equal([one[2] for one in images], [str(guest.size)] * len(SNAPSHOTS), "sizes that find prints")
    equal(
        sorted(one[4] for one in images),
        [f"{TOP}/snapshots/base/before-upgrade/vda.raw", f"{TOP}/snapshots/base/vda.raw"],
    )
    holds(out, "before-upgrade")
    holds(out, "Descendants:")
    equal(out.splitlines()[-1], "snapshots/base/before-upgrade", "current")


@test
def the_file_is_lost(recipes, guest):
    live, source = recipes.file("live"), guest.live_source("vda")
    reading.convert(*source, live)
    with open(live, "rb") as file:
        file.seek(PARTITION)
        true(not file.read().strip(b"\0"), "the live partition still holds something")
    os.unlink(live)


@test
def lost_file(recipes, _):
    recipes.run("lost-file")
    equal(recipes.take("app.conf"), CONFIGURATION)
    true(not mount_line("/mnt/old"), "the image is still mounted")


@test
def lost_file_by_debugfs(recipes, _):
    recipes.run("lost-file-debugfs")
    equal(recipes.take("app.conf"), CONFIGURATION)


@test
def backup(recipes, guest):
    recipes.run("backup")
    os.mkdir(recipes.file("untarred"))
    must("tar", "-C", recipes.file("untarred"), "-xf", recipes.file("web01.tar"))
    expected = {name: expect(guest, recipes, name) for name in SNAPSHOTS}
    true(not reading.same(*expected.values()), "the snapshots do not differ")
    for copy in ("untarred/web01", "backup/web01"):
        for name, path in expected.items():
            image = recipes.file(f"{copy}/by-name/{name}/vda.raw")
            reading.check(image, path)
            true(os.stat(image).st_blocks * 512 < guest.size, f"{image} has no holes")


@test
def clone(recipes, guest):
    os.makedirs("/var/lib/libvirt/images")
    recipes.run("clone")
    equal(guest.virsh("domstate", "clone").strip(), "running")
    disk = "/var/lib/libvirt/images/clone.qcow2"
    holds(guest.virsh("domblklist", "clone"), disk)
    expected = expect(guest, recipes, "before-upgrade")
    must("qemu-img", "compare", "-U", "-f", "qcow2", "-F", "raw", disk, expected)
    refused(errno.EBUSY, os.rmdir, f"{TOP}/snapshots/base/before-upgrade")
    with open(f"{TOP}/log", encoding="utf-8") as log:
        holds(log.read().splitlines()[-1], "'clone'")


@test
def clone_end(recipes, guest):
    recipes.run("clone-end")
    equal(guest.virsh("list", "--all", "--name").split(), [guest.name])
    true(not os.path.exists("/var/lib/libvirt/images/clone.qcow2"), "the clone's disk is left")


@test
def verbs(recipes, guest):
    out = recipes.run("verbs")
    holds(out, "Name:           experiment\n")
    holds(out, "\nsnapshots/base/before-upgrade\n")
    equal(guest.parents(), {"base": None, "before-upgrade": "base"})
    equal(guest.current(), "before-upgrade")
    equal(guest.state(), "running")
    path = "web01/snapshots/base/before-upgrade"
    for line in (
        f"mkdir {path}/experiment: ok",
        f"description {path}/experiment/description: ok",
        f"revert {path}/revert: ok",
        f"rmdir {path}/experiment: ok",
    ):
        holds(out, line)


@test
def branch(recipes, guest):
    recipes.run("branch")
    equal(guest.parents()["second-try"], "base")
    equal(guest.parents()["before-the-branch"], "before-upgrade")
    equal((guest.current(), guest.state()), ("before-the-branch", "running"))


@test
def metadata(recipes, guest):
    document = recipes.file("web01.xml")
    with open(document, "w", encoding="utf-8") as file:
        file.write(guest.virsh("dumpxml", "web01", "--inactive"))
    guest.destroy()
    guest.virsh("undefine", "web01", "--snapshots-metadata")
    guest.virsh("define", document)
    equal(guest.parents(), {})
    recipes.run("metadata")
    equal(guest.parents(), {"base": None, "before-upgrade": "base"})
    equal(guest.current(), "before-upgrade")
    os.unlink(document)


@test
def create(recipes, guest):
    guest.start()
    out = recipes.run("create")
    holds(out, "Name:           nightly\n")
    holds(out, "disk-snapshot")
    holds(guest.snapshot_xml("nightly"), "<description>Before the backup</description>")
    equal(guest.live_source("vda")[0], os.path.splitext(guest.disks[0].path)[0] + ".nightly")


@test
def rotation(recipes, guest):
    for number in range(5):
        os.mkdir(f"{TOP}/current/more{number}")
    before = guest.snapshots()
    recipes.run("rotation")
    after = guest.snapshots()
    equal(len(after), 7, "snapshots that are kept")
    gone, new = set(before) - set(after), set(after) - set(before)
    equal((len(new), len(gone)), (1, len(before) + 1 - 7), "new and gone")
    true("base" in gone, "the oldest has gone")


@test
def fstab(recipes, guest):
    must("umount", MOUNTPOINT)
    until(lambda: not serving(), "the process has ended")
    table = recipes.file("fstab")
    with open(table, "w", encoding="utf-8") as file:
        file.write(recipes.text("fstab"))
    must("mount", "-T", table, MOUNTPOINT)
    equal(os.listdir(MOUNTPOINT), [guest.name])
    refused(errno.EROFS, os.mkdir, f"{TOP}/current/another")
    must("umount", MOUNTPOINT)
    until(lambda: not serving(), "the process has ended")


@test
def every_block_was_run(recipes, _):
    equal(recipes.left, set(), "recipes that no test runs")
    for name, language, content in readme.blocks(readme.text()):
        true(name, f"a block that no test runs:\n{language}\n{content}")


def main():
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(scratch())
        programs = os.path.join(directory, "bin")
        os.mkdir(programs)
        os.symlink(SNAPFS, os.path.join(programs, "snapfs"))
        stack.enter_context(mount_over("/usr/local/bin", "--bind", programs))
        stack.enter_context(mount_over("/mnt", "-t", "tmpfs", "tmpfs"))
        work = os.path.join(directory, "work")
        os.mkdir(work)
        recipes = Recipes(work)
        guest = Guest("web01", directory, {"vda": "qcow2"})
        with guest:
            stack.callback(lambda: mount_line(MOUNTPOINT) and must("umount", MOUNTPOINT))
            run(recipes, guest)


main()
