# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of mkdir, rmdir and revert, seen through virsh; changes by virsh, seen in the tree."""

import contextlib
import errno
import os

from lib import reading
from lib.domain import MIB, SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.wait import until

# The cache's second, and more time for a busy machine.
SOON = 1.5


@contextlib.contextmanager
def mounted(name, directory, disks=None, start=True):
    """A domain of that name and a mount that shows it."""
    with Domain(name, directory, disks) as domain, Mount(SYSTEM, f"domain={name}") as mount:
        if start:
            domain.start()
        domain.write(0x11)
        yield domain, mount


def echo(text, path):
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(descriptor, f"{text}\n".encode())
    finally:
        os.close(descriptor)


def last_log(mount, domain):
    with open(mount.path(domain.name, "log"), encoding="utf-8") as file:
        return file.read().splitlines()[-1]


def tree(mount, domain):
    """Returns every snapshot's parent, by the directories."""
    found = {}
    top = mount.path(domain.name, "snapshots")
    for directory, names, _ in os.walk(top):
        for name in names:
            found[name] = None if directory == top else os.path.basename(directory)
    return found


def current(mount, domain):
    path = os.readlink(mount.path(domain.name, "current"))
    return None if path == "snapshots" else os.path.basename(path)


def agree(mount, domain):
    equal(tree(mount, domain), domain.parents(), "the tree and virsh")
    equal(current(mount, domain), domain.current(), "current in the tree and in virsh")


def live_bytes(domain, target):
    """Returns the bytes of a shut-off domain's disk."""
    path = os.path.join(domain.directory, "live")
    reading.convert(*domain.live_source(target), path)
    with open(path, "rb") as file:
        return file.read()


@test
def mkdir_running_makes_a_full_checkpoint(directory):
    with mounted("mkdir-on", directory) as (domain, mount):
        os.mkdir(mount.path(domain.name, "snapshots/one"))
        agree(mount, domain)
        holds(domain.snapshot_xml("one"), "<memory snapshot='internal'/>")
        domain.write(0x22)
        os.mkdir(mount.path(domain.name, "current/two"))
        equal(domain.parents(), {"one": None, "two": "one"})
        agree(mount, domain)
        reading.compare(domain, mount, directory)


@test
def mkdir_shut_off_makes_an_internal_one(directory):
    with mounted("mkdir-off", directory, start=False) as (domain, mount):
        os.mkdir(mount.path(domain.name, "snapshots/one"))
        agree(mount, domain)
        true(domain.is_internal("one", "vda") and domain.is_internal("one", "vdb"), "not internal")
        domain.write(0x22)
        os.mkdir(mount.path(domain.name, "current/two"))
        reading.compare(domain, mount, directory)


@test
def mkdir_of_a_raw_disk_makes_an_external_one_and_the_log_says_so(directory):
    for start in (True, False):
        name = f"mkdir-raw-{start}"
        with mounted(name, directory, {"vda": "raw"}, start) as (domain, mount):
            os.mkdir(mount.path(name, "snapshots/one"))
            agree(mount, domain)
            true(not domain.is_internal("one", "vda"), "internal in a raw disk")
            holds(last_log(mount, domain), "external")
            domain.write(0x22)
            os.mkdir(mount.path(name, "current/two"))
            reading.compare(domain, mount, directory)


@test
def rmdir_deletes_an_internal_one_and_its_tags(directory):
    for start in (True, False):
        with mounted(f"rmdir-in-{start}", directory, start=start) as (domain, mount):
            domain.snapshot("one")
            domain.write(0x22)
            domain.snapshot("two")
            until(lambda: "two" in tree(mount, domain), "two is seen", SOON)
            refused(errno.ENOTEMPTY, os.rmdir, mount.path(domain.name, "snapshots/one"))
            os.rmdir(mount.path(domain.name, "snapshots/one/two"))
            agree(mount, domain)
            equal(domain.parents(), {"one": None})
            for disk in domain.disks:
                equal(reading.tags(disk.path), ["one"], f"tags in {disk.path}")
            reading.compare(domain, mount, directory)


