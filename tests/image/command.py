# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of snapfs-cat: its output, and one sentence and status 1 for every error."""

import contextlib
import os
import shutil
import subprocess

from disks import CAT, MI, cat, create, io, load, snapshot
from lib.command import attempt, must
from lib.scratch import scratch
from lib.tap import equal, holds, run, test, true


def refused(*arguments, word):
    result = attempt(CAT, *arguments)
    equal((result.status, result.out), (1, ""), f"{arguments}")
    true(result.err.startswith("snapfs-cat: ") and result.err.count("\n") == 1, result.err)
    holds(result.err, word, f"sentence for {arguments}")


@test
def bad_arguments(path):
    refused(word="no image")
    refused(path, word="never guessed")
    refused("-f", "qcow2", path, path, word="more than one image")
    refused("-f", "qcow2", "-s", "a", "-i", "1", path, word="exclude")
    refused("-f", "qcow2", "--map", "--info", path, word="exclude")
    refused("-f", "qcow2", "--nonsense", path, word="--nonsense")
    refused("-f", "qcow2", "-o", word="missing value")
    for number in ("", "x", "-1", "1 ", "1KK", "0x10", "99999999999999999999", "99999999999T"):
        refused("-f", "qcow2", "-o", number, path, word="not a number")


@test
def bad_images(path):
    refused("-f", "qcow2", "/no/such/file", word="No such file")
    refused("-f", "qcow2", "/", word="neither a regular file")
    refused("-f", "cloop", path, word="'cloop'")
    refused("-f", "qcow2", "-s", "gone", path, word="no snapshot named 'gone'")
    refused("-f", "raw", "-i", "1", path, word="raw")
    refused("-f", "qcow2", "--output", "/no/such/dir/x", path, word="/no/such/dir/x")
    refused("-f", "qcow2", "--output", "/dev/null", path, word="neither a regular file")


@test
def ranges(path):
    equal(cat(path, "-o", "1M", "-l", 10), bytes([2] * 10), "inside")
    equal(len(cat(path, "-o", "3M")), MI, "to the end")
    equal(len(cat(path, "-o", 4 * MI - 5, "-l", "9T")), 5, "past the end")
    equal(cat(path, "-o", "5M"), b"", "behind the end")


@test
def texts(path):
    holds(must(CAT, "--help"), "Usage: snapfs-cat", "help")
    true(must(CAT, "--version").startswith("snapfs-cat "), "version")
    info = must(CAT, "-f", "qcow2", "--info", path)
    holds(info, "Size: 4194304\n", "size")
    holds(info, f"Chain: {path} (qcow2, 4194304 bytes)\n", "chain")
    holds(info, "Snapshot: 1: s1 (4194304 bytes", "tags")
    holds(must(CAT, "-f", "qcow2", "-s", "s1", "--info", path), "snapshot 's1'", "the one shown")


@test
def names_that_a_terminal_would_obey(path):
    """ESC, the controls of UTF-8, bytes that are not UTF-8, and line breaks."""
    below = "b\x1b[2J\xa0\nSize= 7"
    create(os.path.join(os.path.dirname(path), below), MI, format="raw")
    strange = create(path + ".esc", MI, backing=(below, "raw"))
    snapshot(strange, "t\x1b]0;x\x07\x9b2J \xe9\udcff")
    done = subprocess.run([CAT, "-f", "qcow2", "--info", strange], capture_output=True)
    equal((done.returncode, done.stderr), (0, b""), "status")
    holds(done.stdout, b"/b?[2J\xc2\xa0 Size= 7 (raw", "the backing file")
    holds(done.stdout, b"Snapshot: 1: t?]0;x???2J \xc3\xa9? (", "the tag")
    equal([byte for byte in done.stdout if byte < 32 and byte != 10], [], "control bytes")
    equal(done.stdout.count(b"\n"), 4, "lines")
    done = subprocess.run([CAT, "-f", "qcow2", "-s", "\x1b\x9b\udcff", strange], capture_output=True)
    equal(done.returncode, 1, "status")
    holds(done.stderr, b"no snapshot named '????'", "an error")


@test
def a_block_device_is_read(path):
    shutil.copyfile(path, path + ".device")
    os.truncate(path + ".device", 8 * MI)
    with loop_device(path + ".device") as device:
        true(cat(device) == cat(path) and len(cat(device, "-s", "s1")) == 4 * MI, "the same bytes")


@contextlib.contextmanager
def loop_device(path):
    device = must("losetup", "-r", "-f", "--show", path).strip()
    try:
        yield device
    finally:
        must("losetup", "-d", device)


@test
def failed_writes_are_errors(path):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([CAT, "-f", "qcow2", path], stdout=full, stderr=subprocess.PIPE)
    equal(done.returncode, 1, "a full disk")
    holds(done.stderr.decode(), "No space left", "sentence")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([CAT, "-f", "qcow2", path], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    equal(done.returncode, 1, "a closed pipe")
    equal(done.stderr.decode(), "", "what it says")


@test
def images_are_not_touched(path):
    os.utime(path, (1, os.stat(path).st_mtime))
    before = load(path), os.stat(path).st_mtime_ns
    os.utime(path, (1, os.stat(path).st_mtime))
    cat(path)
    equal(os.stat(path).st_atime, 1, "time of the last access")
    true((load(path), os.stat(path).st_mtime_ns) == before, "bytes and time of change")


with scratch() as place:
    image = create(os.path.join(place, "image"), 4 * MI)
    io(image, ["write -P 1 0 1M", "write -P 2 1M 1M"])
    snapshot(image, "s1")
    run(image)
