# SPDX-License-Identifier: GPL-3.0-or-later
"""A write to one of the tree's command files."""

import os


def write(path, text):
    """Writes the text in one write(), as a shell's echo does."""
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def create(mount, domain, words):
    write(mount.path(domain.name, "create"), f"{words}\n")


def last_log(mount, domain):
    with open(mount.path(domain.name, "log"), encoding="utf-8") as file:
        return file.read().splitlines()[-1]


def job(mount, domain):
    """Returns the keys and values of the file `job`; none if nothing runs."""
    with open(mount.path(domain.name, "job"), encoding="utf-8") as file:
        lines = file.read().splitlines()
    if lines == ["none"]:
        return {}
    return {key: value.strip() for key, value in (line.split(":", 1) for line in lines)}


def done(mount, domain):
    """Returns the bytes that are done by `job`; None if it has no such line."""
    told = job(mount, domain).get("Bytes")
    return int(told.split("/")[0]) if told else None
