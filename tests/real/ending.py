"""What ends the program while a change is under way: a signal waits for it, and so does an unmount."""

import concurrent.futures
import contextlib
import errno
import os
import signal

from lib.domain import SYSTEM, Domain
from lib.mount import Mount, mount_line
from lib.scratch import scratch
from lib.tap import equal, refused, run, test
from lib.wait import until


@contextlib.contextmanager
def paused(domain):
    """The domain's QEMU answers nobody; gives what lets it go on. The end of the block does so, too."""
    with open(f"/run/libvirt/qemu/{domain.name}.pid", encoding="ascii") as file:
        qemu = int(file.read())
    os.kill(qemu, signal.SIGSTOP)
    try:
        yield lambda: os.kill(qemu, signal.SIGCONT)
    finally:
        os.kill(qemu, signal.SIGCONT)


@contextlib.contextmanager
def change_under_way(directory):
    """A mkdir that waits for QEMU; gives the domain, the mount, its outcome and what lets it go on.

    Until it is through, the kernel lets nobody look up new names in the directory of `one`.
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
def an_unmount_lets_the_change_finish(directory):
    with change_under_way(directory) as (domain, mount, outcome, go_on):
        mount.unmount("-l")
        go_on()
        equal(outcome.result(), None, "the change succeeds")
        equal(mount.wait(), 0)
        equal(domain.parents(), {"one": None, "two": "one"})


with scratch() as directory:
    run(directory)
