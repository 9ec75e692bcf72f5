"""The file `create` on libvirt's test driver: names, words, and what mkdir does by an option."""

import errno
import os

from lib import preset
from lib.mount import Mount
from lib.preset import Domain, Snapshot
from lib.scratch import scratch
from lib.tap import equal, holds, refused, run, test, true

CREATE = "web01/create"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    """One write() of the text, as a shell's echo does it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def current(mount):
    return os.readlink(mount.path("web01/current"))


@test
def a_name_alone_makes_the_default(mount):
    write(mount.path(CREATE), "one\n")
    equal(current(mount), "snapshots/base/one")
    line = read(mount.path("web01/log")).splitlines()[-1]
    holds(line, "create web01/create: ok")


@test
def a_name_is_coded_as_for_mkdir(mount):
    write(mount.path(CREATE), "%72evert\n")
    holds(read(mount.path("web01/current/snapshot.xml")), "<name>revert</name>")
    refused(errno.EINVAL, write, mount.path(CREATE), "%61bc\n")
    refused(errno.EINVAL, write, mount.path(CREATE), "revert\n")


@test
def words_reach_libvirt(mount):
    write(mount.path(CREATE), '"two words" description="say \\"<hi>\\"" halt\n')
    equal(read(mount.path("web01/current/description")), 'say "<hi>"\n')
    equal(os.path.basename(current(mount)), "two words")
    equal(read(mount.path("web01/state")), "shut off\n")


@test
def a_write_is_refused_before_anything_happens(mount):
    before = current(mount)
    for text in ("", "\n", "x sideways", "x disk-only internal", "a,b", "x\0", "x " * 2049):
        refused(errno.EINVAL, write, mount.path(CREATE), text or " ")
    refused(errno.EEXIST, write, mount.path(CREATE), "base")
    equal(current(mount), before)


@test
def it_reads_as_empty(mount):
    equal(read(mount.path(CREATE)), "")
    equal(os.stat(mount.path(CREATE)).st_mode & 0o777, 0o600)


@test
def mkdir_takes_the_words_of_the_mount(mount):
    with Mount(mount.uri, "create=description=as the mount says:internal") as other:
        os.mkdir(other.path("web01/snapshots/base/x"))
        equal(read(other.path("web01/current/description")), "as the mount says\n")
        write(other.path(CREATE), "y")
        true(not read(other.path("web01/current/description")), "the words of mkdir were taken")
    with Mount(mount.uri, "ro") as other:
        refused(errno.EROFS, write, other.path(CREATE), "z")


with scratch() as directory:
    web = Domain("web01", Snapshot("base", current=True), directory=directory)
    web.create_images()
    with Mount(preset.write(os.path.join(directory, "node.xml"), web)) as mount:
        run(mount)
