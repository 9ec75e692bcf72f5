/* SPDX-License-Identifier: GPL-3.0-or-later */
/* path.h - the meaning of a file name inside an image. */
#ifndef SNAPFS_IMAGE_PATH_H
#define SNAPFS_IMAGE_PATH_H

#include "base/error.h"

/* Resolves `name` as the image at `image` names it. The result is one of these:
 * - the URI of a disk on another host (see remote.h), also if libvirt wrote it as JSON;
 * - an absolute path as it is;
 * - else a path next to `image` (not next to the target of a symlink, as QEMU and libvirt do).
 *
 * Fails with EOPNOTSUPP for any other name. */
int path_resolve(const char *image, const char *name, char **ret, struct err *e);

enum path_lead {
    PATH_LOCAL,  /* the name leads to the file in *ret */
    PATH_REMOTE, /* the name leads to another host */
    PATH_UNKNOWN /* the file cannot be determined */
};

/* Determines where a backing file name of any form leads, even one with QEMU's json: or a protocol.
 * Use it for the file graph, never to read bytes. Returns a path_lead, or -ENOMEM. */
int path_lead(const char *image, const char *name, char **ret);

#endif
