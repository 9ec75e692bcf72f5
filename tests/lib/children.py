# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes that a process has started."""

import os


def servers(pid):
    """Returns its qemu-nbd processes that live."""
    found = []
    for child in children(pid):
        try:
            with open(f"/proc/{child}/stat", encoding="utf-8") as file:
                name, state = file.read().split("(")[1].split(") ")
        except OSError:
            continue
        if name == "qemu-nbd" and state[0] != "Z":
            found.append(child)
    return found


def children(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/children", encoding="utf-8") as file:
                found += map(int, file.read().split())
        except FileNotFoundError:  # a thread that has ended
            continue
    return found
