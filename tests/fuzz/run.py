"""Runs one fuzz target for a fixed short time, from seeds made by QEMU.

    run.py TARGET SECONDS

Fails on any crash, hang, leak or more than 512 MiB; the input that did it is kept in crashes/ next to
TARGET, and the failure names it.
"""

import os
import re
import sys

from disks import create, io, load, snapshot
from lib.command import attempt
from lib.scratch import scratch
from lib.tap import equal, run, test

SEEDS = {
    "plain": ({"cluster_size": 512}, ["write -P 1 0 4k", "write -z 8k 2k"]),
    "v2": ({"cluster_size": 512, "compat": "0.10"}, ["write -P 1 0 4k"]),
    "zlib": ({"cluster_size": 512}, ["write -c -P 1 0 512", "write -c -P 2 1k 512"]),
    "zstd": ({"cluster_size": 512, "compression_type": "zstd"}, ["write -c -P 1 0 512"]),
    "sub": ({"cluster_size": "16k", "extended_l2": "on"}, ["write -P 1 0 1k", "write -z 2k 1k"]),
}


def make_seeds(directory):
    """Small images; and their headers for the parsers."""
    for name, (options, commands) in SEEDS.items():
        path = create(os.path.join(directory, name), 64 * 1024, **options)
        io(path, commands)
        snapshot(path, "s1")
        with open(path + ".header", "wb") as file:
            file.write(b"\0" + load(path)[:512])


@test
def the_target_stays_clean(target, seconds, directory):
    seeds = os.path.join(directory, "seeds")
    os.mkdir(seeds)
    make_seeds(seeds)
    crashes = os.path.join(os.path.dirname(os.path.abspath(target)), "crashes")
    os.makedirs(crashes, exist_ok=True)
    prefix = os.path.join(crashes, os.path.basename(target) + "-")
    result = attempt(target, "-max_total_time=" + seconds, "-rss_limit_mb=512", "-timeout=10",
                     "-max_len=100000", "-verbosity=0", "-artifact_prefix=" + prefix, seeds, cwd=directory,
                     seconds=int(seconds) + 120)
    written = re.findall(r"Test unit written to (\S+)", result.err)
    equal((result.status, written), (0, []), result.err[:4000])


with scratch() as place:
    run(sys.argv[1], sys.argv[2], place)
