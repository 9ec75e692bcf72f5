# SPDX-License-Identifier: GPL-3.0-or-later
"""Cuts an operation off: kills snapfs, libvirt's daemon or the domain's QEMU in the middle of it.

    kill snapfs|libvirtd|qemu MOMENT OPERATION…

The moment is the n-th of those that tests/tools/kill_at.c counts, or a time as in `20ms`. What the next
mount leaves has to be the state before, or after, or between two of the snapshots of one delete.
"""

import contextlib
import copy
import os
import threading

from lib import daemon
from lib.dying import journals, reviving
from lib.matrix.count import Between
from lib.matrix.files import Files
from lib.matrix.tree import OFF
from lib.matrix.virt import Said
from lib.tap import Failure
from lib.wait import until

SETTLED_SECONDS = 40
ENDED_SECONDS = 15


class Cut:
    """One operation that is to be cut off; `done` if it was said to be, `came` if the moment came."""

    def __init__(self, world, member, victim, moment):
        self.world, self.machine = world, world.machines[member]
        self.victim, self.moment = victim, moment
        self.log = os.path.join(world.scratch, "moments")
        self.came = False

    @contextlib.contextmanager
    def armed(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.log)
        with reviving() if self.victim == "libvirtd" else contextlib.nullcontext():
            if self.moment.endswith("ms"):
                timer = threading.Timer(int(self.moment[:-2]) / 1000, self.kill)
                timer.start()
                yield
                timer.cancel()
                timer.join()
            else:
                self.world.mount.again(self.environment())
                yield
                self.world.mount.stop()  # the moment may be at the end of the mount
                self.came = self.moments() >= int(self.moment)

    def environment(self):
        files = {"libvirtd": daemon.PID_FILE, "qemu": self.machine.pid_file()}
        other = {"KILL_PID_FILE": files[self.victim]} if self.victim in files else {}
        return {
            "LD_PRELOAD": os.environ["KILL_AT_SO"],
            "KILL_AT": self.moment,
            "KILL_LOG": self.log,
            **other,
        }

    def moments(self):
        try:
            with open(self.log, encoding="ascii") as file:
                return len(file.read().split())
        except FileNotFoundError:
            return 0

    def kill(self):
        pids = {"snapfs": self.world.mount.process.pid, "libvirtd": daemon.pid(), "qemu": self.machine.pid()}
        if pids[self.victim]:
            self.came = True
            with contextlib.suppress(ProcessLookupError):
                os.kill(pids[self.victim], 9)


class Killer:
    def __init__(self, world, actor):
        self.world, self.actor, self.said = world, actor, None

    def do(self, victim, moment, words):
        """Returns whether it was cut off; if not, it is done, or Refused is raised."""
        world, tree = self.world, self.actor.tree
        stages = self.stages(tree, victim, words)
        cut, failure, line = Cut(world, self.actor.member, victim, moment), None, ""
        with cut.armed():
            try:
                self.actor.ask(words)
            except OSError as error:
                failure, line = error, self.line()
        if cut.came and victim == "snapfs":
            world.mount.process.wait()
        world.mount.again()
        if not cut.came:
            if failure is None:
                tree.apply(words)
            else:
                self.actor.refused(failure, line)
            return False
        world.audit.daemon = daemon.pid()
        self.settle(stages, failure, victim, words[0] == "revert")
        return True

    def line(self):
        """Of the log, as long as there is one."""
        try:
            return self.actor.log()
        except OSError:
            return ""

    @staticmethod
    def stages(tree, victim, words):
        """Returns a list of states for each course. A QEMU that dies before libvirt is asked leaves a domain that is
        shut off, and has no memory to save."""
        found = [tree.stages(words)]
        if victim == "qemu" and tree.active():
            off = copy.deepcopy(tree)
            off.power("destroy")
            found.insert(0, off.stages(words))
        return found

    def settle(self, stages, failure, victim, reverts):
        """Waits for the end of what the new mount makes of it, and finds out which stage it is."""
        try:
            until(lambda: not journals(), "the journal has ended", SETTLED_SECONDS)
        except Failure:
            raise Between(f"the journal stays: {self.actor.log()}") from None
        with contextlib.suppress(Failure):
            until(lambda: self.fitting(stages, victim, reverts), "libvirt has ended", ENDED_SECONDS)
        fitting = self.fitting(stages, victim, reverts)
        ends = [way[-1] for way in stages]
        if not fitting or failure is None and not any(fitting[-1] is end for end in ends):
            raise Between(f"{failure or 'ok'}: {described(self.said)}; {self.actor.log()}")
        fitting[-1].state = self.said.state
        vars(self.actor.tree).update(vars(fitting[-1]))

    def fitting(self, stages, victim, reverts):
        """Returns the state that libvirt has reached, which goes on with the operation."""
        machine = self.actor.domain
        said = self.said = Said(machine, Said(machine, ()).names)
        return [
            stage
            for way in stages
            for stage in way
            if self.fits(stage, way[0], said, victim, reverts)
        ]

    def fits(self, stage, first, said, victim, reverts):
        """Returns whether all is as in that stage, except the state of a domain whose QEMU may have died."""
        names = {name: one.parent for name, one in said.snapshots.items()}
        if (names, said.current) != (stage.parents(), stage.current):
            return False
        if any(one.saves() != stage.snapshots[name].memory for name, one in said.snapshots.items()):
            return False
        states = {stage.state}
        if victim != "snapfs" and (first.active() or stage.active()):
            states |= {OFF, first.state}
        if reverts:  # what ran before is lost, whether or not there is time to start it again
            states |= {OFF}
        if said.state not in states or sorted(said.live) != sorted(stage.live):
            return False
        files = Files(said.live.values())
        return all(
            self.world.audit.reader.digest(files, *source) == stage.digest(stage.live[target])
            for target, source in said.live.items()
        )


def described(said):
    parents = {name: one.parent for name, one in said.snapshots.items()}
    return f"snapshots {parents}, current {said.current}, {said.state}, on {said.live}"
