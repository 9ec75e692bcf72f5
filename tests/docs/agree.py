# SPDX-License-Identifier: GPL-3.0-or-later
"""Do code, --help, manual pages and README say the same? Usage: agree.py SOURCE_ROOT.

A check is a function from the texts to complaints. Each check also gets texts with one change, and has to
complain about it.
"""

import math
import os
import pathlib
import re
import shutil
import sys
import tempfile

import page
import readme
from lib.command import attempt, must
from lib.tap import equal, holds, run, test, true

# The order and the section ERRORS of other manuals; here EXAMPLES comes early, and a tree has errors.
HOUSE_STYLE = re.compile(r".*WARNING: (?:sections out of conventional order|unexpected section: Sh ERRORS).*\n?")
PAGES = {"snapfs.1": "man1", "snapfs.5": "man5", "snapfs.7": "man7", "snapfs-cat.1": "mancat"}
SOURCES = {
    "rows": "fs/node/rows.c",
    "options": "fs/fuse/options.c",
    "verbs": "core/model/revert/verb.c",
    "erase": "core/model/delete/verb.c",
    "words": "core/model/create/words.c",
    "names": "core/base/name.c",
    "errors": "core/virt/errors.c",
}
# Files without requests: their code fails before anything is mounted, or is another program.
NO_REQUESTS = re.compile(r"fs/fuse/(daemon|main|mount|options|session|values)\.c|core/image/cat/")
DISK = ["DISK.raw", "DISK-partN.raw", "DISK.cow"]
IMAGES = {"PLACE_SNAPSHOT": [*DISK, "memory"], "PLACE_TAG": DISK}
DIRECTORIES = {
    "PLACE_DOMAIN": "A DOMAIN'S DIRECTORY",
    "PLACE_SNAPSHOT": "A SNAPSHOT'S DIRECTORY",
    "PLACE_TAG": "A TAG'S DIRECTORY",
}
# Limits: the file with the value, its name, the text that tells it, and the sentence.
LIMITS = (
    ("fs/node/bar.h", "BAR_SECONDS", "man7", r"is refused for (\d+) seconds"),
    ("core/model/activity/lines.h", "OPLOG_KEPT", "man5", r"last (\d+) operations"),
    ("core/model/activity/lines.h", "OPLOG_LINES", "man5", r"with (\d+) lines"),
    ("core/base/name.h", "NAME_NEW_MAX", "man5", r"has more than (\d+) bytes"),
    ("core/base/name.h", "NAME_CODED_MAX", "man5", r"coded name longer than (\d+) bytes"),
    ("fs/node/tree.h", "NAME_BYTES_MAX", "man5", r"More than (\d+) bytes in a name"),
    ("core/model/catalog/domain_build.h", "DOMAIN_PATH_MAX", "man5", r"directory has at most (\d+) bytes"),
    ("core/model/verbs.h", "VERB_WORDS_MAX", "man7", r"One write has at most (\d+) bytes"),
    ("core/model/create/quiesce.c", "FREEZE_SECONDS", "man7", r"has (\d+) seconds for that"),
    ("core/model/create/input.h", "INPUT_MAX", "man7", r"at most (\d+) bytes in all"),
    ("fs/fuse/tasks.h", "TASKS_MAX", "man7", r"At most (\d+) are taken"),
    ("core/base/budget.h", "BUDGET_DEFAULT_MIB", "man1", r"The default is (\d+), the least"),
    ("core/base/budget.h", "BUDGET_LEAST_MIB", "man1", r"The default is \d+, the least (\d+)"),
    ("core/base/budget.h", "BUDGET_DEFAULT_MIB", "help", r"read and listed, default (\d+)"),
    ("core/base/budget.h", "BUDGET_LEAST_MIB", "help", r"read and listed, default \d+, at least (\d+)"),
    ("fs/node/cows.h", "COWS_MAX", "man5", r"Up to (\d+) such files"),
    ("fs/node/cows.h", "COWS_DEFAULT_MIB", "man1", r"The default is (\d+), the most"),
    ("fs/node/cows.h", "COWS_MOST_MIB", "man1", r"The default is \d+, the most (\d+)"),
    ("fs/node/cows.h", "COWS_DEFAULT_MIB", "help", r"one \.cow file, default (\d+)"),
    ("core/image/block_map.h", "BLOCK_BYTES", "man1", r"in blocks of (\d+) bytes"),
    ("core/image/source.h", "IMAGE_CHAIN_MAX", "man5", r"chain has at most (\d+) files"),
    ("core/image/export_limits.h", "EXPORT_SERVERS", "man5", r"at most (\d+) run at once"),
    ("core/model/reader/needed_by.h", "NEEDED_BY_MAX", "man5", r"At most (\d+) are named"),
    ("core/model/graph/usage_cache.h", "USAGE_CACHE_WAIT_SECONDS", "man5", r"not known within (\d+) seconds"),
    ("core/model/graph/usage_cache.h", "USAGE_CACHE_REST", "man5", r"or (\d+) times what it took"),
    ("core/model/graph/usage_cache.h", "USAGE_CACHE_REST_SECONDS", "man5", r"but (\d+) seconds at most"),
    ("core/model/reader/unmanaged.h", "UNMANAGED_MAX", "man5", r"At most (\d+) images"),
    ("core/model/reader/unmanaged.h", "UNMANAGED_NAME_MAX", "man5", r"whose name has over (\d+) bytes"),
    ("core/model/graph/directory.h", "DIRECTORY_FILES_MAX", "man7", r"looks at (\d+) files in a directory"),
    ("core/virt/virt.h", "VIRT_RECONNECT_WAIT", "man1", r"for up to (\d+) seconds from the loss"),
    ("core/virt/virt.h", "VIRT_CALL_TIMEOUT", "man1", r"given up after (\d+) seconds"),
    ("core/model/change/outliving.h", "OUTLIVING_WAIT_MS", "man7", r"waits up to (\d+) seconds for its end"),
    ("core/model/reader/changes.c", "UNFINISHED_MS", "man5", r"waits for up to (\d+) seconds more"),
    ("fs/fuse/session.c", "THREADS_MAX", "man1", r"serves (\d+) requests at once"),
    ("fs/fuse/deferred.h", "DEFERRED_MAX", "man1", r"Up to (\d+) requests wait"),
    ("core/model/reader/holders.h", "HOLDERS_MAX", "man1", r"names up to (\d+) holders"),
    ("core/model/reader/holders.h", "HOLDERS_MAX", "man7", r"names (\d+) holders at most"),
    ("core/model/delete/in_use.c", "FILES_SHOWN_MAX", "man1", r"holders of an image and (\d+) of its files"),
    ("core/model/revert/check.c", "NAMES_SHOWN_MAX", "man1", r"up to (\d+) snapshots that a revert"),
    ("core/model/reader/unreadable.h", "UNREADABLE_MAX", "man1", r"warns of up to (\d+) images"),
    ("core/image/export_limits.h", "EXPORT_WAIT_MS", "man1", r"has (\d+) seconds for an answer"),
    ("core/virt/xml.h", "XML_TEXT_MAX", "man1", r"document of libvirt has at most (\d+) MiB"),
    ("core/virt/xml.h", "XML_DISKS_MAX", "man1", r"MiB, with (\d+) disks"),
    ("core/virt/xml.h", "XML_CHAIN_MAX", "man1", r"and (\d+) layers below each"),
    ("core/model/storage/file_marks.h", "MARKS_MAX", "man1", r"lists up to (\d+) tags"),
    ("core/model/journal/kept.h", "KEPT_RECORDS_MAX", "man1", r"Up to (\d+) records of one kind"),
    ("core/model/journal/kept_shared.h", "KEPT_OTHERS_MAX", "man1", r"those of (\d+) other users"),
    ("core/model/change/settler.c", "AGAIN_LAST_MS", "man1", r"at last every (\d+) seconds"),
)
# Hosts that may be named: namespaces of documents, the licence's, and examples.
KNOWN_HOSTS = ("libvirt.org", "www.gnu.org", "fsf.org", "www.fsf.org", "HOST", "h", "127.0.0.1")
ADDRESS = re.compile(r"\b(?:https?|ftp)://([\w.-]+)")
SOMEONES_DIRECTORY = re.compile(r"(?<![\w.$}])/(?:home|Users)/[\w.-]+/")


