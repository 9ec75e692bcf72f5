# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of the bench: medians, how they compare with the best peer, goals and whether reached."""

import statistics

from rows import HIGH, ROWS, row

OURS, LIMITS = "snapfs", ("floor", "tmpfs")
NAMES = ("qsd", "nbdfuse", "qcowmount", "qemu-img", "virsh-tree", "virsh-xml", *LIMITS)


class Values:
    """What was measured: for each row and who did it the values of all rounds."""

    def __init__(self):
        self.all = {}

    def add(self, name, who, value):
        self.all.setdefault(name, {}).setdefault(OURS if who == "direct" else who, []).append(value)

    def median(self, name, who):
        found = self.all.get(name, {}).get(who)
        return statistics.median(found) if found else None

    def of_others(self, one):
        name = one.against or one.name
        return {who: self.median(name, who) for who in self.all.get(name, {}) if who != OURS}

    def best_peer(self, one):
        """(value, who), or None."""
        peers = [(value, who) for who, value in self.of_others(one).items() if who not in LIMITS]
        return (max if one.better == HIGH else min)(peers, default=None)

    def against(self, goal, one):
        """How our value stands to what the goal compares it with, None where that is not known."""
        ours = self.median(one.name, OURS)
        best = self.best_peer(one)
        other = {
            "limit": lambda: ours,
            "peer": lambda: best and best[0],
            "floor": lambda: self.median(one.name, "floor"),
            "row": lambda: self.median(goal.row, OURS),
        }[goal.of]()
        if ours is None or other is None:
            return None
        return ours if goal.of == "limit" else one.gain(ours, other)

    def verdict(self, goal, one, cpus):
        got = self.against(goal, one)
        if got is None:
            return "?"
        reached = got <= goal.value if goal.of == "limit" else got >= goal.value
        if reached:
            return "reached"
        return f"NOT ({got:.3g})" + (f", wants {one.cores} CPUs" if cpus < one.cores else "")


def number(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def lines(values, cpus):
    """The table's cells, a heading first."""
    used = [who for who in NAMES if any(who in values.all.get(one.name, {}) for one in ROWS)]
    yield ["row", "work", "unit", OURS, *used, "ratio", "best peer", "goal", ""]
    for one in ROWS:
        if one.name not in values.all:
            continue
        best = values.best_peer(one)
        ours = values.median(one.name, OURS)
        others = values.of_others(one)
        ratio = f"{one.gain(ours, best[0]):.2f}" if best and ours else "-"
        yield [one.name, one.title, one.unit, number(ours), *(number(others.get(who)) for who in used),
               ratio, best[1] if best else "-", " and ".join(goal.text() for goal in one.goals),
               "; ".join(values.verdict(goal, one, cpus) for goal in one.goals)]


def show(values, cpus):
    table = list(lines(values, cpus))
    widths = [max(len(cells[column]) for cells in table) for column in range(len(table[0]))]
    for cells in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip())


def spread(values, name):
    """One line on every value of a row, for who wants to know how they scatter."""
    for who, found in sorted(values.all.get(name, {}).items()):
        print(f"  {row(name).name:18} {who:10} " + " ".join(number(one) for one in found))
