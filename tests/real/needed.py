# SPDX-License-Identifier: GPL-3.0-or-later
"""`needed-by`: the users of a snapshot's files, in any domain."""

import os

from lib.command import must
from lib.domain import SYSTEM, Domain
from lib.mount import Mount
from lib.opens import Opens
from lib.scratch import scratch
from lib.tap import equal, run, test, true
from lib.wait import until
from lib.watch import clone_on, prepared


def needed_by(mount, domain, name):
    """The users, if the text is as long as it was said to be: others may change it between the two."""
    path = mount.path(domain.name, "by-name", name, "needed-by")
    size = os.stat(path).st_size
    with open(path, encoding="utf-8") as file:
        text = file.read()
    return text.splitlines() if size == len(text.encode()) else None


def becomes(mount, domain, name, *expected):
    """Waits until the shown answer is new; it may be a second old."""
    until(lambda: needed_by(mount, domain, name) == list(expected), f"{name}: {expected}")


def snapshot(domain, name):
    return f"snapshot '{name}' of domain '{domain.name}' (vda)"


def live(domain):
    return f"the live disk vda of domain '{domain.name}'"


@test
def those_above_it_and_its_own_disk(directory):
    with prepared(directory, "line", "i1", "i2", "e1", "e2", start=False) as (domain, mount):
        # i1 and i2 are tags in a file that also has e1's bytes; it is the backing file of e2's file.
        above = [live(domain), snapshot(domain, "e1"), snapshot(domain, "e2")]
        becomes(mount, domain, "i1", *above)
        becomes(mount, domain, "i2", *above)
        becomes(mount, domain, "e1", live(domain), snapshot(domain, "e2"))
        becomes(mount, domain, "e2", live(domain))
        os.rmdir(os.path.realpath(mount.path("line/by-name/e2")))
        becomes(mount, domain, "e1", live(domain))


@test
def nobody(directory):
    with prepared(directory, "alone", "i1", "i2", start=False) as (domain, mount):
        becomes(mount, domain, "i1")
        domain.start()
        becomes(mount, domain, "i2")


@test
def other_domains_and_clones_on_an_image(directory):
    with prepared(directory, "web", "i1", "e1", start=False) as (domain, mount):
        file = domain.snapshot_source("e1", "vda")[0]
        with clone_on(domain, directory, file, "qcow2") as other:
            becomes(mount, domain, "e1", live(domain), live(other))
            becomes(mount, domain, "i1", live(domain), snapshot(domain, "e1"), live(other))
        becomes(mount, domain, "e1", live(domain))
        image = mount.path("web/by-name/i1/vda.raw")
        with clone_on(domain, directory, image, "raw") as other:
            becomes(mount, domain, "i1", live(domain), snapshot(domain, "e1"), live(other))
            becomes(mount, domain, "e1", live(domain))


@test
def domains_that_the_mount_does_not_show(directory):
    with prepared(directory, "shown", "e1", start=False) as (domain, _):
        file = domain.snapshot_source("e1", "vda")[0]
        with Mount(SYSTEM, "domain=shown") as mount, clone_on(domain, directory, file, "qcow2") as other:
            becomes(mount, domain, "e1", live(domain), live(other))


@test
def a_tag_that_nobody_manages(directory):
    with prepared(directory, "tagged", "e1", start=False) as (domain, mount):
        overlay = domain.live_source("vda")[0]
        must("qemu-img", "snapshot", "-c", "tag", overlay)
        becomes(mount, domain, "e1", f"tag 'tag' in '{overlay}'", live(domain))


@test
def a_name_with_a_line_break_forges_no_line(directory):
    with prepared(directory, "broken", "e1", start=False) as (domain, mount):
        overlay = domain.live_source("vda")[0]
        must("qemu-img", "snapshot", "-c", "one\ntwo", overlay)
        becomes(mount, domain, "e1", f"tag 'one two' in '{overlay}'", live(domain))


@test
def it_is_never_listed_and_info_never_changes_for_it(directory):
    with prepared(directory, "hidden", "e1", start=False) as (domain, mount):
        snapshot = mount.path("hidden/by-name/e1/")
        info = os.path.join(snapshot, "info")
        with open(info, encoding="utf-8") as file:
            before = file.read()
        true("needed-by" not in os.listdir(snapshot), "it is listed")
        becomes(mount, domain, "e1", live(domain))
        true("needed-by" not in os.listdir(snapshot), "it is listed once it was read")
        with open(info, encoding="utf-8") as file:
            equal(file.read(), before)


@test
def no_listing_asks_about_other_domains(directory):
    with prepared(directory, "alone", "i1", "e1", start=False) as (domain, mount):
        file = domain.snapshot_source("e1", "vda")[0]
        with clone_on(domain, directory, file, "qcow2") as other:
            with Opens(other.live_source("vda")[0]) as opens:
                must("ls", "-lR", mount.path("alone"))
                for name in ("i1", "e1"):
                    must("cat", mount.path("alone/by-name", name, "info"))
                true(not opens.any(), "the clone's file is opened")
                becomes(mount, domain, "e1", live(domain), live(other))
                true(opens.any(), "the clone's file is not opened for needed-by")


with scratch() as directory:
    run(directory)
