"""Random operations on a domain's snapshots, and what must be so after each of them.

`tree.py` is what should be, `draw.py` chooses what to do next, `actor.py` does it through the
mount, `audit.py` looks whether it is so, with `virt.py` for what libvirt says and `files.py` for
what QEMU says; `session.py` goes round and counts.
"""
