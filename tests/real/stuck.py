"""libvirtd lives, but is stuck with one domain: the others answer, and nothing waits for ever."""

import concurrent.futures
import contextlib
import errno
import os
import subprocess

from lib import daemon
from lib.domain import SYSTEM, Domain
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, refused, run, test
from lib.wait import until

HOOKS = "/etc/libvirt/hooks"
HOOK = """#!/bin/sh
[ "$1 $2" = "stuck stopped" ] || exit 0
echo begun >{begun}
read word <{pipe}
"""


@contextlib.contextmanager
def stuck(directory):
    """libvirtd is in the middle of stopping the domain `stuck`, until the end."""
    pipe, begun = os.path.join(directory, "pipe"), os.path.join(directory, "begun")
    os.mkfifo(pipe)
    os.mkdir(HOOKS)
    with open(os.path.join(HOOKS, "qemu"), "w", encoding="ascii") as hook:
        hook.write(HOOK.format(pipe=pipe, begun=begun))
    os.chmod(hook.name, 0o755)
    daemon.restart()  # it looks for hooks when it starts
    with Domain("stuck", directory) as domain:
        domain.start()
        destroy = subprocess.Popen(["virsh", "-q", "-c", SYSTEM, "destroy", domain.name])
        try:
            until(lambda: os.path.exists(begun), "the hook runs")
            yield
        finally:
            with open(pipe, "w", encoding="ascii") as word:
                print("go on", file=word)
            equal(destroy.wait(), 0, "virsh destroy")


@test
def other_domains_answer_and_the_rest_fails_in_time(directory):
    with Domain("other", directory) as other:
        other.snapshot("one")
        with Mount(SYSTEM, "cache=0") as mount:
            with stuck(directory):
                equal(os.listdir(mount.path("other/by-name")), ["one"])
                os.mkdir(mount.path("other/current/two"))  # its own files are all that count
                late = [
                    lambda: os.listdir(mount.point),
                    lambda: os.listdir(mount.path("stuck")),
                    lambda: os.stat(mount.path("stuck/state")),
                    # What stands on the files of `other` cannot be known without `stuck`.
                    lambda: os.rmdir(mount.path("other/snapshots/one/two")),
                ]
                with concurrent.futures.ThreadPoolExecutor(len(late)) as threads:
                    list(threads.map(lambda one: refused(errno.ETIMEDOUT, one), late))
                equal(other.parents(), {"one": None, "two": "one"})
                equal(sorted(os.listdir(mount.path("other/by-name"))), ["one", "two"])
            equal(sorted(os.listdir(mount.point)), ["other"], "the other is undefined by now")
            os.rmdir(mount.path("other/snapshots/one/two"))
            equal(other.parents(), {"one": None})


with scratch() as directory:
    run(directory)
