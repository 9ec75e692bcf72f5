"""A domain and a mount, and one operation after the other, each looked at; refusals are counted."""

import contextlib
import os
import re
import shlex
import traceback
from random import Random

from lib.domain import MIB, SYSTEM, Domain
from lib.matrix.actor import Actor, Refused
from lib.matrix.audit import Audit
from lib.matrix.draw import Draw, disks
from lib.matrix.tree import Tree
from lib.mount import Mount
from lib.tap import Failure, note, true

SIZE = 8 * MIB
QUOTED = re.compile(r"'([^']+)'")
# What the log says where tags are left: of an internal one that is deleted while the domain runs on
# another file, and of a revert on a copy of a file with all the tags in it.
TAGS_LEFT = ("its tag stays", ", a copy of '")
# Such a tag keeps its file, which may hold nothing else that is needed.
FILE_LEFT = "is left for tag '"
# What is no operation on snapshots.
BESIDE = ("start", "destroy", "suspend", "resume", "write")


class Machine(Domain):
    """A domain whose directory holds nothing but its files."""

    def __init__(self, name, directory, formats):
        os.mkdir(directory)
        super().__init__(name, directory, formats, SIZE)
        self.path = os.path.join(directory, f"{name}.xml")


class Count:
    """Of operations on snapshots: how many there were, and the sentences of those refused."""

    def __init__(self):
        self.done, self.refused = 0, []

    def operations(self):
        return self.done + len(self.refused)

    def add(self, other):
        self.done += other.done
        self.refused += other.refused

    def __str__(self):
        return f"{self.operations()} operations, {len(self.refused)} refused"


@contextlib.contextmanager
def stage(scratch, name, formats):
    """A domain with these disks and a mount, and who acts there and who looks."""
    with Machine(name, os.path.join(scratch, name), formats) as domain:
        with Mount(SYSTEM, f"domain={name}") as mount:
            tree = Tree(formats, SIZE)
            audit = Audit(domain, mount, tree, scratch)
            try:
                audit.check()
                yield Actor(domain, mount, tree), audit
            finally:
                audit.pool.shutdown()


class Session:
    def __init__(self, directory, seed):
        self.random = Random(seed)
        self.scratch, self.name = directory, f"matrix-{seed}"
        self.count, self.lines = Count(), []

    def run(self, operations):
        """So many operations; a failure tells all that were done."""
        formats = disks(self.random)
        return self.go(formats, lambda draw: (draw.step() for _ in range(operations)))

    def replay(self, lines):
        """Those of a list as it was printed."""
        first, *operations = ([*shlex.split(line, comments=True)] for line in lines)
        formats = dict(word.split("=") for word in first[1:])
        return self.go(formats, lambda _: [[words] for words in operations])

    def go(self, formats, steps):
        self.lines.append(" ".join(["disks", *map("=".join, formats.items())]))
        with stage(self.scratch, self.name, formats) as (self.actor, self.audit):
            try:
                for step in steps(Draw(self.actor.tree, self.random)):
                    for words in step:
                        self.one(words)
            except Exception as failure:
                self.tell(failure)
        return self.count

    def one(self, words):
        self.lines.append(shlex.join(words))
        if words[0] in BESIDE:
            self.actor.do(words)
            return
        self.audit.before()
        try:
            self.actor.do(words)
            self.count.done += 1
        except Refused as refusal:
            self.refused(words, refusal)
        log = self.actor.log()
        leaves_files = words[-1] == "metadata" or FILE_LEFT in log
        self.audit.check(leaves_files, any(part in log for part in TAGS_LEFT))

    def refused(self, words, refusal):
        """It says what would be lost, or what to do, before libvirt was asked for anything."""
        self.lines[-1] += f"  # {refusal}"
        line = f"{' '.join(words)}: {refusal}"
        self.count.refused.append(line)
        note(line)
        others = [name for name in QUOTED.findall(refusal.sentence) if name != words[1]]
        true(others and not refusal.sentence.startswith("libvirt: "), f"it names nothing: {line}")

    def tell(self, failure):
        """All that was done, as it can be replayed, and what was wrong then."""
        what = failure if isinstance(failure, Failure) else traceback.format_exc()
        raise Failure("\n".join([*self.lines, str(what), self.actor.mount.said()])) from failure
