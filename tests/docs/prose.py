# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the prose plain? No sentence of the manual pages and README.md is long, and no banned turn is back.

Usage: prose.py SOURCE_ROOT. The turns are in the file `turns` beside this one.
"""

import os
import pathlib
import re
import sys

import readme
from lib.command import must
from lib.tap import equal, run, test, true

PAGES = ("snapfs.1", "snapfs.5", "snapfs.7", "snapfs-cat.1")
WORDS_MAX = 30
TURNS = pathlib.Path(__file__).with_name("turns")
MARK = "\x00"  # the end of a sentence or block
# mdoc's macros that begin a block, those whose lines are no prose, and those that only dress words.
BLOCK = {"Sh", "Ss", "Pp", "It", "Bl", "El", "Bd", "Ed", "Dl", "D1", "Nd", "Dd", "Dt", "Os", "Ta"}
NO_PROSE = {"Sh", "Ss", "Pp", "Bl", "El", "Bd", "Ed", "Dl", "D1", "Nd", "Dd", "Dt", "Os", "Op"}
DRESS = {"Ap", "Ar", "Bq", "Bo", "Bc", "Cm", "Dq", "Dv", "Em", "Er", "Ev", "Fl", "Ic", "Li", "Nm", "No", "Ns", "Oo", "Oc",
         "Pa", "Pc", "Po", "Pq", "Ql", "Sq", "Sx", "Sy", "Va", "Xr", "It", "Ta"}


def unescaped(word):
    return re.sub(r"\\(\(dq|[&e-])", lambda m: {"(dq": '"', "&": "", "e": "\\", "-": "-"}[m.group(1)], word)


def dressed(line):
    """A macro's line as the words it prints."""
    words = [word for word in re.findall(r'"[^"]*"|\S+', line[1:]) if word not in DRESS]
    return unescaped(" ".join(word.strip('"') if len(word) > 1 else word for word in words))


def page_lines(text):
    """The lines of prose of a page; MARK where a block ends."""
    literal = False
    for line in text.splitlines():
        macro = line[1:].split(" ")[0] if line.startswith(".") else ""
        if macro in ("Bd", "Ed"):
            literal = macro == "Bd"
        if line.startswith('.\\"') or literal:
            continue
        if macro in BLOCK:
            yield MARK
        if macro not in NO_PROSE:
            cells = re.split(r" Ta ", line)
            for cell in cells:
                yield dressed(cell) if macro and cell is cells[0] else dressed("." + cell) if len(cells) > 1 else unescaped(cell)
                if len(cells) > 1 or macro == "It" or re.search(r"[.?!:]$", cell):
                    yield MARK


def readme_lines(text):
    """The lines of prose of README.md: neither blocks of code, nor comments, nor rows of dashes."""
    text = re.sub(r"^```.*?^```$", MARK, text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"<!--.*?-->", MARK, text, flags=re.DOTALL)
    for line in text.splitlines():
        if line.startswith("    ") or not line.strip() or re.match(r"[|:\s-]+$", line):
            yield MARK
            continue
        if re.match(r"(#|\*|\d+\.|\|)", line):
            yield MARK
        for cell in re.sub(r"^(#+|\*|\d+\.) +", "", line).strip("|").split(" | " if line.startswith("|") else MARK):
            yield re.sub(r"\]\([^)]*\)", "]", cell.strip())
            if line.startswith("|"):
                yield MARK


def sentences(lines):
    """Each sentence, in one line."""
    for block in " ".join(lines).split(MARK):
        for sentence in re.split(r"(?<=[.?!:]) +|(?<=[.?!:][)`\"']) +", block):
            if sentence and re.search(r"\w", sentence):
                yield re.sub(r"\s+", " ", sentence).strip()


def of_page(text):
    return sentences(page_lines(text))


def of_readme(text):
    return sentences(readme_lines(text))


def literals(text):
    """The string literals of C: those that only blanks and comments part are one."""
    text = re.sub(r"^\s*#\s*include[^\n]*", "", text, flags=re.MULTILINE)
    token = re.compile(r"""/\*.*?\*/|"((?:[^"\\]|\\.)*)"|'(?:[^'\\]|\\.)+'|\s+|.""", re.DOTALL)
    whole = None
    for found in token.finditer(text):
        if found.group(1) is not None:
            whole = (whole or "") + found.group(1)
        elif whole is not None and not re.match(r"\s|/\*", found.group()):
            yield whole
            whole = None
    if whole is not None:
        yield whole


def count(sentence):
    return sum(bool(re.search(r"[A-Za-z0-9]", word)) for word in sentence.split())


def turns(kinds):
    """The regular expressions of the turns of these kinds."""
    found = []
    for line in TURNS.read_text().splitlines():
        if line and line[0] != "#":
            kind, pattern = line.split("\t")
            if kind in kinds:
                found.append(re.compile(rf"^{pattern}\b" if kind == "start" else pattern, re.IGNORECASE))
    return found


def complaints(where, given, kinds):
    known = turns(kinds)
    for sentence in given:
        if count(sentence) > WORDS_MAX and "start" in kinds:
            yield f"{where}: {count(sentence)} words: {sentence}"
        for turn in known:
            if turn.search(sentence):
                yield f"{where}: '{turn.pattern}': {sentence}"


PROSE, MESSAGES = ("all", "text", "start"), ("all",)


@test
def manual_pages_are_plain(root):
    for name in PAGES:
        equal(list(complaints(name, of_page((root / "man" / name).read_text()), PROSE)), [])


@test
def the_readme_is_plain(_):
    equal(list(complaints("README.md", of_readme(readme.text()), PROSE)), [])


@test
def help_is_plain(_):
    for program in ("SNAPFS", "SNAPFS_CAT"):
        equal(list(complaints(program, [" ".join(must(os.environ[program], "--help").split())], MESSAGES)), [])


@test
def messages_are_plain(root):
    found = []
    for folder in ("core", "fs"):
        for path in sorted((root / folder).glob("**/*.[ch]")):
            found += complaints(path.relative_to(root), literals(path.read_text()), MESSAGES)
    equal(found, [])


@test
def what_is_not_plain_is_found(_):
    long = "word " * (WORDS_MAX + 1)
    for text in (f"{long}.\n", f"It is.\nThe\n.Cm {long}\n.\n", ".Bl -bullet\n.It\nWhere it is, it is.\n.El\n",
                 "The file\nstands\non another.\n", ".Bl -column a b\n.It x Ta nobody's\n.El\n"):
        true(list(complaints("x", of_page(text), PROSE)), text)
    for text in (f"{long}.\n", "It is. What is, is.\n", "* This\n  stands on that.\n", "| a | whoever |\n"):
        true(list(complaints("x", of_readme(text), PROSE)), text)
    for text in ('f("is " /* x */ "seen to")', 'f(\'"\', "whoever")', '"he said"'):
        true(list(complaints("x", literals(text), MESSAGES)), text)
    for text in ("Short.\n.Bd -literal\n" + long + "\n.Ed\nShort.\n", "one two " * 14 + ".\n" + "one two " * 14 + ".\n"):
        equal(list(complaints("x", of_page(text), PROSE)), [])


if __name__ == "__main__":
    run(pathlib.Path(sys.argv[1]).resolve())
