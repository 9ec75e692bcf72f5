# SPDX-License-Identifier: GPL-3.0-or-later
"""Hidden dangers: a disk, a name or a saved state that is easy to overlook."""

import errno
import os
import signal
import subprocess

from lib import daemon, reading
from lib.command import must
from lib.domain import MIB, SYSTEM, Domain
from lib.held import digest
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.volumes import OnVolumes, pool
from lib.wait import until
from lib.watch import clone_bytes, clone_on, deletes, prepared, refuses, revert, rmdir


class WithDrive(Domain):
    """A domain that has a CD-ROM drive as well, with a medium in it."""

    DRIVE = """<disk type='file' device='cdrom'><driver name='qemu' type='raw'/>
      <source file='{}'/><target dev='hda' bus='ide'/><readonly/></disk></devices>"""

    def document(self):
        medium = os.path.join(self.directory, "medium.iso")
        with open(medium, "wb") as file:
            file.truncate(65536)
        return super().document().replace("</devices>", self.DRIVE.format(medium))


@test
def a_removed_drive_that_the_snapshot_left_out(directory):
    with WithDrive("drive", directory, {"vda": "qcow2"}) as domain:
        domain.start()
        domain.write(1)
        domain.snapshot("i1")
        domain.write(2)
        domain.destroy()
        domain.virsh("detach-disk", domain.name, "hda", "--config")
        domain.start()
        pid = daemon.pid()
        with Mount(SYSTEM) as mount:
            deletes(mount, domain, "i1")
            equal(reading.tags(domain.disks[0].path), ["i1"], "tags")
        equal((domain.snapshots(), daemon.pid()), ([], pid), "snapshots, and the daemon")


def keeps(mount, domain, path):
    """The revert leaves the file that another domain uses."""
    before = digest(path)
    revert(mount, domain, "i1")
    equal(domain.current(), "i1")
    true(domain.live_source("vda")[0] != path, "the domain is on that file")
    equal(digest(path), before, f"the bytes of {path}")


@test
def another_domain_on_a_volume(directory):
    """Its file is not beside the domain's, whose directory is searched for headers."""
    elsewhere = os.path.join(directory, "elsewhere")
    os.mkdir(elsewhere)
    with prepared(directory, "volume", "i1", start=False) as (domain, mount):
        with clone_on(domain, elsewhere, domain.disks[0].path, "qcow2", OnVolumes) as other:
            before = clone_bytes(other.disks[0].path)
            refuses(mount, domain, revert, "i1")
            with pool(elsewhere):
                keeps(mount, domain, domain.disks[0].path)
            equal(clone_bytes(other.disks[0].path), before, "bytes of the other domain")


@test
def another_domain_by_a_name_in_json(directory):
    with prepared(directory, "json", "i1", start=False) as (domain, mount):
        path = domain.disks[0].path
        for file in (f'"file":{{"driver":"file","filename":"{path}"}}', f'"file.filename":"{path}"'):
            with clone_on(domain, directory, f'json:{{"driver":"qcow2",{file}}}', "qcow2") as other:
                before = clone_bytes(other.disks[0].path)
                keeps(mount, domain, path)
                equal(clone_bytes(other.disks[0].path), before, "bytes of the other domain")


@test
def another_domain_in_a_format_that_is_not_read(directory):
    with prepared(directory, "foreign", "i1", start=False) as (domain, mount):
        overlay = os.path.join(directory, "overlay.qed")
        must("qemu-img", "create", "-q", "-f", "qed", "-F", "qcow2", "-b", domain.disks[0].path, overlay)
        with clone_on(domain, directory, overlay, "qed"):
            refuses(mount, domain, revert, "i1")
        alone = os.path.join(directory, "alone.qed")
        must("qemu-img", "create", "-q", "-f", "qed", alone, "16M")
        with clone_on(domain, directory, alone, "qed"):
            revert(mount, domain, "i1")
            equal(domain.current(), "i1")


@test
def another_domain_below_a_file_whose_format_nobody_gave(directory):
    with prepared(directory, "unsaid", "i1", start=False) as (domain, mount):
        middle = os.path.join(directory, "middle.qcow2")
        must("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", domain.disks[0].path, middle)
        reading.forget_backing_format(middle)
        equal(reading.backing_format(middle), None)
        with clone_on(domain, directory, middle, "qcow2"):
            keeps(mount, domain, domain.disks[0].path)


