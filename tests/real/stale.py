# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot deleted and made again at once is never read stale."""

import errno
import os

from lib.domain import MIB, SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, fail, run, test, true
from lib.wait import until

TIMES = 100
GONE = (errno.ESTALE, errno.ENOENT, errno.EIO)
LENGTH = 64 << 10


def read(path):
    """Returns the bytes at 1 MiB; None if the error says that the snapshot is being exchanged."""
    try:
        with open(path, "rb", buffering=0) as file:
            return read_open(file)
    except OSError as error:
        true(error.errno in GONE, f"{path}: {error}")
        return None


def read_open(file):
    try:
        return os.pread(file.fileno(), LENGTH, MIB)
    except OSError as error:
        true(error.errno in GONE, f"{file.name}: {error}")
        return None


def exchange(domain, mount, kind):
    """Makes, reads and deletes the snapshot again and again, with other bytes each time."""
    path = mount.path(domain.name, "by-name/again/vda.raw")
    seen = 0
    before = None
    for number in range(1, TIMES + 1):
        content = bytes([number]) * LENGTH
        domain.write(number, targets=["vda"])
        domain.snapshot("again", kind)
        check_old(before, number - 1)
        found = until(lambda: read(path), f"the image of round {number} can be read", 3)
        equal(found[:4], content[:4], f"bytes in round {number}")
        true(found == content, f"mixed bytes in round {number}")
        seen += 1
        before = open(path, "rb", buffering=0)
        domain.delete("again")
    before.close()
    equal(seen, TIMES, "rounds")


def check_old(file, number):
    """A file that was opened in an earlier round gives that round's bytes, perhaps not all."""
    if file is None:
        return
    found = read_open(file)
    file.close()
    if found and found != bytes([number]) * len(found):
        fail(f"the file opened in round {number} now gives {found[:4].hex()}")


@test
def internal_a_hundred_times(directory):
    with Domain("stale-in", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM) as mount:
        domain.start()
        exchange(domain, mount, "internal")


@test
def internal_a_hundred_times_shut_off(directory):
    with Domain("stale-off", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM) as mount:
        exchange(domain, mount, "internal")


@test
def external_a_hundred_times(directory):
    with Domain("stale-ex", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM) as mount:
        domain.start()
        exchange(domain, mount, "external")


@test
def inode_numbers_differ_once_made_again(directory):
    with Domain("inodes", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM, "cache=0") as mount:
        numbers = set()
        for number in range(1, 11):
            domain.write(number)
            domain.snapshot("again")
            numbers.add(os.stat(mount.path("inodes/snapshots/again/vda.raw")).st_ino)
            numbers.add(os.stat(mount.path("inodes/snapshots/again")).st_ino)
            domain.delete("again")
        equal(len(numbers), 20, "different inode numbers")


with scratch() as directory:
    run(directory)
