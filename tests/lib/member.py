# SPDX-License-Identifier: GPL-3.0-or-later
"""A mount of an ordinary user who may use the system's libvirt."""

import os

from lib import reading
from lib.command import attempt, must
from lib.domain import SYSTEM
from lib.mount import Mount
from lib.people import UID
from lib.tap import holds, true


class Member:
    """A mount of the member's, asked as that user."""

    def __init__(self, be, *options):
        self.be = be
        self.mount = Mount(SYSTEM, "cache=0", *options, prefix=be, owner=UID)

    def __enter__(self):
        self.mount.__enter__()
        return self

    def __exit__(self, *arguments):
        return self.mount.__exit__(*arguments)

    def path(self, *parts):
        return self.mount.path(*parts)

    def does(self, *command):
        must(*self.be, *command)

    def read(self, *parts):
        return must(*self.be, "cat", self.path(*parts))

    def fails(self, no, *command):
        """Checks that the command fails with that errno's words."""
        result = attempt(*self.be, *command)
        true(result.status != 0, f"{command} succeeded")
        holds(result.err, os.strerror(no))

    def says(self, domain, *words):
        said = self.read(domain.name, "log").splitlines()[-1]
        for word in words:
            holds(said, word)

    def write(self, no, path, words):
        """Writes a word command; `no` is the errno it has to fail with, or None."""
        command = "bash", "-c", f'echo "{words}" > "{path}"'
        if no is None:
            self.does(*command)
        else:
            self.fails(no, *command)


def files(domain):
    """Returns the names of its files, and of the files made for it."""
    return sorted(name for name in os.listdir(domain.directory) if name.startswith(domain.name))


def let_all_read(domain):
    """Gives the overlays a mode that lets the member read them, whatever libvirt gave them."""
    for name in files(domain):
        os.chmod(os.path.join(domain.directory, name), 0o644)


def equals(member, domain, name, target, directory):
    expected, copy = os.path.join(directory, "expected"), os.path.join(directory, "copied")
    reading.by_qemu(domain, name, target, expected)
    image = member.path(domain.name, "by-name", name, f"{target}.raw")
    with open(copy, "wb") as file:
        os.fchown(file.fileno(), UID, -1)
    member.does("dd", f"if={image}", f"of={copy}", "bs=1M", "status=none")
    true(reading.same(copy, expected), f"{name}/{target} is not what QEMU reads")
    os.unlink(copy)
    return expected
