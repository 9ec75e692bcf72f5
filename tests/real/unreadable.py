# SPDX-License-Identifier: GPL-3.0-or-later
"""An image that cannot be read is listed and fails on open, so that no backup is empty with exit status 0."""

import contextlib
import errno
import os
import re

from lib import backups, reading
from lib.command import attempt, must
from lib.domain import MIB, SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.wait import until


MANUAL = os.path.join(os.path.dirname(__file__), "../../man/snapfs.5")


def statuses(mount, domain, place, day):
    """The exit status of each tool that is given the domain's directory on that day."""
    return {name: backups.back_up(name, mount.path(domain.name), place, day).status for name in backups.TOOLS}


def passes_the_check(directory):
    """Whether the check that snapfs(5) has for programs that exit with 0 finds all images readable."""
    with open(MANUAL, encoding="utf-8") as file:
        line = re.search(r"^\.Dl (find /mnt/vms/web01 .*head -c 1.*)$", file.read(), re.MULTILINE).group(1)
    return attempt("bash", "-c", line.replace("/mnt/vms/web01", directory)).status == 0


@contextlib.contextmanager
def two_snapshots(directory, name, *options):
    """A domain with snapshots e1 and e2, each external; and a mount that lists all at once."""
    with Domain(name, directory, {"vda": "qcow2"}) as domain:
        for number in (1, 2):
            domain.write(number)
            domain.snapshot(f"e{number}", "external")
        with Mount(SYSTEM, "cache=0", *options) as mount:
            yield domain, mount


@contextlib.contextmanager
def away(path):
    os.rename(path, f"{path}.away")
    try:
        yield
    finally:
        os.rename(f"{path}.away", path)


WHOLE = {"rsync": 0, "tar": 0, "cp": 0, "restic": 0, "borg": 0}
PARTIAL = {"rsync": 23, "tar": 2, "cp": 1, "restic": 3, "borg": 1}


@test
def no_tool_takes_what_cannot_be_read_for_what_is_not_there(directory):
    place = os.path.join(directory, "backup")
    backups.prepare(backups.TOOLS, place)
    with two_snapshots(directory, "tools") as (domain, mount):
        equal(statuses(mount, domain, place, "first"), WHOLE, "with all images")
        kept = f"{place}/rsync-first/snapshots/e1/vda.raw"
        with open(kept, "rb") as file:
            whole = file.read()
        true(any(whole), "the copy is empty")
        true(passes_the_check(mount.path(domain.name)), "the check finds all images readable")
        with away(domain.disks[0].path):
            until(lambda: not reading.images(mount.path("tools/by-name/e1")), "e1 cannot be read")
            equal(statuses(mount, domain, place, "second"), PARTIAL, "with images that cannot be read")
            true(not passes_the_check(mount.path(domain.name)), "the check finds one that cannot be read")
            # rsync does not open a file that it already has, by size and time.
            must("rsync", "-aS", "--delete", f"{mount.path('tools')}/", f"{place}/rsync-first")
        with open(kept, "rb") as file:
            equal(file.read() == whole, True, "the copy of yesterday is as it was")


@test
def its_size_is_the_last_known_one(directory):
    with two_snapshots(directory, "sized") as (domain, mount):
        image = "sized/by-name/e1/vda.raw"
        size = os.stat(mount.path(image)).st_size
        equal(size, 16 * MIB)
        domain.virsh("snapshot-delete", "sized", "e2", "--metadata")
        with away(domain.disks[0].path):
            until(lambda: not reading.images(mount.path("sized/by-name/e1")), "e1 cannot be read")
            equal(os.stat(mount.path(image)).st_size, size)
            until(lambda: "size" in kept(domain), "the size is kept")
            with away(f"{directory}/sized-vda.e1"), Mount(SYSTEM) as later:
                equal(os.stat(later.path(image)).st_size, size, "after a remount, without the overlay")


@test
def without_a_last_known_size_the_overlay_tells_it_and_never_0(directory):
    with Domain("told", directory, {"vda": "qcow2"}) as domain:
        domain.snapshot("e1", "external")
        with away(domain.disks[0].path), Mount(SYSTEM, "ro", "cache=0") as mount:
            image = mount.path("told/by-name/e1/vda.raw")
            equal(os.stat(image).st_size, 16 * MIB)
            with away(f"{directory}/told-vda.e1"):
                until(lambda: os.stat(image).st_size == 512, "nothing tells its size")
            refused(errno.EIO, os.open, image, os.O_RDONLY)


