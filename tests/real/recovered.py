# SPDX-License-Identifier: GPL-3.0-or-later
"""A mount finishes interrupted operations beside its other work: the tree is there at once, other operations wait,
and snapfs can be ended meanwhile. It also finishes operations that it had to leave while libvirt was away.
"""

import contextlib
import errno
import os
import signal
import time
from concurrent import futures

from lib import daemon
from lib.caller import Caller
from lib.control import create, job, last_log
from lib.control import write as command
from lib.domain import MIB, SYSTEM, Domain
from lib.dying import JOURNALS, dying, journals, settled
from lib.held import Held, tidy
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.wait import until

ONE = {"vda": "qcow2"}
# After the block job has begun: the journal tells of the plan, the start and the merge before.
COMMITTED = 4
WRITTEN = 48 * MIB
TRIES = 5


def cut_off(domain, directory, at, path, words, **more):
    """Runs an operation on a snapshot; snapfs dies at that moment, and leaves its journal."""
    with dying(domain, at, os.path.join(directory, "moments"), **more) as mount:
        with contextlib.suppress(OSError):
            command(mount.path(domain.name, "by-name", path), f"{words}\n")
        mount.process.wait()
    equal(len(journals()), 1, "journals")


def merge_cut_off(domain, directory):
    """QEMU goes on with the merge at a snail's pace."""
    cut_off(domain, directory, COMMITTED, "s1/delete", "merge", KILL_BANDWIDTH="1")


def pace(domain, mib):
    domain.virsh("blockjob", domain.name, "vda", "--bandwidth", mib)


def two_snapshots(domain, held):
    domain.write(0x11)
    held.snapshot("s1", "external")
    domain.write(0x22, 4 * MIB, WRITTEN)
    held.snapshot("s2", "external")
    domain.write(0x33)


def right_or_ended(mount, held):
    """An image that uses the merging files waits for the end of the merge or of the mount."""
    held.mount = mount
    try:
        return held.in_mount("s2") == held.bytes["s2"]
    except OSError as error:
        return error.errno in (errno.EBUSY, errno.ENOTCONN, errno.ECONNABORTED, errno.ESHUTDOWN)


@test
def a_long_merge_holds_up_neither_the_mount_nor_its_end(directory):
    with Domain("long", directory, ONE, 64 * MIB) as domain, Domain("other", directory, ONE) as other:
        domain.start()
        held = Held(domain)
        two_snapshots(domain, held)
        other.snapshot("seen")
        merge_cut_off(domain, directory)
        with Mount(SYSTEM, "cache=0") as mount, futures.ThreadPoolExecutor(1) as pool:
            equal(sorted(os.listdir(mount.path(domain.name, "by-name"))), ["s1", "s2"], "snapshots")
            until(lambda: [job(mount, domain).get(key) for key in ("Operation", "Path")] == ["recover", domain.name],
                  "it is recovered, and `job` names it")
            waiting = Caller("write", mount.path(domain.name, "create"), "s3 disk-only\n")
            until(lambda: job(mount, domain).get("Waiting") == "1", "another operation waits for it")
            create(mount, other, "beside disk-only")
            seen = pool.submit(right_or_ended, mount, held)
            waiting.signal("SIGINT")
            equal(waiting.outcome(), "EINTR")
            began = time.monotonic()
            mount.process.send_signal(signal.SIGTERM)
            mount.mounted = False
            equal(mount.wait(), 0, "the exit status")
            true(time.monotonic() - began < 5, "it ended late")
            equal(seen.result(), True, "the bytes of s2")
        equal(len(journals()), 1, "journals")
        with Mount(SYSTEM, "cache=0", "ro") as mount:
            equal(len(os.listdir(mount.path(domain.name, "by-name"))), 2, "snapshots of a mount that is read-only")
        equal(len(journals()), 1, "journals")
        with Mount(SYSTEM, "cache=0") as mount:
            pace(domain, 0)
            settled()
            holds(last_log(mount, domain), "the delete of 's1', which was cut off, is finished")
        held.bytes.pop("s1")
        held.check()
        tidy(domain)


def readable(path):
    try:
        with open(path, encoding="ascii") as file:
            return bool(file.read())
    except OSError:
        return False


@test
def a_mount_goes_on_once_libvirt_is_back(directory):
    with Domain("away", directory, ONE, 4 * MIB) as domain:
        domain.start()
        log, armed = os.path.join(directory, "daemon"), os.path.join(directory, "armed")
        with Mount(SYSTEM, "cache=0") as mount:
            for _ in range(TRIES):
                daemon.restart_dying(2, log, armed)
                until(lambda: readable(mount.path("away/state")), "libvirt answers")
                with open(armed, "wb"):
                    refused(errno.EHOSTDOWN, create, mount, domain, "one disk-only")
                os.unlink(armed)
                if journals():
                    break
                daemon.start()  # it died before, since a slow guest had it write a document
            equal(len(journals()), 1, "journals")
            daemon.start()
            settled()
            holds(last_log(mount, domain), "recover")
            create(mount, domain, "one disk-only")
        equal(domain.snapshots(), ["one"])
        tidy(domain)


# After libvirt's call is made.
REVERTED = 2


