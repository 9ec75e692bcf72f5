# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of the program while a change is under way: a signal and an unmount wait for the change."""

import concurrent.futures
import contextlib
import errno
import os
import signal
import subprocess
import sys

from lib.caller import Caller
from lib.domain import MIB, SYSTEM, Domain
from lib.mount import Mount, mount_line
from lib.scratch import scratch
from lib.tap import equal, refused, run, test, true
from lib.wait import until

# Reads by many descriptors, again after each ESHUTDOWN, until all of them see the mount's end.
READER = """
import errno, os, sys, threading
told = threading.Event()

def read(image):
    while True:
        try:
            os.posix_fadvise(image, 0, 0, os.POSIX_FADV_DONTNEED)
            os.pread(image, 1 << 20, 0)
        except OSError as error:
            if error.errno != errno.ESHUTDOWN:
                return
            told.set()

images = [os.open(path, os.O_RDONLY) for path in sys.argv[1:] for _ in range(8)]
for image in images:
    os.pread(image, 1, 0)
print("open", flush=True)
sys.stdin.readline()
threads = [threading.Thread(target=read, args=(image,)) for image in images]
for thread in threads:
    thread.start()
told.wait()
print("told", flush=True)
for thread in threads:
    thread.join()
"""


@contextlib.contextmanager
def paused(domain):
    """Stops the domain's QEMU; yields a function that lets it go on. The end of the block does so, too."""
    with open(f"/run/libvirt/qemu/{domain.name}.pid", encoding="ascii") as file:
        qemu = int(file.read())
    os.kill(qemu, signal.SIGSTOP)
    try:
        yield lambda: os.kill(qemu, signal.SIGCONT)
    finally:
        os.kill(qemu, signal.SIGCONT)


@contextlib.contextmanager
def change_under_way(directory):
    """Runs a mkdir that waits for QEMU; yields the domain, the mount, its outcome and a function that lets it go on.

    Until it ends, the kernel lets nobody look up new names in the directory of `one`.
    """
    with Domain("ending", directory) as domain, Mount(SYSTEM) as mount:
        domain.start()
        domain.write(0x11)
        domain.snapshot("one")
        until(lambda: os.listdir(mount.path("ending/by-name")) == ["one"], "one is seen")
        with paused(domain) as go_on, concurrent.futures.ThreadPoolExecutor(1) as thread:
            outcome = thread.submit(os.mkdir, mount.path("ending/snapshots/one/two"))
            until(mount.asks_libvirt, "the change waits for QEMU")
            yield domain, mount, outcome, go_on


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


@test
def a_signal_lets_the_change_finish_and_the_mount_be_read(directory):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        with change_under_way(directory) as (domain, mount, outcome, go_on):
            mount.process.send_signal(number)
            until(lambda: "under way is done: 1 changes" in mount.said(), "the signal has come")
            refused(errno.ESHUTDOWN, os.mkdir, mount.path("ending/snapshots/three"))
            equal(read(mount.path("ending/state")), "running\n")
            equal(outcome.done(), False)
            go_on()
            equal(outcome.result(), None, "the change succeeds")
            equal(mount.wait(), 0, f"the status after {number.name}")
            equal(mount_line(mount.point), None)
            mount.mounted = False
            equal(domain.parents(), {"one": None, "two": "one"})


@test
def a_signal_that_was_ignored_stays_so(directory):
    with Domain("ending", directory), Mount(SYSTEM, prefix=("nohup",)) as mount:
        mount.process.send_signal(signal.SIGHUP)
        equal(os.listdir(mount.point), ["ending"])
        mount.process.send_signal(signal.SIGTERM)
        equal(mount.wait(), 0)
        mount.mounted = False


@test
def a_signal_fails_reads_that_wait_for_a_merge(directory):
    """They come again and again until the mount has ended, also between the merge's end and that."""
    with Domain("merging", directory, {"vda": "qcow2"}, 512 * MIB) as domain, Mount(SYSTEM, "domain=merging") as mount:
        domain.start()
        for number in range(1, 4):
            domain.write(number, 64 * MIB, 192 * MIB)
            domain.snapshot(f"e{number}", "external")
        file = domain.snapshot_source("e1", "vda")[0]
        images = [mount.path("merging/by-name", name, "vda.raw") for name in ("e2", "e3")]
        with subprocess.Popen([sys.executable, "-c", READER, *images], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
            equal(reader.stdout.readline(), "open\n")
            before = os.stat(file).st_mtime_ns
            caller = Caller("write", mount.path("merging/by-name/e1/delete"), "merge\n")
            while caller.running() and os.stat(file).st_mtime_ns == before:
                pass
            with paused(domain) as go_on:
                true(caller.running(), "the merge has ended before")
                mount.process.send_signal(signal.SIGTERM)
                until(lambda: "under way is done: 1 changes" in mount.said(), "the signal has come")
                reader.stdin.write("\n")
                reader.stdin.flush()
                equal(reader.stdout.readline(), "told\n")
                go_on()
                equal(caller.outcome(), "ok")
            equal(mount.wait(), 0)
            mount.mounted = False
            equal(reader.wait(60), 0)
        equal(domain.parents(), {"e2": None, "e3": "e2"})


@test
def an_unmount_lets_the_change_finish(directory):
    with change_under_way(directory) as (domain, mount, outcome, go_on):
        mount.unmount("-l")
        go_on()
        equal(outcome.result(), None, "the change succeeds")
        equal(mount.wait(), 0)
        equal(domain.parents(), {"one": None, "two": "one"})


with scratch() as directory:
    run(directory)
