#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each layer includes only what stands below it. Usage: layers.py SOURCE_ROOT; prints TAP."""

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
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


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
        for prefix, owner in owners.items():
            if mark == "<" and name.startswith(prefix) and not name.startswith(foreign or ("\0",)):
                yield f"{layer} includes <{name}>, which is {owner}'s alone"
    if layer != "virt" and layer != "base" and re.search(r"\bvir(Domain|Connect)[A-Z]", text):
        yield f"{layer} speaks of a libvirt type"


def main():
    root = pathlib.Path(sys.argv[1])
    count = 0
    failed = 0
    for folder in ("core", "fs"):
        for path in sorted(root.glob(f"{folder}/*/**/*.[ch]")):
            layer = path.relative_to(root / folder).parts[0]
            found = list(complaints(layer, path.read_text())) if layer in ALLOWED else ["no layer"]
            count += 1
            failed += bool(found)
            print(f"{'not ' if found else ''}ok {count} - {path.relative_to(root)}")
            for line in found:
                print(f"# {line}")
    doctored = {
        "base": '#include "image/image.h"',
        "image": "#include <libvirt/libvirt.h>",
        "model": "#include <libxml/tree.h>",
        "node": "#include <fuse_lowlevel.h>",
    }
    for layer, text in doctored.items():
        count += 1
        caught = list(complaints(layer, text))
        failed += not caught
        print(f"{'' if caught else 'not '}ok {count} - a wrong include in {layer} is caught")
    print(f"1..{count}")
    return 1 if failed or count < 20 else 0


sys.exit(main())
