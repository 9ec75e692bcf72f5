# SPDX-License-Identifier: GPL-3.0-or-later
"""Random operations on a domain's snapshots, and what must be so after each of them.

`model.py` and `tree.py` are what should be. `draw.py` and `draw_beside.py` choose what to do next.
`actor.py` does it through the mount, `beside.py` by virsh and qemu-img, and `killer.py` cuts it off.
`causes.py` tells why it may have been refused. `audit.py` looks whether all is as it should be, with
`virt.py` for what libvirt says and `files.py` for what QEMU says. `world.py` has the domains and the mount; `session.py` goes round and `count.py` counts.
"""
