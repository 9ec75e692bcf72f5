#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do the checkers of source find nothing? Usage: checkers.py NAME SOURCE_ROOT BUILD_ROOT; prints TAP.

Each checker also gets a file with a fault, and has to complain.
"""

import concurrent.futures
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import typing

import sources

AT_ONCE = 8  # files for one process


@dataclasses.dataclass
class Checker:
    command: list
    version: str  # a part of what --version answers; releases differ in what they complain of
    files: typing.Callable  # of the roots of source and build
    fault: tuple  # a file's name and text
    options: list  # for a file outside the source


def compiled(_, build):
    commands = json.loads(pathlib.Path(build, "compile_commands.json").read_text())
    return sorted({os.path.normpath(os.path.join(one["directory"], one["file"])) for one in commands})


CHECKERS = {
    "format": Checker(
        ["clang-format", "--dry-run", "-Werror"],
        "version 14.",
        lambda source, _: sources.in_c(source),
        ("fault.c", "int  x;\n"),
        ["--style=file:SOURCE/.clang-format"],
    ),
    "tidy": Checker(
        ["clang-tidy", "-p", "BUILD", "--quiet"],
        "version 14.",
        compiled,
        ("fault.c", "#include <string.h>\nint f(char *a) { return strcmp(a, a) || sizeof(5); }\n"),
        ["--config-file=SOURCE/.clang-tidy"],
    ),
    "shell": Checker(
        ["shellcheck", "-x"],
        "version: 0.9.",
        lambda source, _: sources.in_shell(source),
        ("fault.sh", "#!/bin/bash\nrm $1\n"),
        [],
    ),
}


def complaints(command, files):
    done = subprocess.run([*command, *files], capture_output=True, text=True)
    return (done.stdout or done.stderr) if done.returncode else ""


def all_complaints(command, files):
    parts = [files[at : at + AT_ONCE] for at in range(0, len(files), AT_ONCE)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return "".join(pool.map(lambda part: complaints(command, part), parts))


def is_there(checker):
    program = checker.command[0]
    return shutil.which(program) and checker.version in subprocess.getoutput(f"{program} --version")


def catches_fault(command, options, name, text):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, name)
        path.write_text(text)
        return bool(complaints([*command, *options], [path]))


def main():
    name, source, build = sys.argv[1:]
    os.nice(10)  # tests beside it heed the time
    checker = CHECKERS[name]
    if not is_there(checker):
        print(f"1..0 # SKIP there is no {checker.command[0]} of {checker.version}")
        return
    command = [word.replace("BUILD", build) for word in checker.command]
    options = [word.replace("SOURCE", source) for word in checker.options]
    files = checker.files(source, build)
    found = all_complaints(command, files)
    caught = files and catches_fault(command, options, *checker.fault)
    print(f"{'not ' if found else ''}ok 1 - {command[0]} has nothing to say of {len(files)} files")
    for line in found.splitlines():
        print(f"# {line}")
    print(f"{'' if caught else 'not '}ok 2 - it complains of a fault")
    print("1..2")


if __name__ == "__main__":
    main()
