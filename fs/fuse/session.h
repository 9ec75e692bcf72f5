/* SPDX-License-Identifier: GPL-3.0-or-later */
/* session.h - one mount, from libvirt's connection to its end. */
#ifndef SNAPFS_FUSE_SESSION_H
#define SNAPFS_FUSE_SESSION_H

#include "base/error.h"
#include "fuse/daemon.h"
#include "fuse/options.h"

/* Connects, mounts, tells `d` that the mount is ready (or failed), and serves until it is unmounted
 * or signalled. Then it closes everything again. Returns the exit status. */
int session_run(const struct options *o, struct daemon *d);

#endif
