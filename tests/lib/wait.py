# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a condition, bounded."""

import time

from lib.tap import fail


def until(condition, what, seconds=10):
    """Asks again and again until the condition holds; returns what it gave."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            fail(f"not within {seconds} s: {what}")
        time.sleep(0.01)