@test
def rmdir_merges_an_external_leaf(directory):
    for start in (True, False):
        with mounted(f"rmdir-ex-{start}", directory, start=start) as (domain, mount):
            domain.snapshot("one", "external")
            domain.write(0x22, 2 * MIB)
            domain.snapshot("two", "external")
            domain.write(0x33, 3 * MIB)
            overlay = domain.live_source("vda")[0]
            until(lambda: "two" in tree(mount, domain), "two is seen", SOON)
            os.rmdir(mount.path(domain.name, "snapshots/one/two"))
            agree(mount, domain)
            true(not os.path.exists(overlay), f"{overlay} is still there")
            reading.compare(domain, mount, directory)
            if start:
                domain.destroy()
            content = live_bytes(domain, "vda")
            equal((content[2 * MIB], content[3 * MIB]), (0x22, 0x33), "bytes of the live disk")


@test
def revert_puts_the_bytes_back_and_moves_current(directory):
    for start in (True, False):
        with mounted(f"revert-{start}", directory, start=start) as (domain, mount):
            domain.snapshot("one")
            domain.write(0x22)
            domain.snapshot("two")
            domain.write(0x33)
            until(lambda: "two" in tree(mount, domain), "two is seen", SOON)
            echo("", mount.path(domain.name, "by-name/one/revert"))
            equal(domain.current(), "one")
            equal(domain.running(), start, "running")
            agree(mount, domain)
            reading.compare(domain, mount, directory)
            os.mkdir(mount.path(domain.name, "current/three"))
            equal(domain.parents(), {"one": None, "two": "one", "three": "one"})
            agree(mount, domain)
            if start:
                domain.destroy()
            equal(live_bytes(domain, "vdb")[MIB], 0x11, "byte of the live disk")


@test
def revert_takes_words(directory):
    with mounted("revert-words", directory) as (domain, mount):
        domain.snapshot("one")
        until(lambda: "one" in tree(mount, domain), "one is seen", SOON)
        echo("paused", mount.path(domain.name, "by-name/one/revert"))
        equal(domain.state(), "paused")
        echo("running", mount.path(domain.name, "by-name/one/revert"))
        equal(domain.state(), "running")


@test
def revert_to_an_external_one(directory):
    with mounted("revert-ex", directory) as (domain, mount):
        domain.snapshot("one", "external")
        domain.write(0x22)
        domain.snapshot("two", "external")
        domain.write(0x33)
        domain.destroy()
        until(lambda: "two" in tree(mount, domain), "two is seen", SOON)
        before = domain.parents()
        revert = mount.path(domain.name, "by-name/one/revert")
        echo("", revert)
        equal(domain.current(), "one")
        equal(live_bytes(domain, "vda")[MIB], 0x11, "byte of the live disk")
        equal(domain.parents(), before)
        agree(mount, domain)
        reading.compare(domain, mount, directory)


@test
def description_goes_to_libvirt(directory):
    with mounted("describe", directory) as (domain, mount):
        domain.snapshot("one")
        until(lambda: "one" in tree(mount, domain), "one is seen", SOON)
        domain.write(0x22)
        domain.snapshot("two")
        echo("before & after", mount.path(domain.name, "by-name/one/description"))
        holds(domain.snapshot_xml("one"), "<description>before &amp; after</description>")
        equal(domain.current(), "two", "the current mark")
        equal(domain.parents(), {"one": None, "two": "one"})


@test
def what_virsh_does_shows_within_a_second(directory):
    with mounted("seen", directory) as (domain, mount):
        shows = lambda: (tree(mount, domain), current(mount, domain))  # noqa: E731

        def becomes(parents, now):
            until(lambda: shows() == (parents, now), f"{parents} with {now} as current", SOON)

        becomes({}, None)
        domain.snapshot("one")
        becomes({"one": None}, "one")
        domain.write(0x22)
        domain.snapshot("two", "external")
        becomes({"one": None, "two": "one"}, "two")
        domain.delete("two", "--metadata")
        becomes({"one": None}, "one")
        domain.destroy()
        until(lambda: state(mount, domain) == "shut off", "shut off is seen", SOON)