# ---- the texts ----


def unwrapped(text):
    """--help with each sentence in one line; every line fits a terminal and the last names the manuals."""
    true(max(map(len, text.splitlines())) <= 100, "a line of --help has more than 100 columns")
    holds(text.splitlines()[-1], "man 5 snapfs")
    holds(text.splitlines()[-1], "man 7 snapfs")
    return re.sub(r"\n {25}(?!words: |accepted )", " ", text)


def load(root):
    texts = {name: (root / path).read_text() for name, path in SOURCES.items()}
    texts |= {key: (root / "man" / name).read_text() for name, key in PAGES.items()}
    texts["help"] = unwrapped(must(os.environ["SNAPFS"], "--help"))
    texts["cat"] = must(os.environ["SNAPFS_CAT"], "--help")
    texts["readme"] = readme.text()
    texts["code"] = "\n".join(
        path.read_text()
        for folder in ("core/image", "core/model", "core/virt", "fs/node", "fs/fuse")
        for path in sorted((root / folder).glob("**/*.c"))
        if not NO_REQUESTS.match(str(path.relative_to(root)))
    )
    return texts


def project_files(root):
    """Yields every file of the project, with git or without."""
    ignored = [line.strip("/\n") for line in (root / ".gitignore").read_text().splitlines()]
    for path in sorted(root.rglob("*")):
        top = path.relative_to(root).parts[0]
        if path.is_file() and top not in (".git", *ignored) and "__pycache__" not in path.parts:
            yield path


