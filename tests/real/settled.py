# SPDX-License-Identifier: GPL-3.0-or-later
"""If libvirt's own files have not changed, snapfs does not ask again; every change still shows at once."""

import os
import time

from lib.domain import SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, run, test, true

HOUR = 3600 * 10**9


def directory_of(domain):
    return f"/var/lib/libvirt/qemu/snapshot/{domain.name}"


def settle(domain, hours=1):
    """Makes the files look hours old; returns the time."""
    then = time.time_ns() - hours * HOUR
    os.utime(directory_of(domain), ns=(then, then))
    return then


def describe(domain, name, text):
    document = os.path.join(domain.directory, "document.xml")
    with open(document, "w", encoding="utf-8") as file:
        xml = domain.snapshot_xml(name)
        end = xml.index("</name>") + len("</name>")
        file.write(f"{xml[:end]}<description>{text}</description>{xml[end:]}")
    current = ["--current"] if domain.current() == name else []
    domain.virsh("snapshot-create", domain.name, document, "--redefine", *current)


def description(mount, domain, name):
    with open(mount.path(domain.name, "by-name", name, "description"), encoding="utf-8") as file:
        return file.read()


def shown(mount, domain):
    return sorted(os.listdir(mount.path(domain.name, "by-name")))


@test
def what_is_as_it_was_is_not_asked_for(directory):
    with Domain("asked", directory) as domain, Mount(SYSTEM, "cache=0") as mount:
        domain.snapshot("one")
        then = settle(domain)
        equal(description(mount, domain, "one"), "", "description")
        describe(domain, "one", "unseen")
        os.utime(directory_of(domain), ns=(then, then))
        equal(description(mount, domain, "one"), "", "description, its time being put back")
        settle(domain, 2)
        equal(description(mount, domain, "one"), "unseen\n", "description, its time being another")


@test
def what_was_written_of_late_is_asked_for(directory):
    with Domain("late", directory) as domain, Mount(SYSTEM, "cache=0") as mount:
        domain.snapshot("one")
        equal(description(mount, domain, "one"), "", "description")
        then = os.stat(directory_of(domain)).st_mtime_ns
        describe(domain, "one", "seen")
        os.utime(directory_of(domain), ns=(then, then))
        equal(description(mount, domain, "one"), "seen\n", "description, its time being put back")


@test
def every_change_shows_at_once(directory):
    with Domain("changes", directory) as domain, Mount(SYSTEM, "cache=0") as mount:
        current = mount.path("changes/current")
        for name in ("one", "two", "three"):
            if domain.snapshots():
                settle(domain)
            shown(mount, domain)
            domain.snapshot(name)
            equal(shown(mount, domain), domain.snapshots(), f"after '{name}' was made")
        for text in ("first", "second"):
            settle(domain)
            description(mount, domain, "two")
            describe(domain, "two", text)
            equal(description(mount, domain, "two"), f"{text}\n", "description")
        settle(domain)
        equal(os.path.basename(os.readlink(current)), "three", "current")
        domain.virsh("snapshot-current", domain.name, "one")
        equal(os.path.basename(os.readlink(current)), "one", "current, once changed")
        settle(domain)
        os.readlink(current)
        domain.revert("two")
        equal(os.path.basename(os.readlink(current)), "two", "current, once reverted to")
        settle(domain)
        shown(mount, domain)
        domain.delete("two")
        equal(shown(mount, domain), ["one", "three"], "after a delete")
        true(os.path.isdir(mount.path("changes/snapshots/one/three")), "its child moved up")


@test
def a_snapshot_that_goes_without_a_trace_is_counted(directory):
    with Domain("counted", directory) as domain, Mount(SYSTEM, "cache=0") as mount:
        domain.snapshot("one")
        domain.snapshot("two")
        then = settle(domain)
        equal(shown(mount, domain), ["one", "two"], "before")
        domain.delete("two")
        os.utime(directory_of(domain), ns=(then, then))
        equal(shown(mount, domain), ["one"], "after")


with scratch() as directory:
    run(directory)