@test
def what_virsh_reverts_and_makes_again_shows_within_a_second(directory):
    with mounted("seen-again", directory) as (domain, mount):
        domain.snapshot("one")
        domain.write(0x22)
        domain.snapshot("two")
        until(lambda: current(mount, domain) == "two", "two is current", SOON)
        domain.revert("one")
        until(lambda: current(mount, domain) == "one", "one is current", SOON)
        before = number(mount.path("seen-again/by-name/two"))
        domain.delete("two")
        domain.write(0x33)
        domain.snapshot("two")
        until(
            lambda: number(mount.path("seen-again/by-name/two")) not in (None, before),
            "two is another one",
            SOON,
        )
        reading.compare(domain, mount, directory)


@test
def domains_come_and_go(directory):
    with Mount(SYSTEM) as mount:
        true("fleeting" not in os.listdir(mount.point), "already there")
        with Domain("fleeting", directory):
            until(lambda: "fleeting" in os.listdir(mount.point), "the domain is seen", SOON)
        until(lambda: "fleeting" not in os.listdir(mount.point), "its end is seen", SOON)


def number(path):
    """Returns its inode number; None if it is not there."""
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return None


def state(mount, domain):
    with open(mount.path(domain.name, "state"), encoding="utf-8") as file:
        return file.read().strip()


FORGED = "x\n2026-01-01T00:00:00Z uid=0 pid=1 delete web: ok\u2028\u009b31mred\u202e"
REDEFINED = "the metadata of 'x 2026-01-01T00:00:00Z uid=0 pid=1 delete web: ok?????31mred???' is put back"


@test
def a_name_makes_no_line_of_its_own_in_log_or_info(directory):
    with Domain("forged", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM, "cache=0") as mount:
        document = os.path.join(directory, "forged.xml")
        with open(document, "w", encoding="utf-8") as file:
            file.write(f"<domainsnapshot><name>{FORGED}</name></domainsnapshot>")
        domain.virsh("snapshot-create", "forged", document)
        (name,) = os.listdir(mount.path("forged/snapshots"))
        keys = [line.split(":")[0] for line in shown(mount.path("forged/snapshots", name, "info"))]
        equal(keys[:3], ["Name", "Domain", "Current"], "keys of info")
        with open(mount.path("forged/snapshots", name, "snapshot.xml"), encoding="utf-8") as file:
            echo("redefine\n" + file.read(), mount.path("forged/create"))
        lines = shown(mount.path("forged/log"))
        equal(len(lines), 1, "lines in the log")
        holds(lines[0], REDEFINED, "the line")


def shown(path):
    """The lines of a text; no character but a newline ends one or is obeyed by a terminal."""
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    equal([one for one in text if one != "\n" and not one.isprintable()], [], f"characters in {path}")
    return text.splitlines()


SECRETS = """<disk type='network' device='cdrom'><driver name='qemu' type='raw'/>
      <source protocol='https' name='a.iso'><host name='192.0.2.1' port='443'/>
        <cookies><cookie name='session'>sesame</cookie></cookies></source>
      <target dev='hdc' bus='ide'/><readonly/></disk>
    <graphics type='vnc' port='-1' autoport='yes' passwd='open2'/></devices>"""


class SecretDomain(Domain):
    """libvirt hides parts of it from a read-only connection."""

    def document(self):
        return super().document().replace("</devices>", SECRETS)


@test
def a_redefine_keeps_every_secret_of_the_snapshot(directory):
    with SecretDomain("hiding", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM, "cache=0") as mount:
        domain.snapshot("s1")
        before = domain.virsh("snapshot-dumpxml", "--security-info", "hiding", "s1")
        for secret in (">sesame<", "'open2'"):
            holds(before, secret, "the snapshot")
        with open(mount.path("hiding/snapshots/s1/snapshot.xml"), encoding="utf-8") as file:
            document = file.read()
        equal("sesame" in document, False, "a secret in the mount")
        echo("redefine\n" + document.replace("<name>s1</name>", "<name>s1</name><description>x</description>"),
             mount.path("hiding/create"))
        after = domain.virsh("snapshot-dumpxml", "--security-info", "hiding", "s1")
        equal(after.replace("  <description>x</description>\n", ""), before, "the snapshot")
        holds(after, "<description>x</description>")


with scratch() as directory:
    run(directory)