# ---- checks ----


def differ(what, ours, theirs):
    """Yields complaints if two sets, each a (place, names), differ."""
    (here, names), (there, others) = ours, theirs
    for name in sorted(set(names) - set(others)):
        yield f"{what} '{name}' is in {here} and not in {there}"
    for name in sorted(set(others) - set(names)):
        yield f"{what} '{name}' is in {there} and not in {here}"
    if not names:
        yield f"no {what} was found in {here}"


def help_words(text):
    """Returns the words that --help calls accepted without effect."""
    line = re.search(r"accepted from mount\(8\).*?: (.*) x-\*$", text, re.MULTILINE)
    return line.group(1).split() if line else []


def flags(texts):
    rows = re.findall(r'^    \{"(--?\w+)"', texts["options"], re.MULTILINE)
    shown = re.findall(r"^    (?!-o )(--?\w+) ", texts["help"], re.MULTILINE)
    shown += [word for word in help_words(texts["help"]) if word.startswith("-")]
    listed = ["-" + name for name in page.items(page.part(texts["man1"], "OPTIONS"), "Fl")]
    yield from differ("option", ("options.c", rows), ("--help", shown))
    yield from differ("option", ("--help", shown + ["-o"]), ("snapfs(1)", listed))
    synopsis = re.search(r"^\.Op Fl (\w+)$", page.part(texts["man1"], "SYNOPSIS"), re.MULTILINE)
    alone = [name for name in listed if len(name) == 2 and name not in ("-o", "-h", "-V")]
    letters = ["-" + letter for letter in synopsis.group(1)] if synopsis else []
    yield from differ("option", ("the synopsis", letters), ("snapfs(1)", alone))


def mount_options(texts):
    rows = re.findall(r'^    \{"(\w+=?)"', texts["options"], re.MULTILINE)
    own, _, libfuse = texts["help"].partition("libfuse's mount options")
    pattern = re.compile(r"^ +-o (\w+=?)", re.MULTILINE)
    shown = pattern.findall(own)
    words = [word for word in help_words(own) if not word.startswith("-")]
    listed = page.items(page.part(texts["man1"], "MOUNT OPTIONS"), "Cm")
    fstab = page.mentioned(page.part(texts["man1"], "Words of mount(8) and fstab(5)"), "Cm")
    yield from differ("mount option", ("options.c", rows), ("--help", shown + words))
    yield from differ("mount option", ("--help", shown), ("snapfs(1)", listed))
    yield from differ("word", ("--help", words), ("snapfs(1)", [w for w in fstab if w != "ro"]))
    for name in page.items(page.part(texts["man1"], "Options of libfuse"), "Cm"):
        if name not in pattern.findall(libfuse):
            yield f"libfuse has no option '{name}'"


def rows(text, where, listed=False):
    """The names of the rows of that place; `listed`: without those that no listing shows."""
    found = re.findall(r'\{\.name = "([^"]+)",\s*\.where = (\w+),(.*?)\.help', text, re.DOTALL)
    return [name for name, place, rest in found if place == where and not (listed and ".hidden" in rest)]


