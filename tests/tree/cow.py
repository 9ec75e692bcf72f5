# SPDX-License-Identifier: GPL-3.0-or-later
"""Throw-away writes: vda.cow and vda-part1.cow, on libvirt's test driver."""

import ctypes
import errno
import mmap
import os
import random
import stat
import subprocess
import threading

from lib import preset
from lib.command import attempt, must
from lib.mount import Mount
from lib.preset import Domain, Snapshot
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.wait import until

MIB = 1 << 20
SIZE = 8 * MIB
SECTOR = 512
PART = MIB  # where the partition begins
PART_SIZE = 4 * MIB + 3 * SECTOR  # ends inside a page
NAMES = ("base", "updates")
COWS_MAX = 4
LIBC = ctypes.CDLL(None, use_errno=True)


class Guest(Domain):
    """Its snapshots differ all over both disks; each disk has a partition."""

    def __init__(self, directory):
        super().__init__("web01", Snapshot("base", Snapshot("updates", current=True)), directory=directory,
                         disks=("vda", "vdb"))
        self.bytes = {}

    def make(self):
        chance = random.Random(1)
        for target in self.disks:
            plain, path = os.path.join(self.directory, "plain"), self.image(target)
            must("qemu-img", "create", "-q", "-f", "qcow2", path, SIZE)
            for name in NAMES:
                with open(plain, "wb") as file:
                    file.write(chance.randbytes(SIZE // 2) + bytes(SIZE // 2))
                must("sfdisk", "-q", plain, text=f"label: dos\nstart=2048, size={PART_SIZE // SECTOR}, type=83\n")
                must("qemu-img", "convert", "-n", "-f", "raw", "-O", "qcow2", plain, path)
                must("qemu-img", "snapshot", "-c", name, path)
                if name == "base":
                    must("qemu-img", "snapshot", "-c", "stray", path)
                with open(plain, "rb") as file:
                    self.bytes[target, name] = file.read()
            os.unlink(plain)

    def expected(self, file, name="base"):
        """Returns the file that QEMU has written to, for 'vda' or 'vda-part1'."""
        whole = self.bytes[file[:3], name]
        return whole[PART:PART + PART_SIZE] if file.endswith("-part1") else whole


def path(mount, file, name="base"):
    return mount.path("web01/by-name", name, file)


def read(where, length=-1):
    with open(where, "rb") as file:
        return file.read(length)


class Open:
    """`with Open(path) as fd:`"""

    def __init__(self, where, flags=os.O_RDWR):
        self.where, self.flags = where, flags

    def __enter__(self):
        self.descriptor = os.open(self.where, self.flags)
        return self.descriptor

    def __exit__(self, *_):
        os.close(self.descriptor)


@test
def it_is_found_by_name_alone_and_is_the_owners(guest, mount, _):
    listed = {directory: sorted(names + files) for directory, names, files in os.walk(mount.point)}
    for file, size in (("vda", SIZE), ("vda-part1", PART_SIZE)):
        one, raw = (os.stat(path(mount, file + end)) for end in (".cow", ".raw"))
        equal((one.st_size, stat.filemode(one.st_mode)), (size, "-rw-------"), file)
        true(one.st_ino != raw.st_ino, "the image has the same inode number")
        equal((one.st_uid, one.st_mtime), (raw.st_uid, raw.st_mtime))
        with Open(path(mount, file + ".cow")):
            equal({d: sorted(n + f) for d, n, f in os.walk(mount.point)}, listed, "a listing")
    with Mount(mount.uri, "fmask=000") as other:
        equal(stat.filemode(os.stat(path(other, "vda.cow")).st_mode), "-rw-------")
        equal(stat.filemode(os.stat(path(other, "vda.raw")).st_mode), "-r--r--r--")
    for name in ("vdc.cow", "vda-part2.cow", "vda-part01.cow", "memory.cow", ".cow", "-part1.cow", "vda.cow.cow"):
        refused(errno.ENOENT, os.stat, path(mount, name))


@test
def writes_of_any_offset_and_size_read_back_and_the_image_stays(guest, mount, _):
    chance = random.Random(2)
    true(guest.expected("vda") != guest.expected("vda", "updates"), "the snapshots do not differ")
    for file in ("vda", "vda-part1"):
        model = bytearray(guest.expected(file))
        with Open(path(mount, file + ".cow")) as fd:
            for _ in range(300):
                at = chance.choice((chance.randrange(len(model)), chance.randrange(len(model)) & ~4095,
                                    len(model) - chance.randrange(1, 5000)))
                data = chance.randbytes(chance.choice((1, 511, 4096, 5000, 70000, 300000)))[:len(model) - at]
                equal(os.pwrite(fd, data, at), len(data))
                model[at:at + len(data)] = data
                begin = max(0, at - chance.randrange(9000))
                equal(os.pread(fd, len(data) + 9000, begin) == model[begin:begin + len(data) + 9000], True, "a read")
            os.fsync(fd)
            true(read(path(mount, file + ".cow")) == model, "another open does not read what was written")
            must("sh", "-c", "echo 3 > /proc/sys/vm/drop_caches")
            true(read(f"/proc/self/fd/{fd}") == model, "without the kernel's pages it reads other bytes")
            for name in NAMES:
                true(read(path(mount, file + ".raw", name)) == guest.expected(file, name), f"{name} has changed")
            true(read(path(mount, file + ".cow", "updates")) == guest.expected(file, "updates"), "another's has changed")
        true(read(path(mount, file + ".cow")) == guest.expected(file), "the writes outlive their view")


@test
def a_view_goes_with_its_last_open_however_soon_it_is_opened_again(guest, mount, _):
    where, expected = path(mount, "vda.cow"), guest.expected("vda")[:4096]
    for number in range(200):
        with Open(where) as fd:
            equal(os.pread(fd, 4096, 0) == expected, True, f"the {number}th life begins with the image's bytes")
            os.pwrite(fd, bytes([number]) * 4096, 0)
    for number in range(4):  # a process that is killed closes, too
        with subprocess.Popen(["sh", "-c", f"exec 3<>{where}; echo {number} >&3; echo; read x"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdout.read(1)
            equal(read(where, 3), b"%d\n" % number + expected[len(str(number)) + 1:3])
            process.kill()
        equal(read(where, 4096) == expected, True, "after a kill")


@test
def opens_share_one_view_and_files_have_their_own(guest, mount, _):
    where, expected = path(mount, "vda.cow"), guest.expected("vda")
    with Open(where, os.O_RDONLY) as early:
        equal(os.pread(early, 8, 0), expected[:8], "before anyone writes")
        with Open(where) as one, Open(where) as two:
            os.pwrite(one, b"first", 0)
            os.pwrite(two, b"second", 8)
            for fd in (early, one, two):
                equal(os.pread(fd, 14, 0), b"first" + expected[5:8] + b"second")
            for other in ("vdb.cow", "vda-part1.cow", "vda.raw"):
                equal(read(path(mount, other), 14), guest.expected(other[:-4])[:14], other)
        equal(os.pread(early, 5, 0), b"first", "a reader keeps the view")
    equal(read(where, 14), expected[:14])
    with Open(where, os.O_RDONLY) as fd:
        refused(errno.EBADF, os.write, fd, b"x")


@test
def a_tag_that_libvirt_does_not_know_has_them_too(guest, mount, _):
    for part in ("vda", "vda-part1"):
        where = mount.path("web01/unmanaged/stray", f"{part}.cow")
        with Open(where) as fd:
            os.pwrite(fd, b"written", 0)
            equal(read(where), b"written" + guest.expected(part)[7:])
        true(read(where) == guest.expected(part), "something is left")
    equal(sorted(os.listdir(mount.path("web01/unmanaged/stray"))), ["info", "vda.raw", "vdb.raw"])


@test
def what_is_no_write_is_refused(guest, mount, _):
    where = path(mount, "vda-part1.cow")
    refused(errno.EPERM, os.open, where, os.O_RDWR | os.O_TRUNC)
    refused(errno.EPERM, os.truncate, where, 0)
    refused(errno.EROFS, os.unlink, where)
    refused(errno.EROFS, os.rename, where, path(mount, "new.cow"))
    refused(errno.EPERM, os.chmod, where, 0o644)
    refused(errno.EEXIST, os.mkdir, where)
    refused(errno.EROFS, os.open, path(mount, "vdz.cow"), os.O_RDWR | os.O_CREAT)
    with Open(where) as fd:
        for size in (0, PART_SIZE - 1, PART_SIZE + 1):
            refused(errno.EPERM, os.ftruncate, fd, size)
        os.ftruncate(fd, PART_SIZE)
        for fallocate_mode in (0, 3):  # 3: a hole, as a loop device's discard
            equal(LIBC.fallocate(fd, fallocate_mode, ctypes.c_long(0), ctypes.c_long(4096)), -1)
            equal(ctypes.get_errno(), errno.EOPNOTSUPP)
        os.fsync(fd)
        os.fdatasync(fd)
        equal(os.pwrite(fd, b"0123456789", PART_SIZE - 4), 4, "bytes written at the end")
        refused(errno.ENOSPC, os.pwrite, fd, b"x", PART_SIZE)
        refused(errno.ENOSPC, os.pwrite, fd, b"x", 1 << 60)
        equal(os.fstat(fd).st_size, PART_SIZE)
        equal(os.pread(fd, 100, PART_SIZE - 4), b"0123")
        equal(os.lseek(fd, 5, os.SEEK_DATA), 5)
        equal(os.lseek(fd, 5, os.SEEK_HOLE), PART_SIZE)
    with Open(where, os.O_WRONLY | os.O_APPEND) as fd:
        refused(errno.ENOSPC, os.write, fd, b"x")


@test
def pages_and_direct_writes_are_the_views_too(guest, mount, _):
    where, expected = path(mount, "vda.cow"), guest.expected("vda")
    for _ in range(3):
        with Open(where) as fd, mmap.mmap(fd, SIZE) as pages:
            true(pages[:8192] == expected[:8192], "the view does not begin anew")
            pages[5000:5005] = b"paged"
            pages.flush()
            equal(os.pread(fd, 5, 5000), b"paged")
            os.pwrite(fd, b"wrote", 9000)
            equal(pages[9000:9005], b"wrote")
            with Open(where, os.O_RDWR | os.O_DIRECT) as direct:
                aligned = mmap.mmap(-1, 8192)
                os.preadv(direct, [aligned], 4096)
                true(aligned[904:909] == b"paged" and aligned[4904:4909] == b"wrote", "direct reads miss writes")
                aligned[:5] = b"plain"
                equal(os.pwritev(direct, [aligned], 1 << 20), 8192)
                equal((pages[1 << 20:(1 << 20) + 5], os.pread(fd, 5, 1 << 20)), (b"plain", b"plain"))
            pages[6000:6005] = b"never"  # data that was not written back is lost with the view
    true(read(where) == expected, "something is left")


@test
def threads_write_and_read_side_by_side(guest, mount, _):
    where, failures = path(mount, "vda.cow"), []
    region = SIZE // 8

    def work(number):
        chance = random.Random(number)
        model = bytearray(guest.expected("vda")[number * region:(number + 1) * region])
        with Open(where) as fd:
            for _ in range(150):
                at = chance.randrange(region)
                data = chance.randbytes(chance.randrange(1, 9000))[:region - at]
                os.pwrite(fd, data, number * region + at)
                model[at:at + len(data)] = data
                if os.pread(fd, region, number * region) != model:
                    failures.append(number)

    with Open(where):
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    equal(failures, [], "threads that have read other bytes than theirs")


@test
def four_files_have_a_view_at_a_time_and_each_its_room(guest, mount, state):
    with Mount(mount.uri, "cow=1", environment=state) as other:
        files = [path(other, f"{file}.cow", name) for name in NAMES for file in ("vda", "vda-part1", "vdb")]
        opened = [os.open(file, os.O_RDWR) for file in files[:COWS_MAX]]
        refused(errno.ENOSPC, os.open, files[COWS_MAX], os.O_RDWR)
        holds(other.said(), "4 .cow files are open for writing already")
        true(read(files[COWS_MAX]) == guest.expected("vda-part1", "updates"), "it cannot be read either")
        opened.append(os.open(files[0], os.O_RDWR))
        os.close(opened.pop(1))
        opened.append(os.open(files[COWS_MAX], os.O_RDWR))
        for fd in opened[:2]:
            equal(os.pwrite(fd, b"x" * (MIB - 4096), 4096), MIB - 4096)
            equal(os.pwrite(fd, b"x", 0), 1)
            refused(errno.ENOSPC, os.pwrite, fd, b"x", 2 * MIB)
            equal(os.pwrite(fd, b"y" * 8192, 4096), 8192, "bytes over what was written")
            equal(os.pread(fd, 4, 2 * MIB), guest.bytes["vda" if fd == opened[0] else "vdb", "base"][2 * MIB:2 * MIB + 4])
        holds(other.said(), "mount with a larger 'cow='")
        for fd in opened:
            os.close(fd)
        true(read(files[0]) == guest.expected("vda"), "something is left")
    for option in ("cow=0", "cow=x", "cow=", "cow=-1", "cow=99999999"):
        equal(attempt(os.environ["SNAPFS"], "-f", "-o", option, mount.uri, mount.point).status, 1, option)


@test
def a_read_only_mount_has_them_and_changes_nothing_else(guest, mount, state):
    with Mount(mount.uri, "ro", environment=state) as other:
        where, top = path(other, "vda-part1.cow"), other.path("web01")
        with Open(where) as fd:
            os.pwrite(fd, b"written", 100)
            equal(read(where, 107)[100:], b"written")
        true(read(where) == guest.expected("vda-part1"), "something is left")
        base = os.path.join(top, "snapshots/base")
        for call, *arguments in (
            (os.mkdir, f"{base}/new"), (os.mkdir, f"{top}/new"), (os.rmdir, f"{base}/updates"), (os.rmdir, top),
            (os.unlink, f"{base}/vda.raw"), (os.unlink, f"{base}/vda.cow"), (os.unlink, f"{top}/current"),
            (os.rename, f"{base}/updates", f"{base}/x"), (os.rename, f"{top}/state", f"{top}/x"),
            (os.symlink, "x", f"{top}/x"), (os.link, f"{top}/state", f"{top}/x"), (os.mkfifo, f"{top}/x"),
            (os.chmod, f"{base}/vda.cow", 0o666), (os.chmod, base, 0o700), (os.utime, f"{base}/info"),
            (os.chown, top, 1, 1), (os.truncate, f"{base}/description", 0), (os.truncate, f"{base}/vda.raw", 0),
            (os.setxattr, base, "user.x", b"x"), (os.removexattr, base, "user.x"),
            *((os.open, f"{base}/{file}", os.O_WRONLY) for file in ("description", "revert", "delete", "vda.raw",
                                                                    "info", "needed-by", "vda-part1.raw")),
            *((os.open, f"{top}/{file}", os.O_RDWR) for file in ("create", "log", "domain.xml")),
            (os.open, f"{top}/create", os.O_WRONLY | os.O_TRUNC), (os.open, f"{top}/x", os.O_RDWR | os.O_CREAT),
        ):
            refused(errno.EROFS, call, *arguments)
        equal(stat.filemode(os.stat(f"{base}/description").st_mode), "-rw-r--r--")


@test
def a_full_state_directory_is_enospc_and_nothing_is_left_in_it(guest, mount, _):
    small = os.path.join(guest.directory, "small")
    os.mkdir(small)
    must("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small)
    with Mount(mount.uri, environment={"STATE_DIRECTORY": small}) as other:
        where = path(other, "vda.cow")
        with Open(where) as fd:
            before = os.listdir(small)
            equal(os.pwrite(fd, b"kept", 0), 4)
            written = 0
            while written < SIZE - MIB:
                try:
                    os.pwrite(fd, b"x" * 65536, MIB + written)
                except OSError as error:
                    equal(errno.errorcode[error.errno], "ENOSPC")
                    break
                written += 65536
            true(0 < written < MIB, f"{written} bytes were written")
            equal((os.pread(fd, 4, 0), os.pread(fd, 1, MIB + written - 1)), (b"kept", b"x"))
            equal(os.listdir(small), before, "files in the state directory")
            holds(other.said(), "No space left on device")
        fd = os.open(where, os.O_RDWR)
        equal(os.pread(fd, 4, 0), guest.expected("vda")[:4])
        equal(os.pwrite(fd, b"x" * (MIB // 2), MIB), MIB // 2, "bytes in the room that came back")
        other.process.kill()
        other.process.wait()
        other.process.returncode = 0  # it was us
        refused(errno.ENOTCONN, os.close, fd)
    equal(os.listdir(small), before, "files that a kill has left")
    must("umount", small)
    with Mount(mount.uri, prefix=("prlimit", f"--fsize={MIB}"), environment={"STATE_DIRECTORY": small}) as other:
        with Open(path(other, "vda.cow")) as fd:
            equal(os.pwrite(fd, b"x" * MIB, 0), MIB)
            refused(errno.ENOSPC, os.pwrite, fd, b"x", MIB)
            equal(os.pread(fd, 2, 3 * MIB), guest.expected("vda")[3 * MIB:3 * MIB + 2])
    with Mount(mount.uri, environment={"STATE_DIRECTORY": "/proc/nowhere"}) as other:
        refused(errno.EIO, os.open, path(other, "vda.cow"), os.O_RDWR)
        true(read(path(other, "vda.cow")) == guest.expected("vda"), "it cannot be read either")


@test
def an_image_that_cannot_be_read_has_none(guest, mount, _):
    away = guest.image("vdb")
    os.rename(away, away + ".away")
    with Mount(mount.uri) as other:
        for end in (".raw", ".cow"):
            for flags in (os.O_RDONLY, os.O_RDWR) if end == ".cow" else (os.O_RDONLY,):
                refused(errno.EIO, os.open, path(other, "vdb" + end), flags)
            refused(errno.ENOENT, os.stat, path(other, "vdb-part1" + end))
    os.rename(away + ".away", away)


with scratch() as directory:
    guest = Guest(directory)
    guest.make()
    state = {"STATE_DIRECTORY": os.path.join(directory, "state")}
    uri = preset.write(os.path.join(directory, "node.xml"), guest)
    with Mount(uri, environment=state) as mount:
        run(guest, mount, state)
