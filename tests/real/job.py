# SPDX-License-Identifier: GPL-3.0-or-later
"""The file `job`: the operation on a domain, also of another program, and its progress. A read of it never
waits."""

import contextlib
import errno
import fcntl
import os
import signal
import subprocess
import time

from lib.caller import Caller
from lib.command import must
from lib.control import create, done, job, last_log
from lib.domain import MIB, SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.slow import big_domain, slow_saves
from lib.tap import equal, holds, refused, run, test, true
from lib.wait import until

DATA_MIB = 6
# The byte of an image that QEMU has locked while it writes to it.
QEMU_WRITES = 101


def moves(mount, domain):
    """Returns its first text that differs from the given one."""
    until(lambda: done(mount, domain) is not None, "how far it is", 20)
    first = job(mount, domain)
    until(lambda: done(mount, domain) > int(first["Bytes"].split("/")[0]), "it moves")
    true(0 <= int(first["Percent"]) <= 100, "percent")
    return first


@contextlib.contextmanager
def virsh(domain, command, *arguments):
    """Runs the function beside the block."""
    process = subprocess.Popen(["virsh", "-q", "-c", SYSTEM, command, domain.name, *arguments])
    yield
    equal(process.wait(30), 0, command)


def fails_meanwhile(mount, domain, name):
    """The error of an open during an operation says that it can be tried again."""
    with open(domain.disks[0].path, "rb+") as file:
        fcntl.lockf(file, fcntl.LOCK_EX, 1, QEMU_WRITES)
        refused(errno.EBUSY, open, mount.path(domain.name, "by-name", name, "vda.raw"), "rb")
    holds(last_log(mount, domain), "an operation of this mount on the domain is under way; try again")


@test
def a_save_moves_whoever_began_it(directory):
    with big_domain("big", directory) as domain:
        domain.start()
        domain.write(0x55)
        domain.snapshot("old", "external")
        with slow_saves() as hurry, Mount(SYSTEM, "cache=0") as mount:
            equal(job(mount, domain), {})
            caller = Caller("write", mount.path("big/create"), "ours external\n")
            first = moves(mount, domain)
            equal((first["Operation"], first["Path"], first["Step"]), ("create", "big/create", "saving the memory"))
            holds(first["Elapsed"], " s")
            fails_meanwhile(mount, domain, "old")
            hurry()
            equal(caller.outcome(), "ok")
            equal(job(mount, domain), {})
        with slow_saves() as hurry, Mount(SYSTEM, "cache=0") as mount:
            memory = os.path.join(directory, "theirs.memory")
            with virsh(domain, "snapshot-create-as", "theirs", "--memspec", memory):
                # A query that reaches libvirt too early gets no answer before the end.
                until(lambda: os.path.exists(memory) and os.path.getsize(memory), "it is saved", 20)
                equal(moves(mount, domain)["Operation"], "snapshot, of another program")
                hurry()
            equal(job(mount, domain), {})


@test
def block_jobs_move(directory):
    with Domain("blocks", directory, {"vda": "qcow2"}) as domain:
        domain.start()
        domain.write(0x55, 0, DATA_MIB * MIB)
        domain.snapshot("one", "external")
        overlay, _ = domain.live_source("vda")
        domain.write(0x66, 0, DATA_MIB * MIB)
        domain.snapshot("two", "external")
        with Mount(SYSTEM, "cache=0") as mount:
            for command, *more in (
                ("blockcommit", "--top", overlay, "--base", domain.disks[0].path),
                ("blockpull",),
            ):
                domain.virsh(command, domain.name, "vda", "--bandwidth", "2", *more)
                what = command.replace("block", "")
                equal(moves(mount, domain)["Operation"], f"{what}, of another program")
                domain.virsh("blockjob", domain.name, "vda", "--abort")
                equal(job(mount, domain), {})


def at_once(mount, domain):
    began = time.monotonic()
    found = job(mount, domain)
    true(time.monotonic() - began < 3, "it took long")
    return found


@test
def a_reader_does_not_wait_for_libvirt(directory):
    """Runs while QEMU is stopped."""
    with Domain("stopped", directory, {"vda": "qcow2"}) as domain:
        domain.start()
        with open(f"/run/libvirt/qemu/{domain.name}.pid", encoding="ascii") as file:
            pid = int(file.read())
        with Mount(SYSTEM, "cache=0") as mount:
            os.kill(pid, signal.SIGSTOP)
            try:
                with virsh(domain, "snapshot-create-as", "theirs"):
                    until(lambda: "unknown" in at_once(mount, domain).get("Operation", ""), "it is unknown")
                    for _ in range(3):
                        holds(at_once(mount, domain)["Elapsed"], " s")
                    os.kill(pid, signal.SIGCONT)
            finally:
                os.kill(pid, signal.SIGCONT)
            until(lambda: not job(mount, domain), "nothing runs")
            must("tar", "-C", mount.point, "-cf", "/dev/null", ".")


BACKUP = """<domainbackup mode='pull'><server transport='unix' socket='{directory}/backup.socket'/>
  <disks><disk name='vda' type='file'><scratch file='{directory}/backup.scratch'/></disk></disks>
</domainbackup>"""


def refused_at_once(mount, domain, *said):
    """mkdir and `create` fail, naming the job, and nothing is made."""
    before = sorted(os.listdir(domain.directory)), domain.snapshots(), domain.live_source("vda")
    began = time.monotonic()
    refused(errno.EBUSY, os.mkdir, mount.path(domain.name, "current/new"))
    refused(errno.EBUSY, create, mount, domain, "new disk-only")
    true(time.monotonic() - began < 15, "it waited for the job")
    for part in said:
        holds(last_log(mount, domain), part)
    after = sorted(os.listdir(domain.directory)), domain.snapshots(), domain.live_source("vda")
    equal(after, before, "files, snapshots, live disk")


@test
def a_new_snapshot_does_not_wait_for_a_backup_or_a_job_of_a_disk(directory):
    with Domain("backed", directory, {"vda": "qcow2"}) as domain, Mount(SYSTEM, "cache=0") as mount:
        domain.start()
        domain.write(0x77)
        document = os.path.join(directory, "backup.xml")
        with open(document, "w", encoding="utf-8") as file:
            file.write(BACKUP.format(directory=directory))
        domain.virsh("backup-begin", domain.name, document)
        refused_at_once(mount, domain, "backup", "virsh domjobabort")
        domain.virsh("domjobabort", domain.name)
        until(lambda: not job(mount, domain), "the backup has ended")
        copy = os.path.join(directory, "copy.qcow2")
        domain.virsh("blockcopy", domain.name, "vda", copy, "--transient-job", "--format", "qcow2")
        refused_at_once(mount, domain, "copy", "blockjob --abort")
        domain.virsh("blockjob", domain.name, "vda", "--abort")
        create(mount, domain, "new disk-only")
        equal(domain.snapshots(), ["new"])


with scratch() as directory:
    run(directory)
