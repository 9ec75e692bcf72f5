/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lowlevel.h - libfuse's low-level API, 3.14 or later, at the level that all of fs/fuse uses. */
#ifndef SNAPFS_FUSE_LOWLEVEL_H
#define SNAPFS_FUSE_LOWLEVEL_H

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#endif
