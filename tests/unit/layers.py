#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each layer, and in core/model each room, uses only what is below it, and no files use each other in
a circle. Usage: layers.py SOURCE_ROOT; prints TAP."""

import collections
import pathlib
import re
import sys

# layer: the layers whose headers it may include, and the foreign headers that only it may.
ALLOWED = {
    "base": ({"base"}, ()),
    "image": ({"base", "image"}, ("zlib.h", "zstd.h", "libdeflate.h", "libnbd.h")),
    "virt": ({"base", "virt"}, ("libvirt/", "libxml/")),
    "model": ({"base", "image", "virt", "model"}, ()),
    "node": ({"base", "image", "model", "node"}, ()),
    "fuse": ({"base", "image", "model", "node", "fuse"}, ("fuse_", "fuse.h")),
}
# The rooms of core/model, from the bottom up. Below them are the files that all of them share, above
# them those that fs/ asks.
SHARED = ("model/options.h", "model/state.h")
ROOMS = ("storage", "activity", "journal", "catalog", "graph", "reader", "change", "metadata", "create",
         "delete", "revert")  # fmt: skip
WITHOUT_CIRCLES = ("base", "image", "virt", "model")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
COMMENT = re.compile(r"/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"", re.S)
TAG = re.compile(r"\b(?:struct|enum) \w+")
DEFINED = re.compile(r"^(?!static|typedef|extern|struct \w+ \{|enum)\w[\w *]*?\b(\w+)(?:\(|(?:\[\w*\])? = \{)", re.M)


def floor_of(name):
    """How high a file of core/model is: the place of its room, or below or above all rooms."""
    room = name.split("/")[1]
    if name in SHARED:
        return -1
    return ROOMS.index(room) if room in ROOMS else len(ROOMS)


def room_complaints(name, text):
    """What the file `name` of core/model ("model/graph/graph.c") includes from above it."""
    parts = name.split("/")
    if len(parts) > 2 and parts[1] not in ROOMS:
        yield f"{parts[1]} is no room"
    for mark, included in INCLUDE.findall(text):
        if mark == '"' and included.startswith("model/") and floor_of(included) > floor_of(name):
            yield f"{name} includes {included}, which is in a room above"


def complaints(layer, text):
    """What a file of `layer` with this text includes and may not."""
    below, foreign = ALLOWED[layer]
    owners = {prefix: owner for owner, (_, mine) in ALLOWED.items() for prefix in mine}
    for mark, name in INCLUDE.findall(text):
        top = name.split("/")[0]
        if mark == '"' and top in ALLOWED and top not in below:
            yield f"{layer} includes {name}"
        if mark == '"' and name.endswith("/internal.h") and top != layer:
            yield f"{layer} includes another layer's {name}"
        if mark == '"' and name == "model/state.h" and layer != "model":
            yield f"{layer} looks into the model: {name}"
        for prefix, owner in owners.items():
            if mark == "<" and name.startswith(prefix) and not name.startswith(foreign or ("\0",)):
                yield f"{layer} includes <{name}>, which is {owner}'s alone"
    if layer != "virt" and layer != "base" and re.search(r"\bvir(Domain|Connect)[A-Z]", text):
        yield f"{layer} speaks of a libvirt type"


def uses(texts):
    """Which unit ("model/graph/graph": a .c and its .h) uses which, by includes and by names. `texts`:
    what each file of a layer holds. x_none.c stands in for x.c in a build without a library."""
    unit = {name: name.rsplit(".", 1)[0].removesuffix("_none") for name in texts}
    code = {name: COMMENT.sub(" ", INCLUDE.sub("", text)) for name, text in texts.items()}
    owner = {word: unit[name] for name in texts if name.endswith(".c") for word in DEFINED.findall(code[name])}
    edges = collections.defaultdict(set)
    for name, text in texts.items():
        included = {unit[other] for _, other in INCLUDE.findall(text) if other in unit}
        named = {owner[word] for word in set(re.findall(r"\w+", TAG.sub(" ", code[name]))) & owner.keys()}
        edges[unit[name]] |= (included | (named if name.endswith(".c") else set())) - {unit[name]}
    return edges


def circles(edges):
    """The sets of units that use each other in a circle (Tarjan)."""
    index, low, stack, found = {}, {}, [], []

    def visit(unit):
        index[unit] = low[unit] = len(index)
        stack.append(unit)
        for other in sorted(edges.get(unit, ())):
            if other not in index:
                visit(other)
            if other in stack:
                low[unit] = min(low[unit], low[other])
        if low[unit] == index[unit]:
            at = stack.index(unit)
            if len(stack) - at > 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for unit in sorted(edges):
        if unit not in index:
            visit(unit)
    return found


DOCTORED = {
    "base": '#include "image/image.h"',
    "image": "#include <libvirt/libvirt.h>",
    "model": "#include <libxml/tree.h>",
    "node": "#include <fuse_lowlevel.h>",
    "fuse": '#include "model/state.h"',
}
DOCTORED_ROOMS = {
    "model/catalog/x.c": '#include "model/reader/open.h"',
    "model/state.h": '#include "model/storage/pools.h"',
    "model/change/x.h": '#include "model/model.h"',
    "model/attic/x.h": "",
}
DOCTORED_CIRCLE = {
    "image/a.h": "int a(void);",
    "image/a.c": '#include "image/a.h"\n#include "image/b.h"\nint a(void)\n{\n    return b();\n}\n',
    "image/b.h": "int b(void);",
    "image/b.c": '#include "image/b.h"\nint b(void)\n{\n    return a();\n}\n',
}


def files(root, layer):
    """The files of a layer as they are included, and what each holds."""
    folder = root / ("fs" if layer in ("node", "fuse") else "core")
    return {str(p.relative_to(folder)): p.read_text() for p in sorted((folder / layer).rglob("*.[ch]"))}


def main():
    root = pathlib.Path(sys.argv[1])
    results = []
    for layer in ALLOWED:
        texts = files(root, layer)
        for name, text in texts.items():
            found = list(complaints(layer, text))
            found += room_complaints(name, text) if layer == "model" else []
            results.append((found, name))
        if layer in WITHOUT_CIRCLES:
            found = [" ".join(circle) for circle in circles(uses(texts))]
            results.append((found, f"no files of {layer} use each other in a circle"))
    for layer, text in DOCTORED.items():
        results.append(([] if list(complaints(layer, text)) else ["it is not"], f"a wrong include in {layer} is caught"))
    for name, text in DOCTORED_ROOMS.items():
        results.append(([] if list(room_complaints(name, text)) else ["it is not"], f"an arrow up from {name} is caught"))
    results.append(([] if circles(uses(DOCTORED_CIRCLE)) else ["it is not"], "a circle is caught"))
    for i, (found, name) in enumerate(results, 1):
        print(f"{'not ' if found else ''}ok {i} - {name}")
        for line in found:
            print(f"# {line}")
    print(f"1..{len(results)}")
    return 1 if any(found for found, _ in results) or len(results) < 20 else 0


sys.exit(main())
