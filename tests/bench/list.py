# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/bench itself is not run here: does it know its options and its rows?"""

import os
import re

from lib.command import attempt, must
from lib.tap import equal, holds, run, test, true

BENCH = os.path.join(os.path.dirname(__file__), "../../scripts/bench")


@test
def the_help_names_every_option():
    with open(BENCH, encoding="utf-8") as file:
        known = set(re.findall(r"^    (?:-h \| )?(--[a-z| -]+)\)", file.read(), re.MULTILINE))
    known = {word for words in known for word in words.split(" | ")} - {"--help"}
    shown = set(re.findall(r"--[a-z]+", must(BENCH, "--help")))
    equal(shown, known, "options")
    true(len(known) > 5, f"only {known}")


@test
def every_row_has_a_goal():
    rows = must(BENCH, "--list").splitlines()
    true(len(rows) > 20, f"only {len(rows)} rows")
    equal([row for row in rows if not re.search(r"[<>]= [\d.]+", row)], [], "rows without a goal")
    equal(len({row.split()[0] for row in rows}), len(rows), "names of rows")


@test
def what_it_does_not_know_is_refused():
    result = attempt(BENCH, "--fast")
    equal((result.status, result.out), (1, ""), "status")
    holds(result.err, "unknown option '--fast'", "sentence")


run()