def helped(text, heading):
    found = re.search(rf"^{heading}:\n(.*?)\n\n", text, re.MULTILINE | re.DOTALL)
    return re.findall(r"^    (\S+)", found.group(1), re.MULTILINE) if found else []


def files(texts):
    for where, title in DIRECTORIES.items():
        names = rows(texts["rows"], where)
        shown = helped(texts["help"], f"in {title.lower()}")
        listed = page.items(page.part(texts["man5"], title), "Pa")
        if where in IMAGES:
            names = names + IMAGES[where]
            listed = ["DISK" + name if name[0] in ".-" else name for name in listed]
        yield from differ("file", ("rows.c", names), ("--help", shown))
        yield from differ("file", ("rows.c", names), ("snapfs(5)", listed))


def pictures(texts):
    """The trees drawn in README.md and snapfs(5) show every row, and nothing else."""
    names = [name for where in DIRECTORIES for name in rows(texts["rows"], where, listed=True)]
    for place, pattern, text in (
        ("README.md", r"[├└]── (\S+?)/?(?: |$)", texts["readme"]),
        ("snapfs(5)", r"[|`]-- (\S+?)/?(?: |$)", page.part(texts["man5"], "DESCRIPTION")),
    ):
        drawn = re.findall(pattern, text, re.MULTILINE)
        examples = ("web01", "base", "updates", "before-upgrade", "vda.raw", "...")
        entries = [name for name in drawn if name not in examples]
        yield from differ("file", ("rows.c", names + ["memory"]), (f"the picture in {place}", entries))


def words(texts):
    """The table of words in the code, of which errors and --help are made, and snapfs(7)."""
    for name, code, title in (
        ("revert", "verbs", "REVERTING"),
        ("delete", "erase", "Words for delete"),
        ("create", "words", "Words"),
    ):
        table = re.search(rf"{name}_words\[\] = \{{(.*?)\}};", texts[code], re.DOTALL)
        known = re.findall(r'\{"([\w=-]+)"', table.group(1)) if table else []
        shown = re.search(rf"^    {name} .*\n +words: (.*)", texts["help"], re.MULTILINE)
        for place, others in (
            ("snapfs(7)", page.items(page.part(texts["man7"], title), "Cm")),
            ("--help", shown.group(1).split() if shown else []),
        ):
            yield from differ(f"word of {name}", ("the code", known), (place, others))


def reserved(texts):
    table = re.search(r"reserved\[\] = \{(.*?)\};", texts["names"], re.DOTALL)
    names = re.findall(r'"([^"]+)"', table.group(1)) if table else []
    listed = page.mentioned(page.part(texts["man5"], "Reserved names"), "Pa")
    yield from differ("reserved name", ("name.c", names), ("snapfs(5)", listed))
    for where in DIRECTORIES:
        for name in rows(texts["rows"], where):
            if name not in names:
                yield f"the file '{name}' is no reserved name"


def cat_options(texts):
    shown = re.findall(r"(?<![\w-])(--?[a-zA-Z]\w*)", texts["cat"].partition("\n\n")[2])
    listed = ["-" + name for name in page.items(page.part(texts["mancat"], "OPTIONS"), "Fl")]
    yield from differ("option", ("snapfs-cat --help", shown), ("snapfs-cat(1)", listed))


def error_numbers(texts):
    given = re.findall(r"(?:err_fail|fuse_reply_err)\(\s*[^,()]+,\s*(E[A-Z0-9]+)", texts["code"])
    given += re.findall(r"\{VIR_ERR_\w+, \w+, (E[A-Z0-9]+)", texts["errors"])
    given += ["ENOMEM", "EMFILE"]  # err_nomem, and open(2) of the many files of a chain
    listed = page.items(page.part(texts["man5"], "ERRORS"), "Er")
    yield from differ("error", ("the code", given), ("snapfs(5)", listed))


def limit_value(text, name, sentence):
    """The limit in the unit of the sentence: seconds for a name in _MS, MiB if it says so. None: not found."""
    found = re.search(rf"\b{name} =? ?(\d+(?: \* \d+)*)", text)
    value = math.prod(map(int, found.group(1).split(" * "))) if found else None
    unit = 1000 if name.endswith("_MS") else 1 << 20 if "MiB" in sentence.partition(")")[2][:4] else 1
    return value // unit if value and value % unit == 0 else None


