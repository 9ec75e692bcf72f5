# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one fuzz target for a fixed short time, from the seeds of seeds.py.

    run.py TARGET SECONDS

Fails on any crash, hang, leak, more than 512 MiB in all or 256 at once; the input that did it is kept
in crashes/ next to TARGET, and the failure names it.
"""

import os
import re
import sys

from lib.command import attempt
from lib.scratch import scratch
from lib.tap import equal, note, run, test
from seeds import LENGTH_MAX, make_seeds

# Leaks are looked for at the end: to look after each input takes longer than the input.
LIMITS = ["-rss_limit_mb=512", "-malloc_limit_mb=256", "-timeout=10", f"-max_len={LENGTH_MAX}", "-detect_leaks=0"]
SANITIZER = {"ASAN_OPTIONS": "quarantine_size_mb=32"}  # freed memory is not what the limit is for



@test
def the_target_stays_clean(target, seconds, directory):
    seeds = os.path.join(directory, "seeds")
    os.mkdir(seeds)
    name = os.path.basename(target).removeprefix("fuzz-")
    make_seeds(name, directory, seeds)
    crashes = os.path.join(os.path.dirname(os.path.abspath(target)), "crashes")
    os.makedirs(crashes, exist_ok=True)
    prefix = os.path.join(crashes, os.path.basename(target) + "-")
    result = attempt(target, "-max_total_time=" + seconds, *LIMITS, "-artifact_prefix=" + prefix,
                     "-print_final_stats=1", seeds, cwd=directory,
                     env={**os.environ, **SANITIZER}, seconds=int(seconds) + 120)
    note("\n".join(re.findall(r"^.*(?:number_of_executed_units|peak_rss_mb).*$|^.*DONE.*$", result.err, re.M)))
    written = re.findall(r"Test unit written to (\S+)", result.err)
    equal((result.status, written), (0, []), result.err[-4000:])


with scratch() as place:
    run(sys.argv[1], sys.argv[2], place)
