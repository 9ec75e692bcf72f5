# SPDX-License-Identifier: GPL-3.0-or-later
"""Other programs work on a domain and its files between the steps of a delete, or after one was cut off:
none of their data is lost."""

import os
import re
import subprocess
import time

from lib import reading
from lib.command import must
from lib.control import write as command
from lib.domain import MIB, SYSTEM, Domain
from lib.dying import dying, journals, settled
from lib.held import COPY, Held, digest, tidy
from lib.line import line, write
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, fail, holds, note, run, test, true
from lib.wait import until
from lib.watch import rmdir

# The moments of a delete in a domain that runs, and in one that is shut off.
MERGE_NOTED = 3
START_NOTED, OFF_MERGE_NOTED = 2, 4


def delete(mount, domain, name):
    command(mount.path(domain.name, "by-name", name, "delete"), "merge\n")


def held_line(domain, count=3):
    held = Held(domain)
    for number in range(1, count + 1):
        write(domain, number)
        held.snapshot(f"e{number}", "external")
    write(domain, 0xEE)
    return held


def cut_off(domain, name, at, directory):
    """snapfs dies in the delete."""
    with dying(domain, at, os.path.join(directory, f"{domain.name}.moments")) as mount:
        try:
            delete(mount, domain, name)
            fail("snapfs lives")
        except OSError:
            mount.process.wait(60)
    equal(len(journals()), 1, "journals")


def log(mount, domain):
    with open(mount.path(domain.name, "log"), encoding="utf-8") as file:
        said = file.read()
    note(said)
    return said


def recover(domain):
    """Returns the messages of the next mount."""
    with Mount(SYSTEM, "cache=0") as mount:
        settled()
        said = log(mount, domain)
    return said


def ran(domain):
    """The guest has had its processor for more than a moment."""

    def spent():
        said = domain.virsh("domstats", domain.name, "--vcpu")
        return int(re.search(r"vcpu.0.time=(\d+)", said).group(1))

    until(lambda: spent() > 20_000_000, "the guest runs")


def bytes_of(path):
    reading.convert(path, "qcow2", COPY)
    return digest(COPY)


@test
def a_disk_that_was_detached_keeps_its_file(directory):
    """The live overlay of the disk holds the tag of a snapshot, and what the guest wrote after it."""
    disks = {"vda": "qcow2", "vdb": "qcow2"}
    with line("unplugged", directory, "e", "i", disks=disks, start=False) as (domain, mount, held):
        domain.write(0x99, 3 * MIB + (MIB >> 1), targets=["vdb"])
        path = domain.live_source("vdb")[0]
        domain.virsh("detach-disk", domain.name, "vdb", "--config")
        before = bytes_of(path)
        for name in ("i2", "e1"):
            rmdir(mount, domain, name)
            held.bytes.pop(name)
        equal(bytes_of(path), before, "the detached disk")


def exchange(domain, base=None):
    """Another disk takes the place of vdb, empty or over a file that many disks have in common."""
    path = os.path.join(domain.directory, f"{domain.name}-other")
    must("qemu-img", "create", "-q", "-f", "qcow2", *(["-F", "qcow2", "-b", base] if base else []), path, "4M")
    domain.virsh("detach-disk", domain.name, "vdb", "--config")
    domain.virsh("attach-disk", domain.name, path, "vdb", "--subdriver", "qcow2", "--config")


def forget(mount, domain, held, *names):
    for name in names:
        delete(mount, domain, name)
        del held.bytes[name]
    equal(domain.snapshots(), [], "snapshots")


