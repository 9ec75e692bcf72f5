# SPDX-License-Identifier: GPL-3.0-or-later
"""Two mounts work on one domain at the same time, and virsh beside them: each of
them gets true results, and no bytes change. From a seed, SNAPFS_TOGETHER_SEED, in SNAPFS_TOGETHER_ROUNDS."""

import os
import xml.etree.ElementTree as ElementTree
from concurrent import futures
from random import Random

from lib import daemon
from lib.control import create, write
from lib.domain import MIB, SYSTEM, Domain
from lib.held import Held, files, needed, snapshot_documents
from lib.mount import Mount
from lib.scratch import scratch
from lib.tap import equal, errno_name, note, run, test, true

SEED = int(os.environ.get("SNAPFS_TOGETHER_SEED", 1))
ROUNDS = int(os.environ.get("SNAPFS_TOGETHER_ROUNDS", 6))
# The errors of an operation that comes too late, or whose domain another program has changed meanwhile.
REFUSALS = ("EBUSY", "EOPNOTSUPP", "ENOENT", "ESTALE", "ENOTEMPTY", "EEXIST", "EIO")
SNAPSHOTS_MAX = 7


class Asked:
    """One operation: its verb, the snapshot, and the errno's name or None."""

    def __init__(self, verb, name):
        self.verb, self.name, self.problem = verb, name, None

    def __str__(self):
        return f"{self.verb} {self.name}: {self.problem or 'ok'}"


class Round:
    def __init__(self, domain, mounts, random, number):
        self.domain, self.mounts = domain, mounts
        self.random, self.number = random, number
        self.names = domain.snapshots()

    # ---- what they do

    def through(self, mount, who):
        """One operation through a mount, chosen now, done later."""
        verbs = ["create", "create"] if len(self.names) < SNAPSHOTS_MAX else []
        verbs += ["revert", "merge", "rmdir"] if self.names else []
        verb = self.random.choice(verbs)
        new = f"{who}{self.number}"
        asked = Asked(verb, new if verb == "create" else self.random.choice(self.names))
        words = self.random.choice(("", " disk-only", " external"))
        return asked, lambda: self.do(mount, asked, words)

    def do(self, mount, asked, words):
        top = mount.path(self.domain.name, "by-name", asked.name)
        try:
            if asked.verb == "create":
                create(mount, self.domain, asked.name + words)
            elif asked.verb == "revert":
                write(f"{top}/revert", "\n")
            elif asked.verb == "merge":
                write(f"{top}/delete", "merge\n")
            else:
                os.rmdir(os.path.realpath(top))
        except OSError as error:
            asked.problem = errno_name(error.errno)

    def beside(self):
        """An operation by virsh that is not dangerous by itself."""
        command = self.random.choice((
            ("start", self.domain.name),
            ("destroy", self.domain.name),
            ("snapshot-create-as", self.domain.name, f"v{self.number}", "--disk-only"),
        ))
        asked = Asked("virsh", " ".join(command))

        def do():
            asked.problem = self.domain.try_virsh(*command).err.strip() or None

        return asked, do

    def at_once(self, *work):
        """Runs all operations in threads; returns their results."""
        with futures.ThreadPoolExecutor() as pool:
            for done in [pool.submit(do) for _, do in work]:
                done.result()
        return [asked for asked, _ in work]


class Together:
    def __init__(self, domain, mounts):
        self.domain, self.mounts = domain, mounts
        self.held, self.daemon = Held(domain, mounts[0]), daemon.pid()
        self.random = Random(SEED)

    def round(self, number, meddler):
        self.write(number)
        before, live = dict(self.held.bytes), self.held.live()
        now = Round(self.domain, self.mounts, self.random, number)
        work = [now.through(mount, who) for mount, who in zip(self.mounts, "ab")]
        asked = now.at_once(*work, *([now.beside()] if meddler else []))
        said = ", ".join(map(str, asked))
        note(f"{number}: {said}")
        self.told_the_truth(asked, before, said)
        self.nothing_is_lost(before, live, asked, said)

    def write(self, number):
        byte = 1 + number % 255
        self.domain.write(byte, number % 4 * MIB + number * 512)

    def told_the_truth(self, asked, before, said):
        here = set(self.domain.snapshots())
        for one in asked:
            if one.verb == "virsh":
                continue
            true(one.problem is None or one.problem in REFUSALS, said)
            if one.problem is None and one.verb == "create":
                true(one.name in here or self.deleted(asked, one.name), f"{one.name} is not there: {said}")
            if one.problem is None and one.verb in ("merge", "rmdir"):
                true(one.name not in here, f"{one.name} is still there: {said}")
        for name in set(before) - here:
            true(self.deleted(asked, name), f"{name} is gone: {said}")

    @staticmethod
    def deleted(asked, name):
        return any(one.name == name and one.verb in ("merge", "rmdir") for one in asked)

    def nothing_is_lost(self, before, live, asked, said):
        equal(daemon.pid(), self.daemon, "the process of libvirtd")
        true(os.path.exists(f"/proc/{self.daemon}"), f"libvirtd has ended: {said}")
        if self.domain.running():
            self.domain.flush()
        # The first operation decides the bytes of a new snapshot and of the live disks.
        reverts = [one.name for one in asked if one.verb == "revert"]
        possible = [live, *(before[name] for name in reverts)]
        true(self.held.live() in possible, f"the live disks hold something else: {said}")
        self.held.bytes = {}
        for name in self.domain.snapshots():
            self.held.bytes[name] = self.held.by_qemu(name)
            known = [before[name]] if name in before else possible
            true(self.held.bytes[name] in known, f"the bytes of {name} are others: {said}")
        for self.held.mount in self.mounts:
            self.held.check_mount()
        self.files_are_right(asked, said)

    def files_are_right(self, asked, said):
        """Checks that nothing is missing and, without operations of others, that nothing is left."""
        here, kept = files(self.domain), needed(self.domain) | self.memories()
        equal(sorted(kept - here), [], f"files that are missing: {said}")
        if "virsh" not in [one.verb for one in asked]:
            equal(sorted(here - kept), [], f"files that nothing needs: {said}")

    def memories(self):
        """The names of the files that hold memory."""
        documents = snapshot_documents(self.domain).values()
        saved = [ElementTree.fromstring(document).find("memory").get("file") for document in documents]
        return {os.path.basename(path) for path in saved if path}


def rounds(directory, name, meddler):
    note(f"seed {SEED}")
    with Domain(name, directory, {"vda": "qcow2"}, 4 * MIB) as domain:
        options = SYSTEM, "cache=0", f"domain={name}"
        with Mount(*options) as mount, Mount(*options) as other:
            together = Together(domain, (mount, other))
            for number in range(1, ROUNDS + 1):
                together.round(number, meddler)


@test
def two_mounts(directory):
    rounds(directory, "two", False)


@test
def two_mounts_and_virsh(directory):
    rounds(directory, "three", True)


with scratch() as directory:
    run(directory)