def on_an_overlay_of_its_own(domain, held):
    """The live disk is on an overlay that no snapshot names, over the file that has the tag."""
    domain.write(0x41)
    held.snapshot("i1", "internal")
    domain.write(0x42)
    domain.snapshot("e2", "external")
    domain.delete("e2", "--metadata")
    domain.write(0x43)


@test
def a_revert_by_libvirt_itself_leaves_no_overlay(directory):
    for at, runs in ((1, False), (REVERTED, False), (1, True), (REVERTED, True)):
        with Domain(f"native{at}{runs}", directory, ONE, 4 * MIB) as domain:
            held = Held(domain)
            on_an_overlay_of_its_own(domain, held)
            if runs:
                domain.start()
            before = held.live()
            cut_off(domain, directory, at, "i1/revert", "")
            with Mount(SYSTEM, "cache=0") as mount:
                settled()
                holds(last_log(mount, domain), "the revert to 'i1', which was cut off, is ")
            true(held.live() in (before, held.bytes["i1"]), "the live disks are neither as before nor as at i1")
            if at == REVERTED:
                held.is_live("i1")
            held.check()
            tidy(domain)


# The journal tells of the plan, of the steps before libvirt's call, and of that; then it was made.
PLANNED, FORGETTING, FORGOTTEN = 1, 3, 4


def two_tags(domain):
    held = Held(domain)
    for number in (1, 2):
        domain.write(0x60 + number)
        held.snapshot(f"i{number}", "internal")
    domain.write(0x63)
    return held


@test
def a_delete_by_libvirt_itself_is_made_anew(directory):
    for at, end in ((PLANNED, "undone"), (FORGETTING, "finished, by libvirt's own call"), (FORGOTTEN, "finished")):
        with Domain(f"anew{at}", directory, ONE, 4 * MIB) as domain:
            held = two_tags(domain)
            cut_off(domain, directory, at, "i1/delete", "merge")
            equal("i1" in domain.snapshots(), at != FORGOTTEN, "it is there when snapfs dies")
            with Mount(SYSTEM, "cache=0") as mount:
                settled()
                holds(last_log(mount, domain), f"the delete of 'i1', which was cut off, is {end}")
            equal("i1" in domain.snapshots(), at == PLANNED, "it is there in the end")
            if at != PLANNED:
                held.bytes.pop("i1")
            held.check()
            tidy(domain)


@test
def a_delete_by_libvirt_itself_is_not_made_anew_under_an_open_image(directory):
    with Domain("read", directory, ONE, 4 * MIB) as domain:
        held = two_tags(domain)
        cut_off(domain, directory, FORGETTING, "i1/delete", "merge")
        # A reader that does not see the journal.
        with Mount(SYSTEM, "cache=0", environment={"STATE_DIRECTORY": f"{directory}/state"}) as reader:
            with open(reader.path(domain.name, "by-name/i1/vda.raw"), "rb"):
                with Mount(SYSTEM, "cache=0") as mount:
                    settled()
                    holds(last_log(mount, domain), "it cannot be: 'vda.raw' of snapshot 'i1' is open")
                equal(domain.snapshots(), ["i1", "i2"])
        held.check()
        tidy(domain)


@test
def a_mark_whose_journal_is_gone_does_not_outlast_the_next_mount(directory):
    with Domain("marked", directory, ONE, 4 * MIB) as domain:
        uuid = domain.virsh("domuuid", domain.name).strip()
        with Mount(SYSTEM, "cache=0") as mount:
            create(mount, domain, "s1")  # which makes all the directories
        marks = {name: f"/var/lib/libvirt/snapfs/{name}" for name in (f"{uuid}.0", f"{uuid}.x", f"{uuid[:-1]}.0")}
        for path in marks.values():
            with open(path, "w", encoding="ascii") as file:
                file.write(f"{JOURNALS}/{uuid}")
        try:
            with Mount(SYSTEM, "cache=0") as mount:
                until(lambda: not os.path.exists(marks[f"{uuid}.0"]), "the mark is gone")
                equal([name for name, path in marks.items() if os.path.exists(path)], list(marks)[1:], "others' marks")
        finally:
            for path in marks.values():
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
        tidy(domain)


@test
def libvirts_documents_are_on_the_disk_before_a_file_is_removed(directory):
    with Domain("synced", directory, ONE, 4 * MIB) as domain:
        held = Held(domain)
        two_snapshots_of_less(domain, held)
        log = os.path.join(directory, "syncs")
        with dying(domain, 1000, os.path.join(directory, "moments"), KILL_SYNCS=log) as mount:
            command(mount.path(domain.name, "by-name/s1/delete"), "merge\n")
        with open(log, encoding="utf-8") as file:
            lines = file.read().splitlines()
        removed = next(number for number, line in enumerate(lines) if line.startswith(f"unlink {directory}"))
        for one in ("/etc/libvirt/qemu", f"/var/lib/libvirt/qemu/snapshot/{domain.name}"):
            true(one in lines[:removed], f"{one} is synced first: {lines}")


def two_snapshots_of_less(domain, held):
    for number in (1, 2):
        domain.write(0x50 + number)
        held.snapshot(f"s{number}", "external")


with scratch() as directory:
    run(directory)
