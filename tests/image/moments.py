# SPDX-License-Identifier: GPL-3.0-or-later
"""QEMU changes an image at each exact moment of an open and a read: the bytes are all old or all new,
or the read fails with one of the errors for that.

tests/image/stepper.c stops before each system call in turn, so that every order is tried.
"""

import contextlib
import itertools
import mmap
import os
import shutil
import stat
import subprocess
import time

from corpus import CLUSTER, Patch
from disks import KI, MI, create, io, load, snapshot
from lib.command import must
from lib.scratch import scratch
from lib.tap import equal, fail, holds, run, test, true
from qemu import Qemu

STEPPER = os.environ["SNAPFS_STEPPER"]
SIZE, MOMENTS_MAX = 4 * MI, 1000
OLD, NEW = "bytes 1", "bytes 9"


def stop_at(moment, path, tag, action, change, format="qcow2"):
    """The phase in which the reader was stopped for the change, None once there are no more such
    moments, and the lines that it printed then."""
    with subprocess.Popen([STEPPER, str(moment), format, path, tag, action], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as process:
        try:
            phase, lines = None, []
            for line in process.stdout:
                lines.append(line.strip())
                if line.startswith("halt "):
                    phase = lines.pop().split()[1]
                    change()
                    print(file=process.stdin, flush=True)
            status = process.wait(timeout=30)
        finally:
            process.kill()
    equal(status, 0, f"stepper's status at moment {moment}")
    return phase, [line for line in lines if not line.startswith("opened ")]


def at_every_moment(path, tag, change, *, expected, action="read", format="qcow2", fresh=lambda: None):
    """`expected`: by phase, the outcomes that are right: "failed ERRNO" or all lines printed."""
    phases = []
    for moment in itertools.count(1):
        fresh()
        phase, lines = stop_at(moment, path, tag, action, change, format)
        if phase is None or phase not in expected:
            break
        said = "\n".join(lines)
        outcome = " ".join(said.split()[:2]) if said.startswith("failed ") else said
        if outcome not in expected[phase]:
            fail(f"{path} '{tag}' changed at moment {moment} ('{phase}'): {said}")
        phases.append(phase)
        true(moment < MOMENTS_MAX, "the reader comes to no end")
    equal(set(phases), set(expected), "phases in which there were moments")
    true(len(phases) >= 8, f"only {len(phases)} moments")


def outcomes(new=()):
    """Returns the right outcomes if `OLD` is replaced by something that may be read as `new`."""
    return {"open": {OLD, "failed ESTALE", "failed EBUSY", *new}, "between": {"failed ESTALE"},
            "use": {OLD, "failed ESTALE"}}


class Template:
    """Files as they are before the change, with a modification time that needs no waiting."""

    def __init__(self, *paths):
        self.paths = paths
        for path in paths:
            shutil.copyfile(path, path + ".template")

    def restore(self):
        for path in self.paths:
            shutil.copyfile(path + ".template", path)
            os.utime(path, (1, 1))


def filled(path, value=1, format="qcow2", **options):
    create(path, SIZE, format=format, **options)
    io(path, [f"write -P {value} 0 {SIZE}"], format=format)
    return path


def fill(device, value, flags=os.O_SYNC):
    """Writes the whole of a block device; without `flags` it stays in memory at first."""
    with mmap.mmap(-1, SIZE) as page, contextlib.closing(open(device, "wb", 0, opener=with_flags(flags))) as file:
        page[:] = bytes([value]) * SIZE
        equal(file.write(page), SIZE, "bytes written")


def with_flags(more):
    return lambda path, flags: os.open(path, (flags | more) & ~(os.O_CREAT | os.O_TRUNC))


@test
def a_snapshot_made_in_a_running_domains_file(directory):
    """Clusters of 512 bytes: each L1 table makes the file longer."""
    path = filled(os.path.join(directory, "grows"), cluster_size=512)
    sizes = [os.stat(path).st_size]

    def make():
        qemu.do("blockdev-snapshot-internal-sync", device="disk", name=f"t{len(sizes)}")
        sizes.append(os.stat(path).st_size)

    with Qemu(path) as qemu:
        for moment in itertools.count(1):
            phase, lines = stop_at(moment, path, f"t{len(sizes)}", "read", make)
            if phase != "open":
                break
            true(lines == [OLD] or lines[0].startswith("failed ENOENT"), f"moment {moment}: {lines}")
    true(moment >= 8, f"only {moment} moments")
    true(len(set(sizes)) > len(sizes) / 2, f"the file was to grow: {sizes}")


@test
def a_snapshot_that_stays_while_its_table_moves(directory):
    """The place of the old table soon has the bytes of a disk."""
    path = filled(os.path.join(directory, "stays"))
    for name in ("stays", "goes"):
        snapshot(path, name)

    def change():
        must("qemu-img", "snapshot", "-d", "goes", path)
        io(path, ["write -P 9 0 4M"])

    at_every_moment(path, "stays", change, fresh=Template(path).restore,
                    expected={phase: {OLD} for phase in ("open", "between", "use")})


@test
def a_bitmap_added_to_the_file_of_a_snapshot(directory):
    """The header's extensions change; the snapshot and its backing file do not."""
    base = filled(os.path.join(directory, "under-bitmap"))
    top = create(os.path.join(directory, "bitmap"), SIZE, backing=("under-bitmap", "qcow2"))
    snapshot(top, "s1")
    io(top, [f"write -P 2 0 {SIZE}"])
    at_every_moment(top, "s1", lambda: must("qemu-img", "bitmap", "--add", top, "b"),
                    fresh=Template(top, base).restore,
                    expected={phase: {OLD} for phase in ("open", "between", "use")})


def with_snapshot(path):
    snapshot(filled(path), "s1")
    io(path, [f"write -P 2 0 {SIZE}"])
    return path


def delete_and_reuse(path):
    must("qemu-img", "snapshot", "-d", "s1", path)
    io(path, ["discard 0 4M", "write -P 9 0 4M"])


@test
def a_snapshot_deleted_and_its_clusters_used_again(directory):
    path = with_snapshot(os.path.join(directory, "deleted"))
    template = Template(path)
    at_every_moment(path, "s1", lambda: delete_and_reuse(path), fresh=template.restore,
                    expected=outcomes(["failed ENOENT"]))


def put(path, bytes):
    with open(path, "r+b") as file:
        file.write(bytes)
        file.truncate(len(bytes))


def between(path, tag):
    """The number of the moment between the opening and the rest."""
    phases = (stop_at(moment, path, tag, "read", lambda: None)[0] for moment in itertools.count(1))
    return 1 + next(at for at, phase in enumerate(phases) if phase == "between")


@test
def a_header_that_is_half_old_and_half_new_vouches_for_nothing(directory):
    """For a moment, the old number of snapshots with the place of the new table, behind which are the bytes of the one
    that was deleted, for as long as it takes to read them."""
    path = with_snapshot(os.path.join(directory, "torn"))
    snapshot(path, "s2")
    os.utime(path, (1, 1))
    before = Patch(path)
    length = 40 + before.get(before.table + 36, ">I") + sum(before.get(before.table + at, ">H") for at in (12, 14))
    entry = before.bytes[before.table : before.table + length]
    template = Template(path)
    delete_and_reuse(path)
    after = Patch(path)
    equal((before.get(60, ">I"), after.get(60, ">I")), (2, 1), "snapshots")
    behind = after.table + (length + 7) // 8 * 8
    equal(after.bytes[behind : behind + length], bytes(length), "what is behind the new table")
    after.bytes[behind : behind + length] = entry
    new = bytes(after.bytes)
    after.put32(60, 2)
    torn = bytes(after.bytes)
    template.restore()
    first = between(path, "s1")
    for moment in itertools.count(first + 1):
        template.restore()
        states = iter((torn, new))
        phase, lines = stop_at(f"{first},{moment}", path, "s1", "read", lambda: put(path, next(states)))
        if phase != "use":
            break
        true(lines[0].startswith("failed ESTALE"), f"mended at moment {moment}, opened at {first}: {lines}")
    true(moment > first + 3, f"only {moment - first} moments")


def behind_others(path, size):
    """The one snapshot's entry after so many bytes of others, in a new table at the file's end."""
    image = Patch(path)
    entry = bytes(image.bytes[image.table :][: 40 + 24 + 8])
    other = bytearray(40 + 1024 + 8)
    other[12:14], other[36:40] = (5).to_bytes(2, "big"), (1024).to_bytes(4, "big")
    count = size // len(other)
    image.bytes += bytes(-len(image.bytes) % CLUSTER)
    image.put(64, len(image.bytes))
    image.put32(60, count + 1)
    for number in range(count):
        other[-8:-3] = b"%05d" % (number + 10)
        image.bytes += other
    image.bytes += entry
    image.write(path)
    os.utime(path, (1, 1))


def drop_last(path):
    """The last snapshot is deleted; a program that does this can put the file's time back."""
    image = Patch(path)
    with open(path, "r+b") as file:
        file.seek(60)
        file.write((image.get(60, ">I") - 1).to_bytes(4, "big"))
    os.utime(path, (1, 1))


@test
def a_large_table_is_not_read_again_while_nobody_writes_to_the_file(directory):
    path = with_snapshot(os.path.join(directory, "large"))
    equal(Patch(path).get(Patch(path).table + 36, ">I"), 24, "extra data of QEMU's")
    template = Template(path)
    behind_others(path, 1 * MI)
    wait_until_quiet(path)
    holds(must("qemu-img", "snapshot", "-l", path).splitlines()[-1], " s1 ", "QEMU's last snapshot")
    first = between(path, "s1")
    states = [stop_at(moment, path, "s1", "read", lambda: None) for moment in range(first + 1, first + 12)]
    true(states[0] == ("use", [OLD]) and states[-1] == (None, [OLD]), f"a table of 1 MiB: {states}")
    for state in states[:-1]:
        equal(state[1], [OLD], "bytes")
    phase, lines = stop_at(f"{first},{first + 1}", path, "s1", "read", lambda: drop_last(path))
    equal(lines[0].split()[:2], ["failed", "ESTALE"], f"deleted {phase}")
    template.restore()
    behind_others(path, 17 * MI)
    holds(must(STEPPER, 0, "qcow2", path, "s1", "read"), "failed EOPNOTSUPP", "a table of 17 MiB")


def wait_until_quiet(path):
    """Waits until the file's ctime is old enough; nothing can set a ctime back."""
    time.sleep(max(0, os.stat(path).st_ctime - time.time() + 0.03))


@test
def a_header_that_no_qemu_writes_is_refused(directory):
    path = filled(os.path.join(directory, "header"), cluster_size="2M")
    snapshot(path, "s1")
    image = Patch(path)
    start, length = image.get(100, ">I"), 65 * KI
    extensions = bytes(image.bytes[start:4096])
    image.put32(start, 0x12345678)
    image.put32(start + 4, length)
    image.bytes[start + 8 : start + 8 + length + len(extensions)] = bytes(length) + extensions
    image.write(path)
    holds(must("qemu-img", "snapshot", "-l", path), "s1", "what QEMU lists")
    holds(must(STEPPER, 0, "qcow2", path, "s1", "read"), "failed EOPNOTSUPP", "a header of 65 KiB")


@test
def a_map_of_a_snapshot_being_deleted(directory):
    path = with_snapshot(os.path.join(directory, "mapped"))
    template = Template(path)
    _, before = stop_at(0, path, "s1", "map", None)
    true(before and before[0].startswith("extent 0 "), f"{before}")
    right = {phase: {"\n".join(before) if one == OLD else one for one in allowed}
             for phase, allowed in outcomes(["failed ENOENT"]).items()}
    at_every_moment(path, "s1", lambda: delete_and_reuse(path), action="map", fresh=template.restore,
                    expected=right)


@test
def a_file_below_an_internal_snapshot_written(directory):
    base = filled(os.path.join(directory, "below"))
    top = create(os.path.join(directory, "above"), SIZE, backing=("below", "qcow2"))
    snapshot(top, "s1")
    at_every_moment(top, "s1", lambda: io(base, ["write -P 9 0 4M"]), fresh=Template(base, top).restore,
                    expected=outcomes([NEW]))


@test
def an_external_data_file_written(directory):
    data = os.path.join(directory, "outside.raw")
    path = filled(os.path.join(directory, "outside"), data_file=data)

    def write():
        with open(data, "r+b") as file:
            file.write(b"\x09" * SIZE)

    at_every_moment(path, "-", write, fresh=Template(path, data).restore, expected=outcomes([NEW]))


@test
def a_block_device_written_by_another_node(directory):
    """Writes as libvirt's QEMU does, which has its own /dev: neither locks nor times tell."""
    path = filled(os.path.join(directory, "device"), format="raw")
    device = must("losetup", "-f", "--show", path).strip()
    try:
        for name, direct in (("direct", os.O_DIRECT), ("buffered", 0)):
            node = os.path.join(directory, name)
            os.mknod(node, stat.S_IFBLK | 0o600, os.stat(device).st_rdev)
            at_every_moment(device, "-", lambda: fill(node, 9, direct), fresh=lambda: fill(node, 1),
                            format="raw", expected=outcomes([NEW]))
    finally:
        must("losetup", "-d", device)


@test
def another_backing_name_of_the_same_length(directory):
    """The headers differ in one byte, which is in the name; in version 2 it is byte 200."""
    for compat, where in (("0.10", 200), ("1.1", None)):
        names = [compat + "n" * (104 - len(compat)) + letter + "n" * 8 for letter in "ab"]
        for value, name in zip((1, 9), names):
            os.utime(filled(os.path.join(directory, name), value), (1, 1))
        top = create(os.path.join(directory, "renamed"), SIZE, backing=(names[0], "qcow2"), compat=compat)
        snapshot(top, "s1")
        template, before = Template(top), load(top)[:4096]

        def rename():
            must("qemu-img", "rebase", "-u", "-b", names[1], "-F", "qcow2", top)

        rename()
        changed = [at for at, (a, b) in enumerate(zip(before, load(top))) if a != b]
        equal(changed, [where or Patch(top).get(8) + 104], "bytes of the header that differ")
        at_every_moment(top, "s1", rename, fresh=template.restore, expected=outcomes([NEW]))


@test
def a_file_just_written_is_waited_for(directory):
    """Waits until a later write would have another time."""
    path = filled(os.path.join(directory, "young"))
    for ahead in (0, 10_000_000, 15_000_000):
        os.utime(path, ns=(0, time.time_ns() + ahead))
        said = must(STEPPER, 0, "qcow2", path, "-", "read")
        true(said.startswith("opened ") and said.endswith(OLD + "\n"), said)
        age = int(said.split()[1])
        true(age >= 20, f"opened at the age of {age} ms")


@test
def a_file_whose_locks_cannot_be_asked_for(directory):
    path = with_snapshot(os.path.join(directory, "unlocked"))
    said = must(STEPPER, "nolocks", "qcow2", path, "-", "read")
    true(said.startswith("failed EBUSY") and "may be in use" in said, said)
    holds(must(STEPPER, "nolocks", "qcow2", path, "s1", "read"), OLD, "a snapshot needs no locks")


with scratch() as place:
    run(place)
