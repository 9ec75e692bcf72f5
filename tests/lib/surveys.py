# SPDX-License-Identifier: GPL-3.0-or-later
"""A mount that counts how often snapfs looked at all domains."""

import contextlib
import os

from lib.domain import SYSTEM
from lib.mount import Mount

# The list of domains in the root stays as it is, so snapfs lists them only for its surveys.
CACHE = "cache=3600"


@contextlib.contextmanager
def counted(domain, directory):
    """The mount, and a function that returns the number of surveys since its last call."""
    log = os.path.join(directory, f"{domain.name}.listings")
    environment = {
        "LD_PRELOAD": os.environ["KILL_AT_SO"],
        "KILL_LISTINGS": log,
        "ASAN_OPTIONS": f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0",
    }
    told = 0
    with open(log, "x", encoding="ascii"):
        pass

    def since():
        nonlocal told
        with open(log, encoding="ascii") as file:
            before, told = told, len(file.readlines())
        return told - before

    with Mount(SYSTEM, CACHE, f"domain={domain.name}", environment=environment) as mount:
        os.listdir(mount.path(domain.name))
        since()
        yield mount, since