@test
def what_a_running_domain_is_on_after_its_next_start(directory):
    with prepared(directory, "later", "i1", start=False) as (domain, mount):
        with clone_on(domain, directory, domain.disks[0].path, "qcow2") as other:
            later = other.disks[0].path
            other.disks[0].path = os.path.join(directory, "now.qcow2")
            must("qemu-img", "create", "-q", "-f", "qcow2", other.disks[0].path, "16M")
            other.define()
            other.start()
            now, other.disks[0].path = other.disks[0].path, later
            other.define()
            equal(other.live_source("vda")[0], now, "its disk as it runs")
            keeps(mount, domain, domain.disks[0].path)


@test
def a_tag_in_the_disk_that_another_domain_calls_otherwise(directory):
    with prepared(directory, "alias", start=False) as (domain, mount):
        path = domain.disks[0].path
        must("qemu-img", "snapshot", "-c", "taken", path)
        below = os.path.join(directory, "below")
        os.mkdir(below)
        with clone_on(domain, below, f"../{os.path.basename(path)}", "qcow2"):
            refused(errno.EEXIST, os.mkdir, mount.path("alias/snapshots/taken"))
        equal(reading.tags(path), ["taken"])


@test
def a_saved_state_that_would_be_resumed(directory):
    with prepared(directory, "saved", "e1") as (domain, mount):
        domain.virsh("managedsave", domain.name)
        refuses(mount, domain, rmdir, "e1", errno.EBUSY, errno.EOPNOTSUPP)
        domain.start()
        true(domain.running(), "the saved state is resumed")
    with Domain("raw-saved", directory, {"vda": "raw"}) as domain, Mount(SYSTEM) as mount:
        domain.start()
        domain.virsh("managedsave", domain.name)
        refused(errno.EBUSY, os.mkdir, mount.path("raw-saved/snapshots/new"))
        equal(domain.snapshots(), [])


@test
def names_that_qemus_monitor_reads_otherwise(directory):
    with prepared(directory, "escape", start=False) as (domain, mount):
        names = ["a\\b", "a\\\\b", 'quote"']
        for number, name in enumerate(names, 1):
            domain.write(number)
            domain.snapshot(name)
        domain.start()
        refuses(mount, domain, rmdir, names[-1])
        refuses(mount, domain, revert, names[0])
        for name in ('new"', "new\\"):
            refused(errno.EINVAL, os.mkdir, mount.path("escape/current", name))
        domain.destroy()
        rmdir(mount, domain, names[-1])
        equal(reading.tags(domain.disks[0].path), names[:-1])


def reads_no_image(path):
    """Whether none can be read of the snapshot, which is another one since its file was written to."""
    try:
        return not reading.images(path)
    except OSError as error:
        if error.errno != errno.ESTALE:
            raise
        return False


@test
def a_file_that_is_the_live_disk_again(directory):
    with Domain("again", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM) as mount:
        domain.start()
        domain.write(1)
        domain.snapshot("e1", "external")
        domain.write(2)
        expected = os.path.join(directory, "expected")
        reading.by_qemu(domain, "e1", "vda", expected)
        image = mount.path("again/by-name/e1/vda.raw")
        reading.check(image, expected)
        domain.virsh("blockcommit", domain.name, "vda", "--active", "--pivot", "--wait")
        domain.destroy()
        reading.by_qemu(domain, "e1", "vda", os.path.join(directory, "later"))
        true(not reading.same(expected, os.path.join(directory, "later")), "the file is as it was")
        until(lambda: reads_no_image(mount.path("again/by-name/e1")), "it cannot be read")
        refused(errno.EIO, open, image, "rb")
        with open(mount.path("again/by-name/e1/info"), encoding="utf-8") as info:
            holds(info.read(), "is lost there")


def written_down(domain, name):
    return f"/var/lib/libvirt/qemu/snapshot/{domain.name}/{name}.xml"


def read_all(file):
    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    for at in range(0, os.fstat(file.fileno()).st_size, MIB):
        os.pread(file.fileno(), 1, at)


@test
def a_commit_that_was_seen_here_is_remembered(directory):
    """Ignores records that libvirt has written since, as after a delete that merges."""
    with Domain("seen", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM) as mount:
        domain.start()
        for number in range(1, 5):
            domain.write(number, number * MIB)
            domain.snapshot(f"e{number}", "external")
        path = mount.path("seen/by-name/e3/vda.raw")
        with open(path, "rb", 0) as file:
            file.read(1)
            with open(mount.path("seen/by-name/e2/delete"), "w", encoding="ascii") as delete:
                delete.write("merge")
            read_all(file)
        true(not reads_no_image(os.path.dirname(path)), "it cannot be read")
        reading.compare(domain, mount, directory)
        path = mount.path("seen/by-name/e1/vda.raw")
        with open(path, "rb", 0) as file:
            file.read(1)
            domain.virsh("blockcommit", domain.name, "vda", "--base", domain.snapshot_source("e1", "vda")[0],
                         "--top", domain.snapshot_source("e3", "vda")[0], "--wait")
            refused(errno.ESTALE, read_all, file)
            until(lambda: reads_no_image(os.path.dirname(path)), "it cannot be read")
            refused(errno.EIO, open, path, "rb")


