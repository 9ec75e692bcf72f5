/* SPDX-License-Identifier: GPL-3.0-or-later */
/* session.h - one mount, from libvirt's connection to its end. */
#ifndef SNAPFS_FUSE_SESSION_H
#define SNAPFS_FUSE_SESSION_H

#include "base/error.h"
#include "fuse/daemon.h"
#include "fuse/options.h"

/* Connects, mounts, tells `d` that it is ready (or failed), serves until unmounted or signalled,
 * and takes everything down again. Returns the exit status. */
int session_run(const struct options *o, struct daemon *d);

#endif
