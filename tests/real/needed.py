"""`Needed-by` in `info`: who stands on a snapshot's files, in any domain."""

import os

from lib.command import must
from lib.domain import SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, run, test
from lib.wait import until
from lib.watch import clone_on, prepared


def look(path):
    """The text, if it is as long as it was said to be: others may change it between the two."""
    size = os.stat(path).st_size
    with open(path, encoding="utf-8") as file:
        text = file.read()
    return text if size == len(text.encode()) else None


def info(mount, domain, name):
    return until(lambda: look(mount.path(domain.name, "by-name", name, "info")), f"the size of info of {name}")


def needed_by(mount, domain, name):
    lines = info(mount, domain, name).splitlines()
    return [line.split(":", 1)[1].strip() for line in lines if line.startswith("Needed-by:")]


def becomes(mount, domain, name, *expected):
    """What is shown was found out up to a second ago."""
    until(lambda: needed_by(mount, domain, name) == list(expected), f"{name}: {expected}")


def snapshot(domain, name):
    return f"snapshot '{name}' of domain '{domain.name}' (vda)"


def live(domain):
    return f"the live disk vda of domain '{domain.name}'"


@test
def those_above_it_and_its_own_disk(directory):
    with prepared(directory, "line", "i1", "i2", "e1", "e2", start=False) as (domain, mount):
        # i1 and i2 are tags in a file on which e1 has its bytes; that of e2 stands on it.
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
        becomes(mount, domain, "i1", "-")
        domain.start()
        becomes(mount, domain, "i2", "-")


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
def no_more_than_so_many_are_named(directory):
    with prepared(directory, "many", "e1", start=False) as (domain, mount):
        overlay = domain.live_source("vda")[0]
        tags = [f"tag{number:02}" for number in range(20)]
        for tag in tags:
            must("qemu-img", "snapshot", "-c", tag, overlay)
        named = [f"tag '{tag}' in '{overlay}'" for tag in tags[:16]]
        becomes(mount, domain, "e1", *named, "5 more")
        holds(info(mount, domain, "e1"), f"Needed-by:      {named[0]}\n")


with scratch() as directory:
    run(directory)
