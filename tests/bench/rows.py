# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the bench: the measured values and their goals."""

import dataclasses

HIGH, LOW = "high", "low"


@dataclasses.dataclass(frozen=True)
class Goal:
    """`of` is whom the value is compared with: the best peer, the floor, another row of ours, or
    nobody ("limit": the value itself is compared, in the row's unit)."""

    of: str
    value: float
    row: str = ""

    def text(self):
        if self.of == "limit":
            return f"<= {self.value:g}"
        return f">= {self.value:g} x" + {"peer": "", "floor": " floor", "row": f" {self.row}"}[self.of]


def peer(value):
    return Goal("peer", value)


def limit(value):
    return Goal("limit", value)


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    stage: str
    title: str
    unit: str
    better: str
    goals: tuple
    cores: int = 1  # its goal holds from so many on
    against: str = ""  # the row that has the peers' values, where it is another

    def gain(self, ours, theirs):
        """How many times as good ours is."""
        return ours / theirs if self.better == HIGH else theirs / ours


SPEED, RATE, MS, S, MIB = ("MiB/s", HIGH), ("reads/s", HIGH), ("ms", LOW), ("s", LOW), ("MiB", LOW)

ROWS = (
    Row("first", "plain", "sequential 1 MiB reads, first pass", *SPEED, (peer(1.4),)),
    Row("direct", "plain", "the same with O_DIRECT", *SPEED, (peer(2.5),), against="first"),
    Row("again", "plain", "again after a new open", *SPEED, (peer(5),)),
    Row("random-1", "plain", "random 4 KiB, one thread, on one CPU", *RATE, (peer(1.15),)),
    Row("random-8", "plain", "random 4 KiB, 8 threads", *RATE, (peer(1.3),)),
    Row("deep-random-1", "deep", "the same at depth 100, one thread", *RATE,
        (peer(5), Goal("row", 0.9, "random-1"))),
    Row("deep-random-8", "deep", "the same at depth 100, 8 threads", *RATE,
        (peer(8), Goal("row", 0.9, "random-8"))),
    Row("deep-first", "deep", "sequential at depth 100", *SPEED, (peer(2.5),)),
    Row("four", "four", "sequential, 4 readers of 4 images", *SPEED, (peer(1.4),)),
    Row("internal-first", "internal", "internal snapshot: sequential", *SPEED, (peer(2),)),
    Row("internal-random-1", "internal", "internal snapshot: random 4 KiB, one thread", *RATE, (peer(4),)),
    Row("zlib-first", "zlib", "zlib: sequential", *SPEED, (peer(2),), 4),
    Row("zlib-random-8", "zlib", "zlib: random 4 KiB, 8 threads", *RATE, (peer(5),), 4),
    Row("zstd-first", "zstd", "zstd: sequential", *SPEED, (peer(2),), 4),
    Row("zstd-random-8", "zstd", "zstd: random 4 KiB, 8 threads", *RATE, (peer(4),), 4),
    Row("cp", "plain", "cp --sparse=auto out of the mount", *S, (Goal("floor", 0.91),)),
    Row("cat", "cat", "snapfs-cat --output", *S, (peer(1),)),
    Row("deep-cat", "deep-cat", "snapfs-cat --output at depth 100", *S, (peer(4),)),
    Row("sparse-cp", "sparse", "1 TiB, little data: cp", *S, (peer(2),)),
    Row("sparse-walk", "sparse", "1 TiB, little data: walk of all extents", *MS, (peer(4),)),
    Row("open", "open", "open and first byte, depth 1", *MS, (limit(1),)),
    Row("deep-open", "deep-open", "open and first byte, depth 100", *MS, (limit(5),)),
    Row("all", "all", "all 100 images of a chain readable", *MS, (peer(5),)),
    Row("all-memory", "all", "memory that takes, beyond the idle mount", *MIB, (limit(15),)),
    Row("find", "find", "1000 snapshots: find with all XML", *MS, (limit(150),)),
    Row("find-again", "find", "1000 snapshots: the same again", *MS, (limit(10),)),
)


def row(name):
    return next(one for one in ROWS if one.name == name)
