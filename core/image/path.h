/* SPDX-License-Identifier: GPL-3.0-or-later */
/* path.h - what a file name inside an image means. */
#ifndef SNAPFS_IMAGE_PATH_H
#define SNAPFS_IMAGE_PATH_H

#include "base/error.h"

/* The path of `name` as the image at `image` names it: the URI of a disk on another host (see
 * remote.h), also as libvirt writes that in JSON; what is absolute; else next to `image` (not to
 * what a symlink points to, as QEMU and libvirt do). EOPNOTSUPP: none of these. */
int path_resolve(const char *image, const char *name, char **ret, struct err *e);

enum path_lead {
    PATH_LOCAL,  /* to the file in *ret */
    PATH_REMOTE, /* to another host */
    PATH_UNKNOWN /* to what cannot be told */
};

/* Where a backing file name of any form leads, QEMU's json: and protocols included; for the file
 * graph, never for reading bytes. A path_lead, or -ENOMEM. */
int path_lead(const char *image, const char *name, char **ret);

#endif
