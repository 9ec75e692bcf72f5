#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does everything say the version of meson.build? Usage: version.py SOURCE_ROOT BUILD_ROOT VERSION; prints TAP."""

import os
import pathlib
import re
import subprocess
import sys

import sources

SAY_IT_THEMSELVES = ("meson.build", "NEWS.md", "README.md")


def said_by(program):
    return subprocess.run([program, "-V"], capture_output=True, text=True).stdout


def pages(build, version):
    all_pages = sorted(pathlib.Path(build, "man").glob("snapfs*.[1-9]"))
    return len(all_pages) >= 4 and all(f"\n.Os snapfs {version}\n" in page.read_text() for page in all_pages)


def first_news(source):
    text = pathlib.Path(source, "NEWS.md").read_text()
    return re.search(r"^## ([\d.]+), (\d{4}-\d\d-\d\d|not yet released)$", text, re.M)


def in_readme(source):
    return re.findall(r"\bversion (\d[\d.]*\d)", pathlib.Path(source, "README.md").read_text())


def say_it_too(source, version):
    says = re.compile(rf"(?<![\d.]){re.escape(version)}(?![\d.])")
    for path in sources.every(source):
        name = str(path.relative_to(source))
        if name not in SAY_IT_THEMSELVES and says.search(path.read_text()):
            yield name


def main():
    source, build, version = sys.argv[1:]
    news = first_news(source)
    others = list(say_it_too(source, version))
    facts = {
        "snapfs -V": re.match(rf"snapfs {re.escape(version)}\b", said_by(os.environ["SNAPFS"])),
        "snapfs-cat -V": said_by(os.environ["SNAPFS_CAT"]) == f"snapfs-cat {version}\n",
        "the manual pages": pages(build, version),
        "the news": news and news[1] == version,
        "the readme": in_readme(source) == [version],
        f"no other file {others}": not others,
    }
    for number, (who, right) in enumerate(facts.items(), 1):
        print(f"{'' if right else 'not '}ok {number} - {who} of version {version}")
    print(f"1..{len(facts)}")


if __name__ == "__main__":
    main()
