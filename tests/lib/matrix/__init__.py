# SPDX-License-Identifier: GPL-3.0-or-later
"""Random operations on a domain's snapshots, and checks after each of them.

`model.py` and `tree.py` have the expected state. `draw.py` and `draw_beside.py` choose the next operation.
`actor.py` does it through the mount, `beside.py` by virsh and qemu-img, and `killer.py` cuts it off.
`causes.py` tells why it may have been refused. `audit.py` compares everything with the expected state, by
libvirt's answers (`virt.py`) and QEMU's (`files.py`). `world.py` has the domains and the
mount; `session.py` runs the loop and `count.py` counts.
"""
