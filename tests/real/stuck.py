# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirtd lives, but is stuck with one domain: the others answer, and nothing waits forever."""

import concurrent.futures
import contextlib
import errno
import os
import subprocess
import time

from lib import daemon
from lib.control import job, write
from lib.domain import SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.wait import until

HOOKS = "/etc/libvirt/hooks"
HOOK = """#!/bin/sh
[ "$1 $2" = "stuck stopped" ] || exit 0
echo begun >{begun}
read word <{pipe}
"""


@contextlib.contextmanager
def stuck(directory):
    """Makes libvirtd stop in the middle of ending the domain `stuck`; yields a function that lets it go on.

    The end of the block does so, too.
    """
    pipe, begun = os.path.join(directory, "pipe"), os.path.join(directory, "begun")
    os.mkfifo(pipe)
    os.makedirs(HOOKS, exist_ok=True)
    with open(os.path.join(HOOKS, "qemu"), "w", encoding="ascii") as hook:
        hook.write(HOOK.format(pipe=pipe, begun=begun))
    os.chmod(hook.name, 0o755)
    daemon.restart()  # it looks for hooks when it starts
    with Domain("stuck", directory) as domain:
        domain.start()
        destroy = subprocess.Popen(["virsh", "-q", "-c", SYSTEM, "destroy", domain.name])

        def go_on():
            if destroy.poll() is None:
                with open(pipe, "w", encoding="ascii") as word:
                    print("go on", file=word)
                equal(destroy.wait(), 0, "virsh destroy")

        try:
            until(lambda: os.path.exists(begun), "the hook runs")
            yield go_on
        finally:
            go_on()
            for path in (pipe, begun, os.path.join(HOOKS, "qemu")):
                os.unlink(path)


@test
def other_domains_answer_and_the_rest_fails_in_time(directory):
    with Domain("other", directory) as other:
        other.snapshot("one")
        with Mount(SYSTEM, "cache=0") as mount:
            with stuck(directory):
                equal(os.listdir(mount.path("other/by-name")), ["one"])
                began = time.monotonic()
                for _ in range(10):
                    refused(errno.ETIMEDOUT, os.stat, mount.path("other/by-name/one/needed-by"))
                equal(os.listdir(mount.path("other/unmanaged")), [])
                true(time.monotonic() - began < 15, "who needs the snapshot takes long to find out")
                os.mkdir(mount.path("other/current/two"))  # only its own files count
                late = [
                    lambda: os.listdir(mount.point),
                    lambda: os.listdir(mount.path("stuck")),
                    lambda: os.stat(mount.path("stuck/state")),
                    # The users of the files of `other` cannot be known without `stuck`.
                    lambda: os.rmdir(mount.path("other/snapshots/one/two")),
                ]
                with concurrent.futures.ThreadPoolExecutor(len(late)) as threads:
                    list(threads.map(lambda one: refused(errno.ETIMEDOUT, one), late))
                equal(other.parents(), {"one": None, "two": "one"})
                equal(sorted(os.listdir(mount.path("other/by-name"))), ["one", "two"])
            equal(sorted(os.listdir(mount.point)), ["other"], "the other is undefined by now")
            os.rmdir(mount.path("other/snapshots/one/two"))
            equal(other.parents(), {"one": None})


@test
def a_mount_ends_while_it_looks_for_who_needs_a_snapshot(directory):
    with Domain("other", directory) as other:
        other.snapshot("one")
        with stuck(directory):
            with Mount(SYSTEM) as mount:
                refused(errno.ETIMEDOUT, os.stat, mount.path("other/by-name/one/needed-by"))
                true(mount.asks_libvirt(), "it does not look any more")
                began = time.monotonic()
                mount.end()
                true(time.monotonic() - began < 10, "the mount has ended late")


def change_meanwhile(directory, other, verb, change):
    """The verb fails with EBUSY when the domain is changed while the guard looks at all of them."""
    with Mount(SYSTEM) as mount, stuck(directory) as go_on:
        path = os.path.realpath(mount.path("other/by-name/one"))
        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            outcome = thread.submit(refused, errno.EBUSY, verb, path)
            until(
                lambda: job(mount, other).get("Step", "").startswith("finding out") and mount.asks_libvirt(),
                "the guard waits for the stuck domain",
            )
            change()
            go_on()
            outcome.result()


@test
def a_snapshot_made_anew_while_the_guard_looks_is_not_deleted(directory):
    with Domain("other", directory) as other:
        other.snapshot("one")

        def make_anew():
            other.delete("one")
            other.write(1)
            other.snapshot("one")

        change_meanwhile(directory, other, os.rmdir, make_anew)
        equal(other.parents(), {"one": None})


@test
def a_snapshot_that_comes_to_stand_on_the_file_while_the_guard_looks_keeps_its_bytes(directory):
    with Domain("other", directory) as other:
        other.snapshot("one")
        other.write(1)

        def revert(path):
            write(os.path.join(path, "revert"), "force\n")

        change_meanwhile(directory, other, revert, lambda: other.snapshot("two", "external"))
        equal(other.current(), "two")


with scratch() as directory:
    run(directory)
