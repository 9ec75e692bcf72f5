/* SPDX-License-Identifier: GPL-3.0-or-later */
/* overlay_name.h - names for new overlays. */
#ifndef SNAPFS_MODEL_STORAGE_OVERLAY_NAME_H
#define SNAPFS_MODEL_STORAGE_OVERLAY_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Returns the length of a file's name without its ending, as libvirt cuts it: at most `max` bytes,
 * and whole characters. */
size_t overlay_stem(const char *name, size_t max);

/* Returns whether `path` is named as libvirt and snapfs name an overlay on the file `content`:
 * beside it, with its stem and another ending, which is not that of an image format. */
bool overlay_is_named_so(const char *path, const char *content);

/* Makes the path of a new overlay on the file `content`: beside it, and used only by snapfs, such
 * as "/images/disk.UUID" for "/images/disk.e1". Owned by the caller. EOPNOTSUPP if libvirt would
 * write it as another name. */
int overlay_name(const char *content, char **ret, struct err *e);

#endif
