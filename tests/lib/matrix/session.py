# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one operation after the other on a domain and a mount, checks each, and counts refusals."""

import re
import shlex
import time
import traceback
from random import Random

from lib.matrix import beside, draw_beside
from lib.matrix.actor import Actor, Refused
from lib.matrix.beside import Beside, NotDone
from lib.matrix.causes import Refusal
from lib.matrix.count import Count, Orphan
from lib.matrix.draw import OWN, Draw, disks
from lib.matrix.killer import Killer
from lib.matrix.model import CLONE, MAIN
from lib.matrix.tree import POWER
from lib.matrix.world import world
from lib.tap import Failure, note

# What the log says where tags are left: of an internal one that is deleted while the domain runs on
# another file, and of a revert on a copy of a file with all the tags in it.
TAGS_LEFT = ("its tag stays", ", a copy of '")
# Such a tag keeps its file, which may hold nothing else that is needed.
FILE_LEFT = "is left for tag '"
LEFT = re.compile(r"'(/[^']+)' is left")
PARTLY = re.compile(r"(\d+) deleted, but then: ")
# The line at a delete's end. A kill just before it takes the line away.
DELETED = re.compile(r" (?:delete|recover) \S+: ok")
# After these nothing may need a file, and nobody removes it.
LEAVES_FILES = ("unclone", "blockcommit", "blockpull", "forget", "detach", "untag")

# Others' changes show at once; the clone's files are allowed to stand on those of the domain.
BESIDE = ("cache=0", "allow={}")


class Profile:
    """`kills` and `others` are how many of 10 operations are cut off, and done beside snapfs."""

    def __init__(self, disks, options=(), kills=0, others=0):
        self.disks, self.options, self.kills, self.others = disks, options, kills, others

    def draw(self, world, random):
        if self.kills or self.others:
            return draw_beside.Beside(world, random, self.kills, self.others)
        return Draw(world.model.trees[MAIN], random, world.model.known)


PROFILES = {
    "own": Profile(OWN),
    "beside": Profile(draw_beside.DISKS, BESIDE, others=5),
    "kills": Profile(draw_beside.DISKS, BESIDE, others=2, kills=6),
}


class Session:
    def __init__(self, directory, profile, seed, deadline=None):
        self.profile, self.random, self.deadline = PROFILES[profile], Random(seed), deadline
        self.scratch, self.name = directory, f"{profile}-{seed}"
        self.lines, self.count = [], Count()

    def run(self, operations):
        """Runs so many operations; a failure prints all that were done."""
        formats = disks(self.random, self.profile.disks)
        return self.go(formats, lambda draw: (draw.step() for _ in range(operations)))

    def replay(self, lines):
        """Runs the operations of a printed list."""
        split = (shlex.split(line, comments=True) for line in lines)
        first, *operations = filter(None, split)
        formats = dict(word.split("=") for word in first[1:])
        return self.go(formats, lambda _: [[words] for words in operations])

    def go(self, formats, steps):
        self.lines.append(" ".join(["disks", *map("=".join, formats.items())]))
        options = [option.format(self.scratch) for option in self.profile.options]
        with world(self.scratch, self.name, formats, *options) as self.world:
            self.count = self.world.count
            try:
                for step in steps(self.profile.draw(self.world, self.random)):
                    if self.deadline and time.monotonic() > self.deadline:
                        break
                    for words in step:
                        self.timed(words)
            except Exception as failure:
                self.count.fail(failure)
                self.tell(failure)
        return self.count

    def timed(self, words):
        begin, showed = time.monotonic(), len(self.count.showed)
        self.lines.append(shlex.join(words))
        self.one(words)
        self.lines[-1] += f"  # {time.monotonic() - begin:.1f} s"
        if len(self.count.showed) > showed:
            note("\n".join(["after", *self.lines]))

    def one(self, words):
        member = CLONE if words[0] == draw_beside.CLONE_OF else MAIN
        words = words[1:] if member == CLONE else words
        actor = Actor(self.world, member)
        if words[0] in POWER or words[0] == "write":
            actor.do(words)
        elif words[0] in beside.VERBS:
            self.beside(member, words)
        elif words[0] == "kill":
            self.kill(actor, words)
        else:
            self.through_mount(actor, words)

    def through_mount(self, actor, words):
        self.world.audit.before()
        begin = len(self.world.mount.said())
        self.asked(actor, words, lambda: actor.do(words))
        log = self.world.mount.said()[begin:]
        leaves_files = words[-1] == "metadata" or FILE_LEFT in log
        leaves_tags = any(part in log for part in TAGS_LEFT)
        self.world.audit.check(leaves_files, leaves_tags, LEFT.findall(log))

    def asked(self, actor, words, do):
        try:
            do()
            self.count.done += 1
        except Refused as refusal:
            self.refused(actor, words, refusal)

    def beside(self, member, words):
        """libvirt and QEMU may have reasons of their own not to do it."""
        try:
            Beside(self.world, member).do(words)
            self.count.beside += 1
        except NotDone as failure:
            self.lines[-1] += "  # not done"
            note(str(failure))
            self.count.not_done += 1
        self.world.audit.check(leaves_files=words[0] in LEAVES_FILES, leaves_tags=words[0] in LEAVES_FILES)

    def kill(self, actor, words):
        """What is left over may be removed by the mount after the next."""
        _, victim, moment, *operation = words
        cut = False
        self.world.audit.before()
        detached = self.world.audit.of_detached() if operation[0] == "delete" else ()
        begin = len(self.world.mount.said())

        def do():
            nonlocal cut
            cut = Killer(self.world, actor).do(victim, moment, operation)

        self.asked(actor, operation, do)
        self.count.killed += cut
        self.count.missed += not cut
        log = self.world.mount.said()[begin:]
        leaves_files = operation[-1] == "metadata" or FILE_LEFT in log
        left = [*LEFT.findall(log), *(() if DELETED.search(log) else detached)]
        try:
            self.world.audit.check(leaves_files, True, left)
        except Orphan as orphan:
            note(f"left at first: {orphan}")
            self.world.mount.again()
            self.world.audit.check(leaves_files, True, left)

    def refused(self, actor, words, refusal):
        """Something that was there before explains it. A delete of several snapshots says how many it has deleted."""
        self.lines[-1] += f"  # {refusal}"
        partly = PARTLY.match(refusal.sentence)
        if partly:
            vars(actor.tree).update(vars(actor.tree.stages(words)[int(partly[1])]))
        cause, apart = Refusal(self.world, actor.member, words).explained(refusal.errno, refusal.sentence)
        line = f"{' '.join(words)}: {refusal}"
        self.count.refuse(line, cause, apart)
        note(line)

    def tell(self, failure):
        """Returns all operations in a form that can be replayed, and the fault."""
        what = failure if isinstance(failure, Failure) else traceback.format_exc()
        raise Failure("\n".join([*self.lines, str(what), self.world.mount.said()])) from failure
