# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipes of README.md, snapfs(1) and snapfs(7), run as they stand against a libvirtd and a /mnt of our own."""

import contextlib
import errno
import glob
import os
import shutil

import page
import readme
from lib import reading
from lib.command import attempt, must
from lib.control import write
from lib.domain import MIB, SYSTEM, Domain
from lib.held import Held, digest, files, needed
from lib.mount import SNAPFS, mount_line
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.wait import until

SOURCE = os.path.join(os.path.dirname(__file__), "../..")
MANUALS = [os.path.join(SOURCE, "man", name) for name in ("snapfs.1", "snapfs.7")]
MOUNTPOINT = "/mnt/vms"
IMAGES = "/var/lib/libvirt/images"
# These need a daemon that few machines have; tests/real/exports.py runs them.
ELSEWHERE = {"export", "nfs", "samba"}
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
        os.unlink(f"{self.directory}/{self.name}.xml")
        self.live()
        return self

    def live(self):
        self.start()
        for number, name in enumerate(SNAPSHOTS, 1):
            self.write(number, self.size - MIB)
            self.snapshot(name)
        self.write(0, PARTITION, self.size - PARTITION)


def manual(path):
    """The blocks of one page."""
    with open(path, encoding="utf-8") as file:
        return page.recipes(file.read())


class Recipes:
    """The blocks of README.md and of the manual pages, each of which has to be run once."""

    def __init__(self, directory):
        self.blocks = readme.recipes(readme.text()) | manual(MANUALS[0]) | manual(MANUALS[1])
        self.directory = directory
        self.left = set(self.blocks) - ELSEWHERE
        self.environment = dict(os.environ, XDG_CACHE_HOME=f"{directory}/cache")

    def text(self, name):
        self.left.remove(name)
        return self.blocks[name]

    def run(self, name):
        """Runs a block; any command of it that fails fails it."""
        block = "bash", "-euo", "pipefail", "-c", self.text(name)
        result = attempt(*block, cwd=self.directory, env=self.environment)
        true(result.status == 0, f"{result}\n{last_words()}")
        return result.out

    def file(self, name):
        return os.path.join(self.directory, name)

    def take(self, name):
        """Returns the text of a file that a recipe has left, and removes the file."""
        with open(self.file(name), encoding="utf-8") as file:
            content = file.read()
        os.unlink(self.file(name))
        return content


def last_words():
    """The last line of the domain's log."""
    return attempt("tail", "-n", "1", f"{TOP}/log").out


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
def lost_file_of_the_manual(recipes, _):
    recipes.run("lost-file-cow")
    equal(recipes.take("app.conf"), CONFIGURATION)


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
    recipes.run("clone")
    equal(guest.virsh("domstate", "clone").strip(), "running")
    disk = f"{IMAGES}/clone.qcow2"
    holds(guest.virsh("domblklist", "clone"), disk)
    expected = expect(guest, recipes, "before-upgrade")
    must("qemu-img", "compare", "-U", "-f", "qcow2", "-F", "raw", disk, expected)
    refused(errno.EBUSY, os.rmdir, f"{TOP}/snapshots/base/before-upgrade")
    with open(f"{TOP}/log", encoding="utf-8") as log:
        holds(log.read().splitlines()[-1], "(qemu-system-x86")


@test
def clone_end(recipes, guest):
    recipes.run("clone-end")
    equal(guest.virsh("list", "--all", "--name").split(), [guest.name])
    true(not os.path.exists(f"{IMAGES}/clone.qcow2"), "the clone's disk is left")


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
def unused(recipes, guest):
    """The block lists the unused files, and no file that only a header names."""
    write(f"{TOP}/create", "gone disk-only\n")
    write(f"{TOP}/create", "leaf disk-only\n")
    write(f"{TOP}/by-name/gone/revert", "running\n")
    guest.delete("leaf", "--metadata")
    guest.delete("gone", "--metadata")
    by_hand = f"{IMAGES}/web01-by-hand.qcow2"
    must("qemu-img", "create", "-q", "-f", "qcow2", by_hand, "1M")
    for running in (True, False):
        if not running:
            guest.destroy()
        recipes.left.add("unused")
        listed = recipes.run("unused").split()
        left = files(guest) - needed(guest)
        true(len(left) > 1, f"no more is left over than {left}")
        equal(listed, sorted(f"{IMAGES}/{name}" for name in left))
    recipes.run("unused-remove")
    true(not any(map(os.path.exists, listed)), "they are removed")
    guest.start()
    write(f"{TOP}/current/revert", "running\n")


