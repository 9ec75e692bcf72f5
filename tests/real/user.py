# SPDX-License-Identifier: GPL-3.0-or-later
"""Without root and without a system daemon: qemu:///session of an ordinary user, qemu:///embed."""

import os
import shutil

from lib import reading
from lib.command import attempt, must
from lib.domain import MIB, Domain
from lib.mount import Mount
from lib.people import UID, user
from lib.scratch import scratch
from lib.tap import equal, holds, run, test, true

SHARED = ("/run/snapfs", "/var/lib/libvirt/snapfs")


class Shut(Domain):
    """A domain that is never started, of a connection that `be`, a command prefix, may make."""

    def __init__(self, name, directory, uri, be=()):
        super().__init__(name, directory, uri=uri)
        self.be = be

    def __enter__(self):
        for disk in self.disks:
            must(*self.be, "qemu-img", "create", "-q", "-f", "qcow2", disk.path, self.size)
        self.define()
        for number, (name, kind) in enumerate((("one", "internal"), ("two", "external")), 1):
            for disk in self.disks:
                path, format = self.live_source(disk.target)
                command = f"write -P {number} {number * MIB} 64k"
                must(*self.be, "qemu-io", "-f", format, "-c", command, path)
            self.snapshot(name, kind)
        return self

    def virsh(self, *arguments, **keywords):
        return must(*self.be, "virsh", "-q", "-c", self.uri, *arguments, **keywords)

    def try_virsh(self, *arguments, **keywords):
        return attempt(*self.be, "virsh", "-q", "-c", self.uri, *arguments, **keywords)


def copied(mount, domain, directory):
    """The mount as its user's cp sees it, to compare: root may not look into another's mount."""
    copy = os.path.join(directory, "copy")
    must(*domain.be, "cp", "-a", mount.point, copy)
    for name in domain.snapshots():
        for disk in domain.disks:
            expected = os.path.join(directory, "expected")
            reading.by_qemu(domain, name, disk.target, expected)
            image = os.path.join(copy, domain.name, "by-name", name, f"{disk.target}.raw")
            reading.check(image, expected)
            os.unlink(expected)
    must("rm", "-rf", copy)


@test
def session_of_an_ordinary_user():
    with user() as (be, home), Shut("mine", home, "qemu:///session", be) as domain:
        with Mount(domain.uri, prefix=be, owner=UID) as mount:
            copied(mount, domain, home)
            top = os.path.join(mount.point, "mine")
            written = must(*be, "sh", "-c", 'exec 3<>"$0"; echo mine >&3; head -n 1 "$0"', f"{top}/by-name/two/vda.cow")
            equal(written, "mine\n", "what the user has written to a .cow file")
            copied(mount, domain, home)
            must(*be, "mkdir", f"{top}/snapshots/one/two/three")
            equal(domain.parents(), {"one": None, "two": "one", "three": "two"})
            must(*be, "rmdir", f"{top}/snapshots/one/two/three")
            equal(domain.snapshots(), ["one", "two"])
            holds(must(*be, "cat", f"{top}/log"), "rmdir")


@test
def an_image_that_is_not_the_users_to_read():
    with user() as (be, home), Shut("mine", home, "qemu:///session", be) as domain:
        path = domain.disks[0].path
        os.chown(path, 0, 0)
        os.chmod(path, 0o600)
        with Mount(domain.uri, prefix=be, owner=UID) as mount:
            top = os.path.join(mount.point, "mine/by-name/one")
            equal(must(*be, "ls", top).split().count("vda.raw"), 1, "times vda.raw is listed")
            equal(must(*be, "ls", top).split().count("vdb.raw"), 1, "times vdb.raw is listed")
            holds(must(*be, "cat", f"{top}/info"), "Permission denied")
            result = attempt(*be, "cat", f"{top}/vda.raw")
            true(result.status != 0, "the image was read")
            holds(result.err, "Permission denied")


@test
def the_system_daemon_lets_in_everyone():
    """No group may use it then: the user shares the lock with root alone."""
    for path in SHARED:
        shutil.rmtree(path, ignore_errors=True)
    with user() as (be, home), user(UID + 1) as (another, _), Domain("open", home) as domain:
        with Mount(domain.uri, "cache=0", prefix=be, owner=UID) as mount:
            top = os.path.join(mount.point, "open/snapshots")
            must(*be, "mkdir", f"{top}/one")
            must(*be, "rmdir", f"{top}/one")
            equal([os.stat(path).st_uid for path in SHARED], [UID, UID], "owners of what is shared")
        for path in SHARED:
            true(attempt(*another, "ls", path).status != 0, f"another user may enter {path}")
        with Mount(domain.uri, "cache=0") as mount:
            os.mkdir(mount.path("open/snapshots/two"))
        equal(domain.snapshots(), ["two"], "snapshots")


@test
def embedded_in_the_process():
    with scratch() as directory:
        root = os.path.join(directory, "root")
        os.makedirs(os.path.join(root, "etc"))
        with open("/etc/libvirt/qemu.conf", encoding="ascii") as configuration:
            lines = configuration.read()
        with open(os.path.join(root, "etc/qemu.conf"), "w", encoding="ascii") as file:
            file.write(lines)
        uri = f"qemu:///embed?root={root}"
        with Shut("inside", directory, uri) as domain:
            expected = {}
            for name in ("one", "two"):
                expected[name] = os.path.join(directory, name)
                reading.by_qemu(domain, name, "vda", expected[name])
            true(not reading.same(expected["one"], expected["two"]), "the snapshots do not differ")
            with Mount(uri) as mount:
                for name, path in expected.items():
                    reading.check(mount.path("inside/by-name", name, "vda.raw"), path)
                os.mkdir(mount.path("inside/current/three"))
                os.rmdir(mount.path("inside/snapshots/one/two/three"))
                os.mkdir(mount.path("inside/current/four"))
            equal(domain.parents(), {"one": None, "two": "one", "four": "two"})


run()