@test
def a_commit_that_libvirts_snapshots_do_not_tell_of(directory):
    with Domain("told", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM, "untouched") as mount:
        domain.start()
        for number in range(1, 5):
            domain.write(number, number * MIB)
            domain.snapshot(f"e{number}", "external")
        with open(mount.path("told/by-name/e2/delete"), "w", encoding="ascii") as delete:
            delete.write("merge")
        names = domain.snapshots()
        reading.compare(domain, mount, directory)
        for name in names:
            os.utime(written_down(domain, name), (1, 1))
        base = domain.snapshot_source("e1", "vda")[0]
        domain.virsh("blockcommit", domain.name, "vda", "--base", base, "--top",
                     domain.snapshot_source("e3", "vda")[0], "--wait")
        until(lambda: reads_no_image(mount.path("told/by-name/e1")), "it cannot be read")
        refused(errno.EIO, open, mount.path("told/by-name/e1/vda.raw"), "rb")
        with open(mount.path("told/by-name/e1/info"), encoding="utf-8") as info:
            holds(info.read(), "after snapshot 'e1' was made")
        for name in names:
            with open(mount.path("told/by-name", name, "description"), "w", encoding="ascii") as description:
                description.write("right")
        until(lambda: not reads_no_image(mount.path("told/by-name/e1")), "it can be read again")


@test
def a_file_below_all_snapshots_that_was_written_to(directory):
    below = os.path.join(directory, "golden.qcow2")
    must("qemu-img", "create", "-q", "-f", "qcow2", below, 16 * MIB)
    with Domain("golden", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM, "untouched") as mount:
        must("qemu-img", "rebase", "-u", "-b", below, "-F", "qcow2", domain.disks[0].path)
        os.utime(domain.disks[0].path, (1, 1))
        domain.snapshot("e1", "external")
        image = mount.path("golden/by-name/e1/vda.raw")
        with open(image, "rb"):
            pass
        must("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 1M", below)
        os.utime(below, (2**31, 2**31))
        refused(errno.EIO, open, image, "rb")
        with open(mount.path("golden/by-name/e1/description"), "w", encoding="ascii") as description:
            description.write("right")
        with open(image, "rb") as file:
            equal(file.read(1), b"\7", "its first byte")


def cut_off(domain, name):
    """Kills QEMU while it merges for a delete; False when the delete had ended before."""
    file = domain.snapshot_source(name, "vda")[0]
    with open(f"/run/libvirt/qemu/{domain.name}.pid", encoding="ascii") as pid:
        qemu = int(pid.read())
    before = os.stat(file).st_mtime_ns
    delete = subprocess.Popen(["virsh", "-q", "-c", SYSTEM, "snapshot-delete", domain.name, name],
                              stderr=subprocess.DEVNULL)
    while delete.poll() is None and os.stat(file).st_mtime_ns == before:
        pass
    os.kill(qemu, signal.SIGKILL)
    delete.wait()
    return "snapshotDeleteInProgress" in domain.snapshot_xml("e1")


@test
def a_delete_that_was_cut_off(directory):
    with Domain("cut", directory, {"vda": "qcow2"}, size=256 * MIB) as domain:
        domain.start()
        domain.snapshot("e1", "external")
        for attempts in range(10):
            if not domain.running():
                domain.start()
            domain.write(attempts, MIB, 100 * MIB)
            if "e2" not in domain.snapshots():
                domain.snapshot("e2", "external")
            domain.write(0x80 + attempts, MIB, 200 * MIB)
            if cut_off(domain, "e2"):
                break
        holds(domain.snapshot_xml("e1"), "snapshotDeleteInProgress")
        with Mount(SYSTEM) as mount:
            with open(mount.path("cut/by-name/e2/info"), encoding="utf-8") as info:
                holds(info.read(), "half merged")
            equal(reading.images(mount.path("cut/by-name/e1")), ["vda"])
            equal(reading.images(mount.path("cut/by-name/e2")), [])
            refused(errno.EIO, open, mount.path("cut/by-name/e2/vda.raw"), "rb")


with scratch() as directory:
    run(directory)
