# SPDX-License-Identifier: GPL-3.0-or-later
"""snapfs-cat --output: the bytes that QEMU reads, with its holes. After any failure in between, no file
looks like a whole copy."""

import contextlib
import fcntl
import os
import pty
import resource
import signal
import stat
import struct
import subprocess
import termios
import threading

from corpus import COPIED, Patch
from disks import CAT, KI, MI, cat, create, expected, first_difference, io, load, scribble, seeded, snapshot
from lib.command import attempt, must
from lib.scratch import scratch
from lib.storage import Storage
from lib.tap import equal, holds, run, test, true
from lib.wait import until

SIZE = 40 * MI
# The end of a disk that no copy in these tests reaches.
NEVER = 1 << 40
# The block of a file system, and of zeros that become a hole.
BLOCK = 4 * KI


def copy(image, target, *options, format="qcow2", **keywords):
    return attempt(CAT, "-f", format, *options, "--output", target, image, **keywords)


def copied(image, target, *options, **keywords):
    result = copy(image, target, *options, **keywords)
    equal((result.status, result.out, result.err), (0, "", ""), "a copy")
    return load(target)


def refused(result, *words):
    equal((result.status, result.out), (1, ""), "status")
    equal(result.err.count("\n"), 1, "sentences")
    for word in words:
        holds(result.err, word, "sentence")


def data(path):
    """Returns the ranges of a file that have data, joined."""
    found = []
    with open(path, "rb") as file:
        end = os.fstat(file.fileno()).st_size
        at = 0
        while at < end:
            try:
                start = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            at = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            found.append((start, at))
    return found


def data_of_qemu(path):
    """Returns the same for a file of qemu-img, which always gives storage to the first block."""
    found = data(path)
    if found[:1] and found[0][0] == 0 and load(path)[:BLOCK] == bytes(BLOCK):
        found[:1] = [(BLOCK, found[0][1])] if found[0][1] > BLOCK else []
    return found


@contextlib.contextmanager
def loop_device(path, *options):
    device = must("losetup", *options, "-f", "--show", path).strip()
    try:
        yield device
    finally:
        must("losetup", "-d", device)


class Long:
    """A copy that does not end by itself, once it has begun to write."""

    def __init__(self, image, target, *options, **keywords):
        self.target = target
        self.process = subprocess.Popen(
            [CAT, "-f", "qcow2", *options, "--output", target, image],
            stderr=subprocess.PIPE, text=True, **keywords,
        )

    def __enter__(self):
        until(self.grows, "the copy has begun")
        return self

    def grows(self):
        if self.process.poll() is not None:
            raise RuntimeError(self.process.stderr.read())
        return os.path.exists(self.target) and os.stat(self.target).st_size

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def end(self):
        """Returns its status and its messages."""
        said = self.process.communicate(timeout=30)[1]
        return self.process.returncode, said


