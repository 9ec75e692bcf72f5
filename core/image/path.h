/* path.h - what a file name inside an image means. */
#ifndef SNAPFS_IMAGE_PATH_H
#define SNAPFS_IMAGE_PATH_H

#include "base/error.h"

/* The path of `name` as the image at `image` names it: as it is when absolute, else next to `image`
 * (not to what a symlink points to, as QEMU and libvirt do). EOPNOTSUPP: not a local file. */
int path_resolve(const char *image, const char *name, char **ret, struct err *e);

#endif
