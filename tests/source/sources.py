# SPDX-License-Identifier: GPL-3.0-or-later
"""The project's files by kind, without what git, a build or an editor made."""

import os
import pathlib
import re
import subprocess

LEFTOVERS = re.compile(r"\.git|.*(~|\.pyc|\.sw.|\.orig|\.rej)")
SHELL = re.compile(r"#!/bin/(ba)?sh\b|(#.*\n)*# shellcheck shell=")


def every(root):
    for folder, folders, names in os.walk(root):
        folders[:] = [
            name
            for name in folders
            if name not in (".git", "build", "__pycache__")
            and not os.path.exists(os.path.join(folder, name, "meson-private"))
        ]
        for name in names:
            if not LEFTOVERS.fullmatch(name):
                yield pathlib.Path(folder, name)


def in_c(root):
    return sorted(path for path in every(root) if path.suffix in (".c", ".h"))


def in_shell(root):
    return sorted(path for path in every(root) if SHELL.match(path.read_text()))


def trust_git():
    """Lets git, and what calls it, read a repository of another user."""
    os.environ.update(GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="safe.directory", GIT_CONFIG_VALUE_0="*")


def git(root, *arguments):
    trust_git()
    return subprocess.check_output(["git", "-C", root, *arguments], text=True)