def kept(domain):
    path = f"/var/lib/snapfs/{domain.uuid}.kept"
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


@contextlib.contextmanager
def on_raw_files(directory, name):
    """A domain with a raw disk, an overlay on a raw base and a disk with a data file, and snapshots e1 and e2."""
    with Domain(name, directory, {"vda": "raw", "vdb": "qcow2", "vdc": "qcow2"}) as domain:
        base, data = (f"{directory}/{name}-{role}.raw" for role in ("base", "data"))
        must("qemu-img", "convert", "-O", "raw", domain.disks[1].path, base)
        must("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", base, domain.disks[1].path)
        must("qemu-img", "create", "-q", "-f", "qcow2", "-o", f"data_file={data}", domain.disks[2].path, "16M")
        for number in (1, 2):
            domain.write(number)
            domain.snapshot(f"e{number}", "external")
        with open(data, "r+b") as file:
            file.truncate(16 * MIB)
        yield domain, {"vda": domain.disks[0].path, "vdb": base, "vdc": data}


@contextlib.contextmanager
def cut_short(path):
    """Half of the file, under its time, as an unfinished copy may leave it."""
    times = os.stat(path)
    with away(path):
        with open(f"{path}.away", "rb") as whole, open(path, "wb") as half:
            half.write(whole.read(times.st_size // 2))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        yield


@test
def a_raw_file_that_was_cut_short_is_refused(directory):
    """QEMU takes what is left for the whole disk, and reads zeros above it."""
    with on_raw_files(directory, "cut") as (domain, files):
        with Mount(SYSTEM, "cache=0") as mount:
            image = mount.path("cut/by-name/%s/%s.raw")
            for name in ("e1", "e2"):
                for target in files:
                    equal(os.stat(image % (name, target)).st_size, 16 * MIB)
            until(lambda: kept(domain).count("length") == 6, "the lengths are kept")
            for target, path in files.items():
                with cut_short(path):
                    for name in ("e1", "e2"):
                        refused(errno.EIO, open, image % (name, target), "rb")
                        equal(os.stat(image % (name, target)).st_size, 16 * MIB)
                    with open(mount.path("cut/log"), encoding="utf-8") as log:
                        holds(log.read().splitlines()[-1], f"'{path}': it has 8388608 bytes and had 16777216")
                    with Mount(SYSTEM, "ro") as later:
                        refused(errno.EIO, open, later.path(f"cut/by-name/e2/{target}.raw"), "rb")
            reading.compare(domain, mount, directory)
            with cut_short(files["vda"]):
                with open(mount.path("cut/by-name/e1/description"), "w", encoding="utf-8") as file:
                    file.write("half of it is enough")
                until(lambda: reading.can_be_opened(image % ("e1", "vda")), "e1 can be read again")
                refused(errno.EIO, open, image % ("e2", "vda"), "rb")


@test
def the_reason_names_the_file(directory):
    with two_snapshots(directory, "named") as (domain, mount):
        path = domain.disks[0].path
        with away(path):
            os.symlink(path, path)
            until(lambda: not reading.images(mount.path("named/by-name/e1")), "e1 cannot be read")
            with open(mount.path("named/by-name/e1/info"), encoding="utf-8") as info:
                holds(info.read(), f"ELOOP: cannot follow '{path}': too many symbolic links")
            os.unlink(path)


@test
def the_log_warns_once_and_says_when_it_is_back(directory):
    with two_snapshots(directory, "warned") as (domain, mount):
        image = mount.path("warned/by-name/e1/vda.raw")
        name = "warned/by-name/e1/vda.raw"
        with away(domain.disks[0].path):
            for _ in range(3):
                until(lambda: not reading.can_be_opened(image), "it cannot be read")
                os.stat(image)
            lines = [line for line in mount.said().splitlines() if f"{name} cannot be read" in line]
            equal(len(lines), 1, "warnings")
            holds(lines[0], "ENOENT")
            with open(mount.path("warned/by-name/e1/info"), encoding="utf-8") as info:
                holds(info.read(), "cannot be read: ENOENT")
        until(lambda: reading.can_be_opened(image), "it can be read again")
        os.stat(image)
        equal(mount.said().count(f"{name} can be read again"), 1, "words that it is back")


@contextlib.contextmanager
def on_base(directory, name, where, mode=0o600):
    """A domain whose disk is an overlay in `directory` on a base in `where`, as cloud images are."""
    base = os.path.join(where, f"{name}-base.qcow2")
    with Domain(name, directory, {"vda": "qcow2"}) as domain:
        os.rename(domain.disks[0].path, base)
        must("qemu-io", "-f", "qcow2", "-c", "write -P 0x5a 0 64k", base)
        os.chmod(base, mode)
        must("qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", domain.disks[0].path)
        domain.define()
        try:
            yield domain
        finally:
            os.unlink(base)


@test
def a_base_elsewhere_is_read_after_the_domain_was_seen_running(directory):
    where = os.path.join(directory, "golden")
    os.mkdir(where)
    with on_base(directory, "gold", where) as domain:
        with Mount(SYSTEM) as mount:
            domain.start()
            for number in (1, 2):
                domain.write(number)
                domain.snapshot(f"e{number}", "external")
            until(lambda: os.path.isdir(mount.path("gold/by-name/e2")), "e2 is seen")
            until(lambda: "golden" in kept(domain), "the chain is kept")
            domain.destroy()
            until(lambda: open(mount.path("gold/state"), encoding="ascii").read() == "shut off\n", "it is off")
            reading.compare(domain, mount, directory)
        with Mount(SYSTEM, "ro") as mount:
            reading.compare(domain, mount, directory)
        # The loss of the records costs a refusal, and no byte.
        os.unlink(f"/var/lib/snapfs/{domain.uuid}.kept")
        with Mount(SYSTEM) as mount:
            equal(reading.listed(mount.path("gold/by-name/e1")), ["vda"])
            refused(errno.EACCES, os.open, mount.path("gold/by-name/e1/vda.raw"), os.O_RDONLY)


@test
def a_base_that_everyone_may_read_and_root_alone_write_is_read(_):
    where, beside = "/var/lib/libvirt/golden", "/var/lib/libvirt/overlays"
    for directory in (where, beside):
        os.mkdir(directory, 0o755)
    with on_base(beside, "cloud", where, 0o644) as domain:
        base = f"{where}/cloud-base.qcow2"
        domain.snapshot("e1", "external")
        domain.write(1)
        domain.snapshot("e2", "external")
        with Mount(SYSTEM) as mount:
            reading.compare(domain, mount, "/run")
        for path, mode, was in ((base, 0o640, 0o644), (base, 0o664, 0o644), (where, 0o777, 0o755), (where, 0o750, 0o755)):
            os.chmod(path, mode)
            with Mount(SYSTEM) as mount:
                refused(errno.EACCES, os.open, mount.path("cloud/by-name/e1/vda.raw"), os.O_RDONLY)
            os.chmod(path, was)


@test
def the_option_hides_them(directory):
    with two_snapshots(directory, "hide", "unreadable=hide") as (domain, mount):
        with away(domain.disks[0].path), Mount(SYSTEM, "unreadable=unsupported") as other:
            until(lambda: not reading.listed(mount.path("hide/by-name/e1")), "it is not listed")
            equal(reading.listed(other.path("hide/by-name/e1")), ["vda"], "what is only away")


@test
def what_by_its_kind_is_never_read_may_be_left_out(directory):
    with Domain("kind", directory, {"vda": "raw", "vdb": "qcow2"}) as domain:
        sliced = domain.document().replace(
            f"<source file='{domain.disks[0].path}'/>",
            f"<source file='{domain.disks[0].path}'><slices><slice type='storage' offset='0' size='4194304'/>"
            "</slices></source>",
        )
        path = os.path.join(directory, "sliced.xml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(sliced)
        domain.virsh("define", path)
        domain.snapshot("e1", "external")
        with Mount(SYSTEM) as shown, Mount(SYSTEM, "unreadable=unsupported") as left:
            equal(reading.listed(shown.path("kind/by-name/e1")), ["vda", "vdb"])
            refused(errno.EOPNOTSUPP, os.open, shown.path("kind/by-name/e1/vda.raw"), os.O_RDONLY)
            equal(reading.listed(left.path("kind/by-name/e1")), ["vdb"])


with scratch() as directory:
    run(directory)
