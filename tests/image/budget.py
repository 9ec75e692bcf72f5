# SPDX-License-Identifier: GPL-3.0-or-later
"""An image is read right with a small budget of memory, too, and in about that memory."""

import os

from disks import KI, MI, create, expected, io, scribble, seeded
from lib.command import must
from lib.reading import same
from lib.scratch import scratch
from lib.tap import note, run, test, true

READER = os.environ["SNAPFS_BUDGET_READER"]
SMALL, LARGE = 16, 256
THREADS = 8
# Besides the budget: the readers' own buffers, their stacks, and what malloc keeps.
BESIDE = 8 * MI
DEPTH = 40


def grown(path, mib, want):
    """Returns the memory by which a reader of the whole image grew; checks its bytes against QEMU's."""
    out = f"{path}.read"
    words = must(READER, path, out, mib, THREADS).split()
    true(same(out, want), f"{path} with {mib} MiB")
    os.unlink(out)
    note(f"{os.path.basename(path)}, {mib} MiB: grown {words[1]} KiB")
    return None if words[1] == "-" else int(words[1]) * KI


def check(path, more_is_used=True):
    want = expected(path)
    little, much = grown(path, SMALL, want), grown(path, LARGE, want)
    os.unlink(want)
    if little is None:
        return
    true(little < SMALL * MI + BESIDE, f"{path}: {little} bytes with {SMALL} MiB")
    if more_is_used:
        true(much > SMALL * MI + BESIDE, f"{path}: only {much} bytes with {LARGE} MiB")


@test
def a_compressed_image(rng, directory):
    noise = rng.randbytes(MI // 2)
    plain = os.path.join(directory, "plain")
    with open(plain, "wb") as file:
        for number in range(48):
            file.write(noise + bytes([number]) * (MI - len(noise)))
    for kind, cluster in (("zstd", "2M"), ("zlib", "64k")):
        path = os.path.join(directory, f"{kind}-{cluster}")
        must("qemu-img", "convert", "-c", "-m", "8", "-W", "-f", "raw", "-O", "qcow2",
             "-o", f"compression_type={kind},cluster_size={cluster}", plain, path)
        check(path)


@test
def a_deep_chain(rng, directory):
    size, below = 24 * MI, None
    for depth in range(DEPTH):
        path = os.path.join(directory, f"layer{depth}")
        create(path, size, backing=below and (below, "qcow2"), cluster_size=512)
        if depth:
            scribble(path, rng, directory, count=4)
        else:
            io(path, [f"write -P {number + 1} {number}M 1M" for number in range(size // MI)])
        below = os.path.basename(path)
    check(path, more_is_used=False)


with scratch() as place:
    run(seeded(), place)
