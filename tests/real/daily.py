# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups over days of rotation on a flat mount: restic and borg read one new image a day.

SNAPFS_DAILY_DAYS is the number of days.
"""

import os

from lib import backups, reading
from lib.command import must
from lib.control import write
from lib.domain import SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, run, test, true

DAYS = int(os.environ.get("SNAPFS_DAILY_DAYS", 3))


class Repositories:
    def __init__(self, place):
        self.environment = backups.environment(place)
        backups.prepare(("restic", "borg"), place)

    def must(self, *command, **keywords):
        return must(*command, env=self.environment, **keywords)

    def restic(self, source):
        """The images that restic reads."""
        said = self.must("restic", "-vv", "backup", source)
        return sorted(line.split()[1].rstrip(",") for line in said.splitlines()
                      if ".raw" in line and line.split()[0] in ("new", "modified"))

    def borg(self, source, day):
        """The images that borg reads."""
        command = "borg", "create", "--list", "--filter", "AMEC", f"::{day}", source
        result = must("sh", "-c", '"$@" 2>&1', "sh", *command, env=self.environment)
        return sorted(line.split()[1] for line in result.splitlines() if ".raw" in line)

    def restored(self, path, to):
        self.must("restic", "-q", "restore", "latest", "--target", to, "--include", path)
        return to + path


@test
def the_second_day_reads_one_new_image(directory):
    with Domain("daily", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM, "flat") as mount:
        backups = Repositories(os.path.join(directory, "repositories"))
        domain.start()
        source, made = mount.path("daily/by-name"), []

        def new_day(number):
            domain.write(number)
            name = f"day{number}"
            write(mount.path("daily/create"), f"{name} disk-only\n")
            made.append(name)
            return mount.path("daily/by-name", name, "vda.raw")

        first = sorted([new_day(1), new_day(2)])
        for tool, read in (("restic", backups.restic(source)), ("borg", backups.borg(source, "first"))):
            equal(read, first, f"images that {tool} reads on the first day")
        for day in range(3, 3 + DAYS):
            image = new_day(day)
            write(mount.path("daily/by-name", made.pop(0), "delete"), "merge\n")
            for tool, read in (("restic", backups.restic(source)), ("borg", backups.borg(source, str(day)))):
                equal(read, [image], f"images that {tool} reads on day {day}")
        reading.compare(domain, mount, directory)
        expected = os.path.join(directory, "expected")
        reading.by_qemu(domain, made[0], "vda", expected)
        restored = backups.restored(mount.path("daily/by-name", made[0], "vda.raw"), os.path.join(directory, "back"))
        true(reading.same(restored, expected), "what restic restores is another disk")


with scratch() as directory:
    run(directory)
