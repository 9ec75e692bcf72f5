# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest that writes all the time."""

import itertools
import threading

from lib.domain import MIB
from lib.tap import true
from lib.wait import until

# The last half of a disk belongs to the writer.
FIRST = 8 * MIB
ROUND = 32
BLOCK = 128 << 10


class Writer:
    """`with Writer(domain):` the guest writes to each disk until the end of the block."""

    def __init__(self, domain):
        self.domain, self.written = domain, 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.work)
        self.problem = None

    def __enter__(self):
        self.thread.start()
        until(lambda: self.written > 1 or self.problem, "the guest writes")
        return self

    def __exit__(self, kind, *_):
        before = self.written
        self.stopping.set()
        self.thread.join()
        if kind is None:
            true(not self.problem, f"the guest cannot write: {self.problem}")
            true(before > 1, "the guest has not written")

    def work(self):
        try:
            for number in itertools.count():
                if self.stopping.is_set():
                    return
                offset = FIRST + number % ROUND * (BLOCK * 2)
                self.domain.write(1 + number % 255, offset, BLOCK)
                self.written += 1
        except Exception as problem:
            self.problem = problem
