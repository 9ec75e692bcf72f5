# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that open images all the time; each image must have the bytes that QEMU read before.

`with Openers({"e1": [File(path, expected)]}, plan) as openers:` `openers.round()` returns once each
file that is still wanted was opened after the call. A failure or a wrong byte fails.
`openers.may_go("e1")`: from now on ENOENT and ESTALE are right for the files of that name.
"""

import dataclasses

from lib.asked import Asked

PROGRAM = r"""
import errno, os, random, select, sys, time
PIECE = 64 << 10
files = []
for line in open(sys.argv[1]):
    name, path, expected, begin, size = line.rstrip("\n").split("\t")
    with open(expected, "rb") as file:
        file.seek(int(begin))
        files.append((name, path, file.read(int(size))))
going, gone, opens, slowest = set(), set(), 0, 0.0
# libvirt may take its time under load; no open is held for longer than a change takes.
where = random.Random(1)

def read(file, at, size):
    got = b""
    while len(got) < size and (more := os.pread(file, size - len(got), at + len(got))):
        got += more
    return got

def check(name, path, expected):
    writes = path.endswith(".cow")
    file = os.open(path, os.O_RDWR if writes else os.O_RDONLY)
    try:
        if os.fstat(file).st_size != len(expected):
            sys.exit(f"{path}: {os.fstat(file).st_size} bytes, not {len(expected)}")
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        own = where.randrange(len(expected) // PIECE) * PIECE if writes else -1
        if writes:
            os.pwrite(file, b"w" * 4096, own)
        places = [where.randrange(len(expected) // PIECE) * PIECE for _ in range(3)]
        for at in {*places, len(expected) // 2, own}:
            want = expected[at:at + PIECE]
            if at == own and writes:
                want = b"w" * 4096 + want[4096:]
            if at >= 0 and read(file, at, len(want)) != want:
                sys.exit(f"{path}: wrong bytes in the piece at {at}")
    finally:
        os.close(file)

while True:
    tried = 0
    for name, path, expected in files:
        if name in gone:
            continue
        tried += 1
        begin = time.monotonic()
        try:
            check(name, path, expected)
            opens += 1
        except OSError as error:
            if name not in going or error.errno not in (errno.ENOENT, errno.ESTALE):
                sys.exit(f"{path}: {error}")
            gone.add(name)
        slowest = max(slowest, time.monotonic() - begin)
    while select.select([sys.stdin], [], [], 0 if tried else None)[0]:
        word, _, name = sys.stdin.readline().strip().partition(" ")
        if word == "go":
            going.add(name)
        elif word != "round":
            print(opens, f"{slowest:.2f}", flush=True)
            sys.exit(0)
        print(opens, flush=True)
        break
"""


@dataclasses.dataclass
class File:
    """Shows `size` bytes of the file `expected` from `begin` on."""

    path: str
    expected: str
    size: int
    begin: int = 0


class Openers(Asked):
    def __init__(self, files, plan):
        super().__init__("an opener", PROGRAM, plan)
        with open(plan, "w", encoding="utf-8") as out:
            for name, shown in files.items():
                for file in shown:
                    out.write(f"{name}\t{file.path}\t{file.expected}\t{file.begin}\t{file.size}\n")

    def round(self):
        """Returns the number of opens so far."""
        self.ask("round")
        return int(self.ask("round"))

    def may_go(self, name):
        self.ask(f"go {name}")
