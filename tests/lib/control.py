"""A write to one of the tree's command files."""

import os


def write(path, text):
    """One write() of the text, as a shell's echo does it."""
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
