# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/bench, inside its private libvirtd: run.py BUILD DIRECTORY [OPTION…]."""

import argparse
import fnmatch
import os
import platform
import random
import sys

import images
import peers
import table
from lib.tap import Failure
from rows import ROWS
from stages import STAGES, Wrong

ROUNDS, SPAN, QUICK_SPAN = 5, 2.0, 0.2  # seconds of a random row


class Bench:
    """What the stages need to know."""

    def __init__(self, build, directory, options):
        self.directory, self.only = os.path.join(directory, "quick" if options.quick else "full"), options.only
        self.sizes = images.QUICK if options.quick else images.Sizes()
        self.span = QUICK_SPAN if options.quick else SPAN
        self.rounds = 1 if options.quick else options.rounds
        os.makedirs(self.directory, exist_ok=True)
        self.images = images.Images(self.directory, self.sizes)
        self.reader = os.path.join(build, "tests/bench/bench-reader")
        self.cat = os.path.join(build, "core/image/cat/snapfs-cat")
        self.floor = os.path.join(build, "tests/bench/bench-floor")
        self.checking = False
        self.subjects = {}
        self.values = table.Values()

    def wants(self, name):
        return not self.only or any(fnmatch.fnmatch(name, one) for one in self.only)

    def stages(self):
        wanted = {one.stage for one in ROWS if self.wants(one.name)}
        return {name: stage for name, stage in STAGES.items() if name in wanted}

    def subject(self, name):
        """The image that a stage is about, which is made, and defined in libvirt, when first asked for."""
        if name not in self.subjects:
            say(f"making: {name}")
            self.subjects[name] = self.prepare(name)
        return self.subjects[name]

    def prepare(self, name):
        if name == "many":
            return images.define_tagged(self.images)
        if name in ("plain", "deep"):
            if not {"plain", "deep"} & set(self.subjects):
                images.define_chain(self.images)
            return getattr(self.images, name)()
        made = self.images.compressed(name) if name in ("zlib", "zstd") else getattr(self.images, name)()
        for one in made if isinstance(made, list) else [made]:
            images.define_one(self.images, one)
        return made

    def note(self, who):
        return lambda row, value: self.wants(row) and self.values.add(row, who.name, value)


def say(text):
    print(text, file=sys.stderr, flush=True)


def everybody(bench):
    return [peers.Snapfs(), peers.SnapfsDirect(), peers.Qsd(), peers.NbdFuse(), peers.QcowMount(),
            peers.Floor(bench.floor), peers.Plain(), peers.Tool("qemu-img", "qemu-img"),
            peers.Tool("virsh-tree", "virsh"), peers.Tool("virsh-xml", "virsh")]


def present(bench):
    """Those who can run here; the others are told."""
    found = []
    for one in everybody(bench):
        lack = one.lacks()
        if lack:
            print(f"missing: {one.name}: {lack}")
        else:
            found.append(one)
    return found


def turns(bench, those):
    """Every stage with everybody, in an order of its own each time."""
    for name, stage in bench.stages().items():
        takes = [one for one in those if one.name in stage.takes]
        for who in random.sample(takes, len(takes)):
            yield name, stage, who


def verify(bench, those):
    """Everybody's bytes, before any is timed; (stage, who) of those that are wrong or do not work."""
    bad, bench.checking = set(), True
    for name, stage, who in turns(bench, those):
        if name in ("open", "deep-open", "all", "find"):
            continue
        say(f"checking: {name}, {who.name}")
        try:
            stage.turn(bench, who, None)
        except (Wrong, Failure, peers.Failed, OSError) as problem:
            if who.name == "snapfs":
                raise
            print(f"left out: {who.name} in '{name}': {str(problem).splitlines()[0]}")
            bad.add((name, who.name))
    bench.checking = False
    return bad


def measure(bench, those, bad):
    for number in range(bench.rounds):
        for name, stage, who in turns(bench, those):
            if (name, who.name) not in bad:
                say(f"round {number + 1} of {bench.rounds}: {name}, {who.name}")
                stage.turn(bench, who, bench.note(who))
        print(f"\nafter {number + 1} of {bench.rounds} rounds, load {os.getloadavg()[0]:.1f}:")
        table.show(bench.values, len(os.sched_getaffinity(0)))
        sys.stdout.flush()


def describe(bench, those):
    cpus = len(os.sched_getaffinity(0))
    print(f"{cpus} CPUs, load {os.getloadavg()[0]:.1f}, Linux {platform.release()}, "
          f"{bench.rounds} rounds of {bench.sizes.plain >> 20} MiB disks")
    for one in those:
        if one.name not in ("direct", "virsh-xml"):
            print(f"{one.name}: {one.version()}")


def arguments(given):
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("directory")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", action="append")
    parser.add_argument("--values", action="store_true")
    return parser.parse_args(given)


def main():
    options = arguments(sys.argv[1:])
    bench = Bench(options.build, options.directory, options)
    for stage in bench.stages().values():
        bench.subject(stage.subject)
    those = present(bench)
    describe(bench, those)
    measure(bench, those, verify(bench, those))
    if options.values:
        print()
        for one in ROWS:
            table.spread(bench.values, one.name)


main()
