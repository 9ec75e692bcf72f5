# SPDX-License-Identifier: GPL-3.0-or-later
"""Other programs change something in the middle of a delete. snapfs asks again before each step, goes on if the
change does no harm, and else stops first."""

import concurrent.futures
import contextlib
import errno
import fcntl
import os
import shlex

from lib import reading
from lib.command import must
from lib.control import job, last_log, write as command
from lib.domain import MIB, SYSTEM, Domain
from lib.dying import JOURNALS, meddling
from lib.held import COPY, Held, digest, tidy
from lib.line import write
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test
from lib.wait import until


def meanwhile(domain, directory, moment, *arguments):
    """A mount whose snapfs runs virsh with those arguments at that moment of its work, and waits for it."""
    virsh = shlex.join(["virsh", "-q", "-c", SYSTEM, *arguments])
    # Only its failure counts.
    return meddling(domain, moment, directory, f"{virsh} >/dev/null")


def delete(mount, domain, name, words="merge"):
    command(mount.path(domain.name, "by-name", name, "delete"), f"{words}\n")


# ---- with its descendants ----

# The moments of the first delete of an internal snapshot.
PLAN_NOTED, FORGET_NOTED, FORGOTTEN = 1, 2, 3


@contextlib.contextmanager
def line_of_internal_ones(name, directory, *names):
    with Domain(name, directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        held = Held(domain)
        for number, one in enumerate(names, 1):
            write(domain, number)
            held.snapshot(one, "internal")
        write(domain, 0xEE)
        yield domain, held


def edit(domain, directory, name, description):
    """Returns virsh's arguments that give the snapshot that description."""
    path = os.path.join(directory, f"{domain.name}.{name}.{description}")
    document = domain.snapshot_xml(name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(document.replace("</name>", f"</name><description>{description}</description>", 1))
    return "snapshot-create", domain.name, path, "--redefine"


def delete_edited(mount, domain, directory, name, words):
    """Deletes a snapshot; its description changes while the delete waits for its turn, so that only the delete
    knows of the snapshot as it then is."""
    first = edit(domain, directory, name, "first")
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        with open(os.path.join(JOURNALS, domain.uuid), "w") as journal:
            fcntl.flock(journal, fcntl.LOCK_EX)
            outcome = thread.submit(delete, mount, domain, name, words)
            until(lambda: job(mount, domain).get("Step", "").startswith("waiting"), "it waits")
            domain.virsh(*first)
        outcome.result()


@test
def all_below_go_though_the_description_above_changes_meanwhile(directory):
    for words, left in (("children", ["kept"]), ("children-only", ["kept", "top"])):
        with line_of_internal_ones("edited", directory, "kept", "top", "a", "b", "c") as (domain, held):
            second = edit(domain, directory, "top", "second")
            with meanwhile(domain, directory, PLAN_NOTED, *second) as mount:
                delete_edited(mount, domain, directory, "top", words)
                holds(last_log(mount, domain), ": ok")
            equal(domain.snapshots(), left)
            held.bytes = {name: held.bytes[name] for name in left}
            held.check()


@test
def nothing_more_goes_once_the_one_above_is_gone(directory):
    with line_of_internal_ones("headless", directory, "kept", "top", "a", "b") as (domain, held):
        forget = "snapshot-delete", domain.name, "top", "--metadata"
        with meanwhile(domain, directory, FORGOTTEN, *forget) as mount:
            refused(errno.ESTALE, delete, mount, domain, "top", "children")
            holds(last_log(mount, domain), "1 deleted, but then: snapshot 'top' was deleted or made again")
        equal(domain.parents(), {"kept": None, "a": "kept"})
        held.bytes = {name: held.bytes[name] for name in ("kept", "a")}
        held.check()


@test
def one_that_is_made_below_meanwhile_stays(directory):
    with line_of_internal_ones("joined", directory, "top", "a", "b") as (domain, held):
        make = "snapshot-create-as", domain.name, "new"
        with meanwhile(domain, directory, FORGOTTEN, *make) as mount:
            refused(errno.EBUSY, delete, mount, domain, "top", "children")
            holds(last_log(mount, domain), "another program made snapshot 'new' below 'top'")
        equal(domain.parents(), {"top": None, "a": "top", "new": "a"})


@test
def what_waits_behind_a_merge_finds_its_snapshot(directory):
    """The merge gives all snapshots after it other files."""
    with Domain("behind", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM) as mount:
        domain.start()
        held = Held(domain)
        for number, name in enumerate(("e1", "e2", "e3", "e4"), 1):
            domain.write(number, number * MIB)
            held.snapshot(name, "external")
        describe = mount.path("behind", "by-name", "e3", "description")
        with concurrent.futures.ThreadPoolExecutor(3) as thread:
            with open(os.path.join(JOURNALS, domain.uuid), "w") as journal:
                fcntl.flock(journal, fcntl.LOCK_EX)
                outcomes = [thread.submit(delete, mount, domain, "e1")]
                until(lambda: job(mount, domain).get("Step", "").startswith("waiting"), "it waits")
                outcomes.append(thread.submit(delete, mount, domain, "e2"))
                outcomes.append(thread.submit(command, describe, "third"))
                until(lambda: job(mount, domain).get("Waiting") == "2", "two wait behind it")
            for outcome in outcomes:
                outcome.result()
        equal(domain.snapshots(), ["e3", "e4"])
        with open(describe, encoding="utf-8") as file:
            equal(file.read().strip(), "third", "the description of e3")
        reading.compare(domain, mount, directory, ["e3", "e4"])


# ---- before each merge ----

# The moments of a delete of a domain that is shut off: plan, start, merge; and after a commit of the
# live disk began, its pivot, and then "merged".
START_NOTED, MERGE_NOTED, COMMITTED = 2, 4, 5
ONE, TWO = {"vda": "qcow2"}, {"vda": "qcow2", "vdb": "qcow2"}


@contextlib.contextmanager
def off_line(name, directory, disks):
    """A domain that is shut off, with the external snapshots e1 to e3, whose bytes are known."""
    with Domain(name, directory, disks, 4 * MIB) as domain:
        held = Held(domain)
        for number in range(1, 4):
            write(domain, number)
            held.snapshot(f"e{number}", "external")
        write(domain, 0xEE)
        yield domain, held


@contextlib.contextmanager
def clone_later(domain, directory, base, format):
    """A clone on the file, in a directory where nothing else is, and the command that defines a
    domain on it."""
    path = os.path.join(directory, "elsewhere", f"{domain.name}.clone")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    must("qemu-img", "create", "-q", "-f", "qcow2", "-F", format, "-b", base, path)
    other = Domain(f"clone-of-{domain.name}", directory, {"vda": "qcow2"}, 4 * MIB)
    other.disks[0].path = path
    document = os.path.join(directory, f"{other.name}.xml")
    with open(document, "w", encoding="utf-8") as file:
        file.write(other.document())
    try:
        yield path, ("define", document)
    finally:
        other.remove()


def clone_bytes(path):
    reading.convert(path, "qcow2", COPY)
    return digest(COPY)


@test
def a_clone_that_is_defined_once_the_domain_is_started_keeps_its_bytes(directory):
    for moment in (START_NOTED, MERGE_NOTED):
        with off_line(f"cloned{moment}", directory, ONE) as (domain, held):
            base, format = domain.snapshot_source("e1", "vda")
            with clone_later(domain, directory, base, format) as (clone, define):
                before, live = clone_bytes(clone), held.live()
                with meanwhile(domain, directory, moment, *define) as mount:
                    refused(errno.EBUSY, delete, mount, domain, "e1")
                    holds(last_log(mount, domain), f"live disk vda of domain 'clone-of-{domain.name}'")
                equal(clone_bytes(clone), before, "the clone")
                equal((domain.state(), held.live()), ("shut off", live), "the domain")
                held.check()


@test
def a_clone_on_the_second_disk_that_is_defined_while_the_first_is_merged_keeps_its_bytes(directory):
    with off_line("second", directory, TWO) as (domain, held):
        base, format = domain.snapshot_source("e1", "vdb")
        with clone_later(domain, directory, base, format) as (clone, define):
            before, live = clone_bytes(clone), held.live()
            with meanwhile(domain, directory, COMMITTED, *define) as mount:
                delete(mount, domain, "e1")
                holds(last_log(mount, domain), "disk 'vdb' is not merged")
            held.bytes.pop("e1")
            equal(clone_bytes(clone), before, "the clone")
            equal((domain.state(), held.live()), ("shut off", live), "the domain")
            held.check()
        with Mount(SYSTEM, "cache=0") as mount:
            delete(mount, domain, "e3")
        held.bytes.pop("e3")
        equal(held.live(), live, "the live disks")
        held.check()
        tidy(domain)


with scratch() as directory:
    run(directory)