def limit(root, texts):
    for path, name, where, sentence in LIMITS:
        value = limit_value((root / path).read_text(), name, sentence)
        said = re.search(sentence, page.running(texts[where]))
        if not value or not said:
            yield f"{name} is not found in {path}, or '{sentence}' in {where}"
        elif value != int(said.group(1)):
            yield f"{name} is {value}, and {where} says {said.group(1)}"


def lint(texts):
    """Yields the complaints of groff and, if it is installed, mandoc."""
    with tempfile.TemporaryDirectory() as directory:
        for name, key in PAGES.items():
            path = os.path.join(directory, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(texts[key])
            commands = [("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", path)]
            if shutil.which("mandoc"):
                commands.append(("mandoc", "-T", "lint", "-W", "warning", path))
            for command in commands:
                result = attempt(*command, env=dict(os.environ, MANPAGER="cat", MANROFFOPT=""))
                said = result.err if command[0] == "man" else HOUSE_STYLE.sub("", result.out) + result.err
                if said or (result.status != 0 and not result.out):
                    yield f"{command[0]}: {said or result.status}"


def references(texts):
    """Each section that a page refers to is there: `.Sx TITLE`, `see TITLE in Xr snapfs N`."""
    titles = {key: set(re.findall(r"^\.S[hs] (.*)$", texts[key], re.MULTILINE)) for key in PAGES.values()}
    numbers = {name.replace(".", " "): key for name, key in PAGES.items()}
    for key in PAGES.values():
        flat = re.sub(r"\n", " ", texts[key])
        here = re.findall(r"\bSx (.+?)(?: [.,;:)]|$)", texts[key], re.MULTILINE)
        there = re.findall(r"(?:[Ss]ee|\.Dq) (?:\.?Dq )?([A-Z][\w, -]+?) in \.?Xr (snapfs\S* \d)", flat)
        for title, place in [(title, key) for title in here] + [(t, numbers[p]) for t, p in there]:
            if title not in titles[place]:
                yield f"{key} refers to '{title}', which {place} does not have"


def links(root, texts):
    """Files that the README links to or names are there."""
    linked = re.findall(r"\]\(([^)#]+)\)", texts["readme"])
    named = r"(?<![\w/.-])(?:\./)?((?:core|fs|man|scripts|tests)/[\w./-]*\w)"
    linked += re.findall(named, texts["readme"])
    for name in linked:
        if "://" not in name and not (root / name).exists():
            yield f"README.md names '{name}', which is not there"
    if len(linked) < 10:
        yield "hardly any link was found"


def stranger(root, name, text):
    """Yields addresses and paths that mean something only on one machine."""
    for host in ADDRESS.findall(text):
        if host.rstrip(".") not in KNOWN_HOSTS:
            yield f"{name} names the host '{host}'"
    if SOMEONES_DIRECTORY.search(text) or (len(root.parts) > 2 and f"{root}/" in text):
        yield f"{name} names a directory of the machine it was written on"


# ---- the tests ----


def sound(check, texts, *doctored):
    """Checks that the check has no complaint, and that it has one for each doctored text."""
    complaints = list(check(texts))
    true(not complaints, "\n".join(complaints))
    for key, old, new in doctored:
        changed = texts[key].replace(old, new, 1)
        true(changed != texts[key], f"'{old}' is not in the text '{key}'")
        true(list(check(texts | {key: changed})), f"'{new}' for '{old}' in '{key}' passes")


@test
def flags_agree(root, texts):
    sound(
        flags, texts,
        ("help", "    -V  ", "    -X  "),
        ("help", "    -V  ", "    the "),
        ("man1", ".It Fl f\n", ".It Fl g\n"),
        ("man1", ".It Fl d\n", ""),
        ("man1", ".Op Fl dfnr", ".Op Fl dfn"),
        ("options", '    {"-d"', '    {"-e"'),
    )


@test
def mount_options_agree(root, texts):
    sound(
        mount_options, texts,
        ("help", "-o cache=", "-o cash="),
        ("man1", ".It Cm cache=", ".It Cm cash="),
        ("man1", ".It Cm ro\n", ""),
        ("man1", ".Cm noauto ,\n", ""),
        ("man1", ".Cm noauto ,\n", ".Cm noauto ,\n.Cm sync ,\n"),
        ("man1", ".It Cm allow_root", ".It Cm allow_roof"),
        ("options", '{"gid="', '{"gids="'),
    )


@test
def files_agree(root, texts):
    sound(
        files, texts,
        ("rows", '.name = "state"', '.name = "mood"'),
        ("help", "    info ", "    data "),
        ("man5", ".It Pa log\n", ""),
        ("man5", ".It Pa info\n", ".It Pa info\n.It Pa mood\n"),
        ("man5", ".It Pa memory\n", ""),
        ("man5", ".It Ar disk Ns Pa .raw\n", ""),
    )


@test
def pictures_show_what_is_there(root, texts):
    sound(
        pictures, texts,
        ("readme", "── revert ", "── delete "),
        ("readme", "── state ", "── mood "),
        ("man5", "|-- info\n", "|-- info\n|-- mood\n"),
        ("man5", "|-- memory\n", ""),
        ("man5", "|-- log\n", ""),
    )


@test
def words_agree(root, texts):
    sound(
        words, texts,
        ("verbs", '{"paused"', '{"pause"'),
        ("erase", '{"merge"', '{"merges"'),
        ("help", "force reset-nvram", "force"),
        ("man7", ".It Cm force\n", ""),
        ("man7", ".It Cm force\n", ".It Cm force\n.It Cm sideways\n"),
        ("words", '{"live"', '{"alive"'),
        ("help", "memspec= diskspec=", "memspec="),
        ("man7", ".It Cm quiesce\n", ""),
    )


@test
def reserved_names_agree(root, texts):
    sound(
        reserved, texts,
        ("names", '"job"', '"jobs"'),
        ("man5", ".Pa job ,\n", ""),
        ("rows", '.name = "state"', '.name = "condition"'),
    )


@test
def options_of_snapfs_cat_agree(root, texts):
    sound(
        cat_options, texts,
        ("cat", "      --map ", "      --maps "),
        ("mancat", ".It Fl \\-info\n", ""),
        ("mancat", ".It Fl \\-info\n", ".It Fl \\-information\n"),
    )


@test
def error_numbers_agree(root, texts):
    sound(
        error_numbers, texts,
        ("man5", ".It Bq Er EHOSTDOWN\n", ""),
        ("man5", ".It Bq Er EHOSTDOWN\n", ".It Bq Er EHOSTDOWN\n.It Bq Er EXDEV\n"),
        ("code", "ENOTEMPTY", "ENOSYS"),
        ("errors", "ANY_DOMAIN, EINTR", "ANY_DOMAIN, ECANCELED"),
    )


@test
def limits_agree(root, texts):
    sound(
        lambda given: limit(root, given), texts,
        ("man7", "for 5 seconds", "for 6 seconds"),
        ("man5", "last 200 operations", "last operations"),
        ("man5", "with 400 lines", "with 500 lines"),
        ("man1", "after 30 seconds", "after 31 seconds"),
        ("man1", "has 30 seconds", "has 30000 seconds"),
        ("man1", "most 16 MiB", "most 15 MiB"),
    )


@test
def manual_pages_are_clean(root, texts):
    sound(
        lint, texts,
        ("man1", ".Sh SIGNALS\n", ".Sh SIGNALS\n.Xyz\n"),
        ("mancat", ".El\n", ""),
    )


@test
def sections_that_are_referred_to_are_there(root, texts):
    sound(
        references, texts,
        ("man5", ".Sh NEEDED-BY\n", ".Sh NEEDED\n"),
        ("man7", ".Ss Interrupting\n", ".Ss Interrupts\n"),
        ("man7", ".Sh CLONES\n", ".Sh CLONE\n"),
    )


@test
def the_readme_names_files_that_are_there(root, texts):
    sound(
        lambda given: links(root, given), texts,
        ("readme", "(COPYING)", "(COPY)"),
        ("readme", "scripts/demo", "scripts/show"),
    )


@test
def nothing_names_the_machine_it_was_written_on(root, _):
    names = list(project_files(root))
    true(len(names) > 50, f"only {len(names)} files were found")
    found = [c for path in names
             for c in stranger(root, path.relative_to(root), path.read_text(errors="replace"))]
    equal(found, [])
    for text in ("deb http" + "://mirror.example/debian", "see /ho" + "me/me/x", "in /a/b/c/x"):
        true(list(stranger(pathlib.Path("/a/b/c"), "x", text)), text)


SOURCE = pathlib.Path(sys.argv[1]).resolve()
run(SOURCE, load(SOURCE))
