/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open_cache.h - keeps images that were just looked at open for a moment, since who looks a file up
 * is about to open it: a chain of a hundred files need not be opened twice for that.
 *
 * Only a few, and only for LINGER_MS, so that nothing is held of files that nobody reads. A thread
 * of its own lets go of them, as closing a file can take long.
 */
#ifndef SNAPFS_MODEL_READER_OPEN_CACHE_H
#define SNAPFS_MODEL_READER_OPEN_CACHE_H

#include "image/image.h"
#include "model/catalog/domain.h"

enum { LINGER_MS = 200, LINGER_IMAGES = 4 };

struct open_cache;

struct open_cache *open_cache_new(void);    /* NULL without memory */
void open_cache_free(struct open_cache *l); /* NULL allowed; lets go of all */
MEM_CLEANUP(struct open_cache, open_cache_free)

/* Keeps the image of a disk of `d`, and both of them; in place of the oldest when there are too
 * many. */
void open_cache_put(struct open_cache *l, struct domain *d, const struct snapshot_disk *disk,
                    struct image *im);

/* The image of that very value's disk, if it is kept, from now on the caller's; else NULL. What has
 * happened to its files since is for image_check to tell. */
struct image *open_cache_take(struct open_cache *l, const struct domain *d,
                              const struct snapshot_disk *disk);

#endif