@test
def a_disk_that_was_exchanged_keeps_its_file(directory):
    """So does one that has the same image below it as the disk that is there now."""
    disks = {"vda": "qcow2", "vdb": "qcow2"}
    for name in "exchanged", "golden":
        with line(name, directory, disks=disks, start=False) as (domain, mount, held):
            base = domain.disks[1].path
            if name == "golden":
                base = f"{directory}/golden"
                os.rename(domain.disks[1].path, base)
                must("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, domain.disks[1].path)
            for number, kind in enumerate(("external", "internal"), 1):
                write(domain, number)
                held.snapshot(f"s{number}", kind)
            domain.write(0x99, 3 * MIB + (MIB >> 1), targets=["vdb"])
            path = domain.live_source("vdb")[0]
            before = bytes_of(path)
            exchange(domain, base if name == "golden" else None)
            forget(mount, domain, held, "s2", "s1")
            holds(log(mount, domain), f"'{path}' is left, because its disk was detached")
            equal(bytes_of(path), before, "the disk that was exchanged")


@test
def a_branch_that_ends_leaves_no_file(directory):
    """No snapshot names the file any more that it has in common with the live disk."""
    with line("ended", directory, "e", "e", start=False) as (domain, mount, held):
        command(mount.path("ended/by-name/e1/revert"), "\n")
        command(mount.path("ended/by-name/e1/delete"), "metadata\n")
        del held.bytes["e1"]
        forget(mount, domain, held, "e2")
        tidy(domain)


@test
def a_disk_that_was_committed_by_hand_and_exchanged_keeps_its_file(directory):
    """The file that the last snapshot named is the live disk again, with what the guest wrote since."""
    disks = {"vda": "qcow2", "vdb": "qcow2"}
    with line("pivoted", directory, "e", "e", disks=disks) as (domain, mount, held):
        content, _ = domain.snapshot_source("e2", "vdb")
        domain.virsh("blockcommit", domain.name, "vdb", "--base", content, "--active", "--pivot", "--delete")
        domain.write(0x99, 3 * MIB + (MIB >> 1), targets=["vdb"])
        domain.destroy()
        path = domain.live_source("vdb")[0]
        before = bytes_of(path)
        exchange(domain)
        forget(mount, domain, held, "e2", "e1")
        equal(bytes_of(path), before, "the disk that was exchanged")


@test
def a_disk_that_was_detached_keeps_its_chain(directory):
    disks = {"vda": "qcow2", "vdb": "qcow2"}
    with line("detached", directory, "e", "e", disks=disks, start=False) as (domain, mount, held):
        path, _ = domain.live_source("vdb")
        before = bytes_of(path)
        domain.virsh("detach-disk", domain.name, "vdb", "--config")
        rmdir(mount, domain, "e2")
        held.bytes.pop("e2")
        holds(log(mount, domain), "which no disk is on")
        equal(bytes_of(path), before, "the detached disk")
        rmdir(mount, domain, "e1")
        held.bytes.pop("e1")
        equal(bytes_of(path), before, "the detached disk")


@test
def a_live_disk_that_is_away_keeps_its_chain(directory):
    with line("away", directory, "e", "e", start=False) as (domain, mount, held):
        path, _ = domain.live_source("vda")
        before = bytes_of(path)
        os.rename(path, f"{path}.away")
        rmdir(mount, domain, "e2")
        held.bytes.pop("e2")
        holds(log(mount, domain), f"is not whole: '{path}' or a file below it is away")
        os.rename(f"{path}.away", path)
        equal(bytes_of(path), before, "the live disk")


@test
def the_domain_is_on_another_branch_by_then(directory):
    with Domain("moved", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        domain.start()
        held = held_line(domain)
        cut_off(domain, "e1", MERGE_NOTED, directory)
        domain.destroy()
        held.check()
        base, _ = domain.snapshot_source("e1", "vda")
        new = os.path.join(directory, "moved-vda.new")
        must("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, new)
        domain.disks[0].path = new
        domain.define()
        holds(recover(domain), "is not merged")
        held.bytes.pop("e1")
        held.check()


@test
def another_snapshot_of_that_name_is_there_by_then(directory):
    with Domain("again", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        domain.start()
        held = held_line(domain, 1)
        cut_off(domain, "e1", MERGE_NOTED, directory)
        domain.delete("e1")
        write(domain, 0x51)
        second = int(time.time())
        until(lambda: time.time() > second + 1, "the second is over")
        held.snapshot("e1", "external")
        write(domain, 0x52)
        recover(domain)
        held.check()


@test
def a_domain_that_its_user_paused_goes_on(directory):
    with Domain("paused", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        held_line(domain)
        cut_off(domain, "e1", START_NOTED, directory)
        domain.start()
        ran(domain)
        domain.virsh("suspend", domain.name)
        recover(domain)
        equal(domain.state(), "paused")
        domain.destroy()
        cut_off(domain, "e1", OFF_MERGE_NOTED, directory)
        domain.virsh("resume", domain.name)
        ran(domain)
        domain.virsh("suspend", domain.name)
        recover(domain)
        equal(domain.state(), "paused")


@test
def a_saved_state_is_not_taken_up(directory):
    with Domain("saved", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        held = held_line(domain)
        cut_off(domain, "e1", OFF_MERGE_NOTED, directory)
        domain.virsh("resume", domain.name)
        domain.virsh("managedsave", domain.name)
        holds(recover(domain), "saved state")
        holds(domain.virsh("dominfo", domain.name), "Managed save:   yes")
        held.bytes.pop("e1")
        held.check()
        tidy(domain)
        domain.start()


@test
def a_domain_that_cannot_start_is_not_in_the_way(directory):
    with Domain("stuck", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        held = held_line(domain)
        cut_off(domain, "e1", OFF_MERGE_NOTED, directory)
        domain.destroy()
        last, _ = domain.live_source("vda")
        os.rename(last, f"{last}.away")
        holds(recover(domain), "is not started")
        os.rename(f"{last}.away", last)
        held.bytes.pop("e1")
        held.check()
        tidy(domain)


@test
def a_content_with_two_names_is_not_merged_into(directory):
    with line("linked", directory, "e", "e", start=False) as (domain, mount, held):
        content, _ = domain.snapshot_source("e1", "vda")
        kept = os.path.join(directory, "kept.qcow2")
        os.link(content, kept)
        before = bytes_of(kept)
        delete(mount, domain, "e1")
        held.bytes.pop("e1")
        holds(log(mount, domain), "has another name")
        equal(bytes_of(kept), before, "the file under its other name")


@test
def the_job_of_another_is_not_ended(directory):
    with Domain("copied", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        domain.start()
        held_line(domain)
        live, _ = domain.live_source("vda")
        cut_off(domain, "e3", MERGE_NOTED, directory)
        copy = os.path.join(directory, "copy.qcow2")
        domain.virsh("blockcopy", domain.name, "vda", copy, "--transient-job", "--format", "qcow2")
        with Mount(SYSTEM, "cache=0") as mount:
            log(mount, domain)
        equal(domain.live_source("vda")[0], live, "the live disk")


def has_locks(path):
    with open("/proc/locks", encoding="ascii") as locks:
        return any(line.split()[5].endswith(f":{os.stat(path).st_ino}") for line in locks)


@test
def a_file_that_some_qemu_has_open_is_not_removed(directory):
    with line("foreign", directory, "e", "e", "e", start=False) as (domain, mount, held):
        command(mount.path(domain.name, "by-name", "e1", "revert"), "\n")
        content, _ = domain.snapshot_source("e3", "vda")
        mine = os.path.join(directory, "mine.qcow2")
        must("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", content, mine)
        before = bytes_of(mine)
        qemu = subprocess.Popen(
            ["qemu-io", "-f", "qcow2", mine], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        until(lambda: has_locks(content), "it is open")
        rmdir(mount, domain, "e3")
        held.bytes.pop("e3")
        log(mount, domain)
        qemu.stdin.close()
        qemu.wait()
        equal(bytes_of(mine), before, "the disk of the other")


@test
def a_users_own_image_is_no_overlay(directory):
    with Domain("own", directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        image = os.path.join(directory, "own-vda.img")
        os.rename(domain.disks[0].path, image)
        must("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", image, domain.disks[0].path)
        held_line(domain, 1)
        other = os.path.join(directory, "elsewhere.qcow2")
        must("qemu-img", "convert", "-O", "qcow2", domain.live_source("vda")[0], other)
        own = domain.disks[0].path
        os.unlink(domain.live_source("vda")[0])
        domain.disks[0].path = other
        domain.define()
        with Mount(SYSTEM, "cache=0") as mount:
            rmdir(mount, domain, "e1")
            log(mount, domain)
        true(os.path.exists(own), "the user's own image is there")


with scratch() as directory:
    run(directory)