def endless(directory):
    """A disk of 1 TiB, all data, in a small file: every table entry leads to the same cluster."""
    path = create(os.path.join(directory, "endless"), NEVER)
    io(path, ["write -P 7 0 64k"])
    image = Patch(path)
    entry, table = image.get(image.l2()), image.l2()
    for index in range(64 * KI // 8):
        image.put(table + 8 * index, entry)
    for index in range(image.get(36, ">I")):
        image.put(image.l1 + 8 * index, table | COPIED)
    image.write(path)
    return path


@test
def holes_are_where_qemu_has_them(rng, directory):
    base = create(os.path.join(directory, "base"), SIZE)
    scribble(base, rng, directory, count=60, compress=8)
    snapshot(base, "s")
    scribble(base, rng, directory, count=30)
    top = create(os.path.join(directory, "top"), SIZE - 512, backing=("base", "qcow2"), cluster_size="4k")
    scribble(top, rng, directory, count=30)
    for image, options, id in ((base, (), None), (base, ("-s", "s"), "1"), (top, (), None)):
        theirs, ours = expected(image, id=id), image + ".copy"
        difference = first_difference(copied(image, ours, *options), load(theirs))
        equal(difference, None, f"copy of {image} {options}")
        equal(data(ours), data_of_qemu(theirs), f"the data of {image} {options}")
        blocks = [os.stat(path).st_blocks for path in (ours, theirs)]
        true(blocks[0] <= blocks[1] + 64, f"blocks {blocks} of {image} {options}")


@test
def written_zeros_are_holes(_, directory):
    image = create(os.path.join(directory, "zeros"), 4 * MI)
    io(image, ["write -P 0 0 2M", "write -P 5 1M 4k", "write -P 6 3145216 512"])
    copied(image, image + ".copy")
    equal(data(image + ".copy"), [(MI, MI + BLOCK), (3 * MI - BLOCK, 3 * MI)], "data")
    equal(os.stat(image + ".copy").st_mode & 0o777, 0o600, "a file for its owner alone")


@test
def a_part_of_the_disk(rng, directory):
    image = create(os.path.join(directory, "part"), SIZE, cluster_size="2M")
    scribble(image, rng, directory, count=60)
    whole = load(expected(image))
    ranges = [(0, 0), (0, 1), (SIZE - 1, 9), (SIZE + 5, 9), (SIZE, 0), (7 * MI + 3, 20 * MI + 1)]
    ranges += [(rng.randrange(SIZE), rng.randrange(20 * MI)) for _ in range(6)]
    for offset, length in ranges:
        part = copied(image, image + ".copy", "-o", offset, "-l", length)
        difference = first_difference(part, whole[offset : offset + length])
        equal(difference, None, f"{length} bytes at {offset}")
    equal(copied(image, image + ".copy", "-o", "39M"), whole[39 * MI :], "to the end")


@test
def other_options_exclude_it(_, directory):
    path = os.path.join(directory, "other")
    for option in ("--map", "--info"):
        for arguments in ((option, "--output", path), ("--output", path, option)):
            refused(attempt(CAT, "-f", "qcow2", *arguments, directory), "exclude each other")
    true(not os.path.exists(path), "no file is made")


@test
def an_existing_file_is_overwritten_in_place(_, directory):
    image = create(os.path.join(directory, "new"), MI)
    io(image, ["write -P 1 512k 64k"])
    target = os.path.join(directory, "old")
    with open(target, "wb") as file:
        file.write(b"old" * MI)
    os.chmod(target, 0o640)
    os.link(target, target + ".link")
    before = os.stat(target)
    equal(first_difference(copied(image, target), load(expected(image))), None, "bytes")
    after = os.stat(target + ".link")
    equal((after.st_ino, after.st_mode), (before.st_ino, before.st_mode), "the file")
    equal(data(target), [(512 * KI, 576 * KI)], "data")
    os.symlink("nowhere", target + ".nowhere")
    refused(copy(image, target + ".nowhere"), "No such file")
    true(not os.path.exists(os.path.join(directory, "nowhere")), "no file is made through a link")


@test
def no_file_of_the_chain_is_overwritten(_, directory):
    directory = os.path.join(directory, "own")
    os.mkdir(directory)
    base, top = os.path.join(directory, "base"), os.path.join(directory, "top")
    raw = os.path.join(directory, "data")
    create(base, MI, data_file=raw, data_file_raw="on")
    io(base, ["write -P 1 0 1M"])
    create(top, MI, backing=("base", "qcow2"))
    io(top, ["write -P 2 64k 64k"])
    os.link(base, base + ".hard")
    os.symlink(raw, raw + ".soft")
    names = [base, top, raw, base + ".hard", raw + ".soft"]
    before = [load(name) for name in names]
    for name in names:
        refused(copy(top, name), f"'{name}' is a file of the image itself")
    true([load(name) for name in names] == before, "all are as before")
    with loop_device(raw) as device:
        refused(copy(device, device, format="raw"), "is a file of the image itself")


@test
def a_file_in_use_is_left_alone(_, directory):
    image = create(os.path.join(directory, "source"), MI)
    used = create(os.path.join(directory, "used"), MI)
    before = load(used)
    with Storage(used):
        refused(copy(image, used), f"'{used}' is in use by another program")
        true(load(used) == before, "it is as it was")


@test
def damage_ends_the_copy(_, directory):
    image = create(os.path.join(directory, "damaged"), SIZE)
    io(image, [f"write -P 3 0 {SIZE}"])
    patch = Patch(image)
    patch.put(patch.l2() + SIZE // 2 // (64 * KI) * 8, 1 << 54)
    patch.write(image)
    target = image + ".copy"
    refused(copy(image, target), "is truncated", f"'{target}' was removed again")
    true(not os.path.exists(target), "no file is left")
    with open(target, "wb") as file:
        file.write(b"old")
    refused(copy(image, target), f"'{target}' is empty now")
    equal(load(target), b"", "what is left")


@test
def a_full_file_system_ends_the_copy(_, directory):
    image, place = create(os.path.join(directory, "full"), SIZE), os.path.join(directory, "small")
    io(image, [f"write -P 3 0 {SIZE}"])
    os.mkdir(place)
    script = 'mount -t tmpfs -o size=4m none "$1"; "$2" -f qcow2 --output "$1/x" "$3"; s=$?; ls "$1"; exit $s'
    done = attempt("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "-", place, CAT, image)
    refused(done, "No space left on device", "was removed again")


@test
def a_limit_on_the_size_ends_the_copy(_, directory):
    image = create(os.path.join(directory, "limited"), 8 * MI)
    io(image, ["write -P 3 0 64k"])
    target = image + ".copy"
    with open(target, "wb") as file:
        file.write(b"old")
    limit = resource.RLIMIT_FSIZE, (MI, MI)
    result = copy(image, target, preexec_fn=lambda: resource.setrlimit(*limit))
    refused(result, "File too large")
    equal(load(target), b"old", "what cannot be overwritten as a whole is not begun")


@test
def a_signal_ends_the_copy(_, directory):
    image, target = endless(directory), os.path.join(directory, "interrupted")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with Long(image, target) as long:
            long.process.send_signal(number)
            equal(long.end(), (-number, f"snapfs-cat: interrupted; '{target}' was removed again\n"))
        true(not os.path.exists(target), "no file is left")
    with Long(image, target, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as long:
        long.process.send_signal(signal.SIGHUP)
        long.process.send_signal(signal.SIGINT)
        equal(long.end()[0], -signal.SIGINT, "the end, with a SIGHUP that is ignored")


@test
def a_copy_that_was_killed_is_too_short(_, directory):
    image, target = endless(directory), os.path.join(directory, "killed")
    length = 16 * MI
    with Long(image, target, "-l", str(NEVER)) as long:
        result = attempt("qemu-io", "-r", "-f", "raw", "-c", "read 0 512", target)
        equal(result.status, 1, "QEMU reads a file that is being written")
        holds(result.err, "lock", "QEMU's words")
        refused(copy(image, target, "-l", length), "in use by another program")
        long.process.kill()
        long.end()
        true(0 < os.stat(target).st_size < NEVER, "the size of what is left")
    equal(len(copied(image, target, "-l", length)), length, "another copy onto it")


@test
def a_change_of_the_image_ends_the_copy(_, directory):
    image, target = endless(directory), os.path.join(directory, "changed")
    with Long(image, target) as long:
        os.utime(image)
        status, said = long.end()
    equal(status, 1, "status")
    holds(said, "was changed after the image was opened", "sentence")
    true(not os.path.exists(target), "no file is left")


@test
def a_block_device_gets_its_holes_as_zeros(rng, directory):
    image = create(os.path.join(directory, "onto-device"), SIZE, cluster_size=512)
    scribble(image, rng, directory, count=60)
    disk, noise = os.path.join(directory, "device"), rng.randbytes(SIZE + 3 * MI)
    with open(disk, "wb") as file:
        file.write(noise)
    with loop_device(disk) as device:
        equal(copy(image, device).status, 0, "status")
        equal(first_difference(load(device)[:SIZE], load(expected(image))), None, "bytes")
        true(load(device)[SIZE:] == noise[SIZE:], "what is behind is left alone")
        part = copy(image, device, "-o", "1000", "-l", 5 * MI)
        equal((part.status, load(device)[: 5 * MI]), (0, cat(image, "-o", 1000, "-l", 5 * MI)), "a part")


@test
def a_block_device_that_will_not_do(_, directory):
    image, disk = create(os.path.join(directory, "big"), 2 * MI), os.path.join(directory, "little")
    with open(disk, "wb") as file:
        file.write(b"old!" * (MI // 4))
    with loop_device(disk) as device:
        refused(copy(image, device), f"'{device}' has 1048576 bytes, of 2097152 that are needed")
        holder = os.open(device, os.O_RDONLY | os.O_EXCL)
        refused(copy(image, device, "-l", "1M"), "Device or resource busy")
        os.close(holder)
        true(stat.S_ISBLK(os.stat(device).st_mode), "the node is there")
        equal(load(device), b"old!" * (MI // 4), "what it holds")


@test
def a_bar_on_a_terminal(_, directory):
    image = create(os.path.join(directory, "bar"), SIZE)
    io(image, [f"write -P 3 0 {SIZE}"])
    for columns in (80, 20):
        shown = on_terminal(columns, CAT, "-f", "qcow2", "--output", image + ".copy", image)
        drawn = [part for part in shown.split("\r") if part.strip()]
        holds(drawn[-1], "100%", "the last bar")
        holds(drawn[-1], "40 MiB", "the data")
        equal(("=" in drawn[-1], max(map(len, drawn)) < columns), (columns == 80, True), "its width")
        true(shown.endswith(" \r"), "it is taken away again")


def on_terminal(columns, *command):
    """Returns the text that a program writes to its standard error, a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))
    shown = []
    reader = threading.Thread(target=lambda: shown.extend(iter(lambda: read_some(ours), b"")))
    reader.start()
    equal(subprocess.run(command, stderr=theirs).returncode, 0, "status")
    os.close(theirs)
    reader.join()
    os.close(ours)
    return b"".join(shown).decode()


def read_some(descriptor):
    try:
        return os.read(descriptor, 4096)
    except OSError:  # the other end was closed
        return b""


with scratch() as place:
    run(seeded(), place)
