# SPDX-License-Identifier: GPL-3.0-or-later
"""A manual page in mdoc, taken apart as far as the tests need it. Pure functions of its text."""

import re


def part(page, title):
    """The lines of the section or subsection with this title, without those of its subsections."""
    found = re.search(
        rf'^\.(?:Sh|Ss) {re.escape(title)}\n(.*?)(?=^\.S[hs] |\Z)', page, re.MULTILINE | re.DOTALL
    )
    return found.group(1) if found else ""


def items(text, macro):
    """The first argument of every `.It MACRO`, and of each further MACRO on that line."""
    names = []
    for line in re.findall(r"^\.It (.*)$", text, re.MULTILINE):
        words = line.replace("\\-", "-").split()
        names += [words[i + 1] for i in range(len(words) - 1) if words[i] == macro]
    return names


def mentioned(text, macro):
    """The argument of every line `.MACRO argument`, whatever punctuation follows."""
    return re.findall(rf"^\.{macro} (\S+)", text, re.MULTILINE)


def running(page):
    """Returns the page as running text: macros' lines joined, one blank between words."""
    lines = [line for line in page.splitlines() if not line.startswith('.\\"')]
    words = " ".join(re.sub(r"^\.(\w+ )?", "", line) for line in lines)
    return re.sub(r"\s+", " ", words)


def recipes(page):
    """The literal blocks that a comment before them names, as a reader sees them."""
    blocks = re.findall(r'^\.\\" recipe: ([\w-]+)\n\.Bd -literal.*\n((?:.*\n)*?)\.Ed$', page, re.MULTILINE)
    return {name: text.replace("\\e", "\\") for name, text in blocks}
