# SPDX-License-Identifier: GPL-3.0-or-later
"""A shell makes a snapshot a day and deletes the oldest: all that are kept keep their bytes, and neither files
nor space pile up.

SNAPFS_ROTATION_ROUNDS is the number of days of each test.
"""

import os
from random import Random

from lib import daemon, reading
from lib.command import must
from lib.domain import MIB, SYSTEM, Domain
from lib.matrix.content import digest_of_file
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, note, run, test, true

ROUNDS = int(os.environ.get("SNAPFS_ROTATION_ROUNDS", 10))
KEEP = 7
# The guest writes to these regions in turn, so that the disk takes no more space than they do.
REGION = 2 * MIB
LENGTH = 256 << 10
# The clusters that a region's data may lie in twice while tags come and go, and QEMU's tables.
SLACK = 2 * REGION + MIB

DAY = """cd "$1" && mkdir "current/$(date -d "2026-01-01 $2 days" +%F)" """
OLDEST = """cd "$1"
while [ "$(ls by-name | wc -l)" -gt "$2" ]; do
    oldest=$(ls by-name | head -n 1)
    echo merge > "by-name/$oldest/delete" || exit 1
done"""


def shell(script, *arguments):
    must("sh", "-c", script, "sh", *arguments)


def space(directory):
    """The bytes that its files take."""
    return sum(entry.stat().st_blocks * 512 for entry in os.scandir(directory))


class Rotation:
    def __init__(self, directory, name, options, start):
        os.mkdir(os.path.join(directory, name))
        self.domain = Domain(name, os.path.join(directory, name), {"vda": "qcow2"}, 8 * MIB)
        self.options, self.start = options, start
        self.random, self.held = Random(name), {}

    def run(self):
        with self.domain, Mount(SYSTEM, f"domain={self.domain.name}", *self.options) as mount:
            self.mount, before = mount, daemon.pid()
            if self.start:
                self.domain.start()
            for number in range(ROUNDS):
                self.day(number)
            equal(self.domain.state(), "running" if self.start else "shut off", "state")
            equal(daemon.pid(), before, "the process of libvirtd")

    def day(self, number):
        directory = self.mount.path(self.domain.name)
        offset = self.random.randrange(0, REGION - LENGTH, 512)
        self.domain.write(1 + number, offset, LENGTH)
        shell(DAY, directory, str(number))
        self.note()
        shell(OLDEST, directory, str(KEEP))
        self.check(number)

    def images(self):
        top = self.mount.path(self.domain.name, "by-name")
        return {name: digest_of_file(f"{top}/{name}/vda.raw") for name in os.listdir(top)}

    def note(self):
        """Checks that the newest has the bytes that QEMU reads."""
        name = self.domain.current()
        self.held[name] = self.by_qemu(name)

    def by_qemu(self, name):
        path = os.path.join("/run", "rotation")
        reading.by_qemu(self.domain, name, "vda", path)
        found = digest_of_file(path)
        os.unlink(path)
        return found

    def check(self, number):
        kept = sorted(self.held)[-KEEP:]
        self.held = {name: self.held[name] for name in kept}
        equal(self.images(), self.held, f"what is kept on day {number}")
        equal(len(set(self.held.values())), len(kept), "different contents")
        parents = dict(zip(kept, [None, *kept]))
        equal(self.domain.parents(), parents, "parents")
        self.bounded(number)

    def bounded(self, number):
        """Checks that there are no more files, and not much more space, than at the first delete."""
        directory = self.domain.directory
        now = len(os.listdir(directory)), space(directory)
        if number == KEEP:
            self.first = now
            note(f"{self.domain.name}: {now[0]} files with {now[1]} bytes on day {number}")
        if number > KEEP:
            true(now[0] <= self.first[0], f"{now[0]} files on day {number}, {self.first[0]} before")
            true(now[1] <= self.first[1] + SLACK, f"{now[1]} bytes on day {number}, {self.first[1]} before")
        if number + 1 == ROUNDS:
            note(f"{self.domain.name}: {now[0]} files with {now[1]} bytes at the end")


@test
def internal_running(directory):
    Rotation(directory, "internal-on", (), True).run()


@test
def internal_shut_off(directory):
    Rotation(directory, "internal-off", (), False).run()


@test
def external_running(directory):
    Rotation(directory, "external-on", ("create=disk-only",), True).run()


@test
def external_shut_off(directory):
    Rotation(directory, "external-off", ("create=disk-only",), False).run()


@test
def with_memory(directory):
    Rotation(directory, "with-memory", ("create=external",), True).run()


with scratch() as directory:
    run(directory)
