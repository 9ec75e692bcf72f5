# SPDX-License-Identifier: GPL-3.0-or-later
"""README.md as the tests see it: its recipes, its links."""

import os
import re

PATH = os.path.join(os.path.dirname(__file__), "../../README.md")
FENCE = re.compile(
    r"^(?:<!-- recipe: ([\w-]+) -->\n)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)


def text():
    with open(PATH, encoding="utf-8") as file:
        return file.read()


def blocks(document):
    """Every fenced block: (recipe's name or "", language, content)."""
    return FENCE.findall(document)


def recipes(document):
    """The blocks that a comment names."""
    return {name: content for name, _, content in blocks(document) if name}