@test
def unused_tags(recipes, guest):
    guest.snapshot("forgotten")
    guest.delete("forgotten", "--metadata")
    file = guest.live_source("vda")[0]
    holds(recipes.run("unused-tags"), file)
    guest.destroy()
    must("qemu-img", "snapshot", "-d", "forgotten", file)
    guest.start()


@test
def move(recipes, guest):
    held = Held(guest)
    before = guest.snapshots(), guest.parents(), guest.current()
    for name in before[0]:
        held.note(name)
    guest.destroy()
    live = held.live()
    recipes.run("move-save")
    recipes.run("move")
    equal((guest.snapshots(), guest.parents(), guest.current()), before)
    equal(glob.glob(f"{IMAGES}/web01*"), [])
    for name in before[0]:
        equal(held.by_qemu(name), held.bytes[name], name)
        equal({"vda": digest(f"{TOP}/by-name/{name}/vda.raw")}, held.bytes[name], f"{name} in the mount")
    equal(held.live(), live, "the live disk")
    for file in glob.glob("/srv/vms/web01*"):
        true(IMAGES not in str(reading.chain(file, "qcow2")), f"{file} is on a file that was left behind")
    guest.start()


@test
def a_backup_of_a_night(recipes, guest):
    with open("/srv/password", "w", encoding="ascii") as file:
        file.write("secret\n")
    for name in guest.snapshots():
        if guest.is_internal(name, "vda"):
            write(f"{TOP}/by-name/{name}/delete", "merge\n")
    guest.write(0x55, 2 * MIB)
    recipes.run("backup-vm")
    holds(mount_line(MOUNTPOINT), "fuse.snapfs")
    equal([name for name in guest.snapshots() if name.startswith("backup-")], [guest.current()])


@test
def a_restore_of_all(recipes, guest):
    held = Held(guest)
    before = guest.snapshots(), guest.parents(), guest.current()
    true(len(before[0]) > 1, "there are hardly any snapshots")
    for name in before[0]:
        held.note(name)
    held.check()
    guest.destroy()
    guest.virsh("undefine", "web01", "--snapshots-metadata")
    for file in glob.glob("/srv/vms/web01*"):
        os.unlink(file)
    recipes.environment |= {"RESTIC_REPOSITORY": "/srv/backup", "RESTIC_PASSWORD_FILE": "/srv/password"}
    recipes.run("restore-vm")
    equal(guest.state(), "running")
    equal((guest.snapshots(), guest.parents(), guest.current()), before)
    held.check()
    held.is_live(guest.current())


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


@test
def the_manual_shows_each_as_it_was_run(*_):
    for path in MANUALS:
        shown = must("man", "-E", "UTF-8", "-l", "-Tutf8", path, env=dict(os.environ, MANPAGER="cat", MAN_KEEP_FORMATTING=""))
        lines = {line.strip() for line in shown.splitlines()}
        true(manual(path), f"{path} has no blocks")
        for name, text in manual(path).items():
            for line in text.splitlines():
                true(line.strip() in lines, f"{name}: the manual does not show\n{line}")


def main():
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(scratch())
        programs = os.path.join(directory, "bin")
        os.mkdir(programs)
        os.symlink(SNAPFS, os.path.join(programs, "snapfs"))
        stack.enter_context(mount_over("/usr/local/bin", "--bind", programs))
        for point in ("/mnt", "/srv", "/usr/local/sbin", "/usr/local/share"):
            stack.enter_context(mount_over(point, "-t", "tmpfs", "tmpfs"))
        work = os.path.join(directory, "work")
        os.mkdir(work)
        recipes = Recipes(work)
        examples = "/usr/local/share/doc/snapfs/examples"
        os.makedirs(examples)
        for name in ("backup-vm", "restore-vm"):
            shutil.copy(os.path.join(SOURCE, "scripts", name), examples)
        os.makedirs(IMAGES)
        guest = Guest("web01", IMAGES, {"vda": "qcow2"})
        with guest:
            stack.callback(lambda: mount_line(MOUNTPOINT) and must("umount", MOUNTPOINT))
            run(recipes, guest)


main()
