/* SPDX-License-Identifier: GPL-3.0-or-later */
/* at_tag.h - compares the active state of a qcow2 with one of its internal snapshots. */
#ifndef SNAPFS_IMAGE_AT_TAG_H
#define SNAPFS_IMAGE_AT_TAG_H

#include "image/source.h"

/* Tells whether the disk in a qcow2 has exactly the same clusters as at that tag. Then its bytes
 * are the same. No process may have the file open. Errors as image_open. */
int image_is_at_tag(const char *path, const char *tag, const struct image_policy *policy, bool *ret,
                    struct err *e);

#endif
