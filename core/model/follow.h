/* follow.h - where a path leads, and the chain of one file. No locks; headers are read, nothing is
 * written. */
#ifndef SNAPFS_MODEL_FOLLOW_H
#define SNAPFS_MODEL_FOLLOW_H

#include <sys/stat.h>

#include "image/image.h"
#include "virt/xml.h"

struct mounts;

/* The file's layers, as image_layers gives them, but for those inside a snapfs mount, which are not
 * looked at; its chain has to be whole. */
int follow_layers(const char *path, const char *format, struct image_layer **ret, size_t *ret_n,
                  struct err *e);

/* The policy for whoever may open any file but those inside a snapfs mount; `mounts` must outlive
 * it. */
struct image_policy follow_policy(const struct mounts *mounts);

/* Looks at what the path leads to; false where nothing is there, or it is inside a snapfs mount. */
bool follow_stat(const struct mounts *mounts, const char *path, struct stat *ret);

/* Is `below` the file right under the uppermost of that chain? */
bool follow_stands_on(const struct mounts *mounts, const char *top, const char *format,
                      const char *below);

/* Do both lead to one file that is there? NULL leads nowhere. The paths are outside every mount of
 * ours. */
bool follow_to_same(const char *a, const char *b);

/* What the disk, or a layer below it in its XML, calls that file; borrowed. NULL: none is it. */
const char *follow_name(const struct xml_disk *disk, const char *path);

#endif
