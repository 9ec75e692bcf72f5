# SPDX-License-Identifier: GPL-3.0-or-later
"""A libvirtd in another root or mount namespace: its paths are not ours and are never opened."""

import contextlib
import errno
import os
import signal
import subprocess

from lib import reading
from lib.command import attempt, must
from lib.domain import MIB, Domain
from lib.mount import Mount
from lib.people import UID, user
from lib.opens import Opens
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true
from lib.wait import until

# The daemon has directories of its own, except the one with its socket.
DAEMON = """
set -e
root=$1 images=$2 sockets=$3
for directory in "$root/run" "$root/var/lib/libvirt" "$root/var/log/libvirt" "$root$images"; do
    mount -t tmpfs tmpfs "$directory"
done
exec chroot "$root/" libvirtd --config "$sockets/libvirtd.conf" --pid-file "$sockets/pid"
"""

CONFIGURATION = """
unix_sock_dir = "{0}"
auth_unix_ro = "none"
auth_unix_rw = "none"
log_outputs = "2:file:{0}/log"
"""


@contextlib.contextmanager
def daemon(images, sockets, root, *unshare):
    """Runs another libvirtd, which finds a directory of its own at the path `images`."""
    with open(os.path.join(sockets, "libvirtd.conf"), "w", encoding="ascii") as file:
        file.write(CONFIGURATION.format(sockets))
    process = subprocess.Popen([*unshare, "sh", "-c", DAEMON, "sh", root, images, sockets])
    uri = f"qemu+unix:///system?socket={sockets}/libvirt-sock"
    try:
        until(lambda: process.poll() is None and answers(uri), "the other libvirtd answers", 20)
        yield uri, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def answers(uri):
    return attempt("virsh", "-q", "-c", uri, "version").status == 0


class Elsewhere(Domain):
    """A domain of another libvirtd, whose disks are files there."""

    def __init__(self, name, directory, uri, process):
        super().__init__(name, directory, {"vda": "qcow2"}, uri=uri)
        self.process = process

    def __enter__(self):
        self.there("qemu-img", "create", "-q", "-f", "qcow2", self.disks[0].path, self.size)
        self.there("qemu-io", "-c", f"write -P 0x11 {MIB} 64k", self.disks[0].path)
        self.define()
        return self

    def there(self, *command):
        must("nsenter", "-t", self.process, "-m", "-r", *command)


def decoy(domain):
    """A file of ours at the path of a domain's disk elsewhere, with a tag of the same name."""
    path = domain.disks[0].path
    must("qemu-img", "create", "-q", "-f", "qcow2", path, domain.size)
    must("qemu-io", "-c", f"write -P 0xdd {MIB} 64k", path)
    must("qemu-img", "snapshot", "-c", "one", path)
    return path


def never_opens_the_decoy(images, uri, process):
    with Elsewhere("far", images, uri, process) as domain:
        domain.snapshot("one")
        path = decoy(domain)
        with Opens(path) as opens, Mount(uri) as mount:
            def unopened(step):
                true(not opens.any(), f"{path} was opened by {step}")

            snapshot = mount.path("far/snapshots/one")
            equal(os.listdir(mount.path("far/snapshots")), ["one"])
            must("find", mount.point, "-ls")
            unopened("find")
            read_image(os.path.join(snapshot, "vda.raw"))
            unopened("opening the image")
            with open(os.path.join(snapshot, "info"), encoding="utf-8") as file:
                holds(file.read(), "vda")
            unopened("reading info")
            os.mkdir(os.path.join(snapshot, "two"))
            unopened("mkdir")
            equal(domain.snapshots(), ["one", "two"])
            refused(errno.EOPNOTSUPP, create, mount, "three disk-only")
            unopened("create")
            equal(domain.snapshots(), ["one", "two"])
            must("cp", "-a", mount.point, os.path.join(images, "copy"))
            unopened("cp")
            # The watch does see an open.
            with open(path, "rb"):
                true(opens.any(), "an open was not seen")
        equal(reading.tags(path), ["one"], "tags of the decoy")


def create(mount, words):
    with open(mount.path("far/create"), "wb", buffering=0) as file:
        file.write(words.encode())


def read_image(path):
    """The image has the other file's bytes, or it is refused."""
    try:
        with open(path, "rb") as file:
            file.seek(MIB)
            equal(file.read(4), b"\x11" * 4, "bytes of the image")
    except OSError as error:
        equal(error.errno, errno.EOPNOTSUPP, f"errno of opening {path}")


@test
def in_another_mount_namespace(images, sockets, _):
    with user() as (be, _), daemon(images, sockets, "", "unshare", "-m") as (uri, process):
        never_opens_the_decoy(images, uri, process)
        never_opens_it_as_an_ordinary_user(images, uri, process, be)


def never_opens_it_as_an_ordinary_user(images, uri, process, be):
    """That user cannot look into the daemon's namespace, but finds out that it is another one."""
    with Elsewhere("his", images, uri, process) as domain:
        domain.snapshot("one")
        with Opens(decoy(domain)) as opens, Mount(uri, prefix=be, owner=UID) as mount:
            image = mount.path("his/snapshots/one/vda.raw")
            equal(must(*be, "ls", mount.path("his/snapshots")), "one\n", "snapshots")
            holds(attempt(*be, "cat", image).err, os.strerror(errno.EOPNOTSUPP))
            holds(must(*be, "cat", mount.path("his/snapshots/one/info")), "another mount namespace")
            true(attempt(*be, "rmdir", mount.path("his/snapshots/one")).status != 0, "it was deleted")
            true(not opens.any(), "the decoy was opened")


@test
def in_another_root(images, sockets, root):
    must("mount", "--rbind", "/", root)
    try:
        with daemon(images, sockets, root) as (uri, process):
            never_opens_the_decoy(images, uri, process)
    finally:
        must("umount", "-R", "-l", root)


with scratch() as images, scratch() as sockets, scratch() as root:
    run(images, sockets, root)
