/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open_cache.h - keeps images open for a moment after a look at them.
 *
 * A program that looks a file up is about to open the file. So snapfs need not open a chain of a
 * hundred files twice. The cache keeps only a few images, and only for OPEN_CACHE_MS, so that it
 * does not hold files that no program reads. A thread of its own closes the images, because closing
 * a file can take long.
 */
#ifndef SNAPFS_MODEL_READER_OPEN_CACHE_H
#define SNAPFS_MODEL_READER_OPEN_CACHE_H

#include "image/image.h"
#include "model/catalog/domain.h"

enum { OPEN_CACHE_MS = 200, OPEN_CACHE_IMAGES = 4 };

struct open_cache;

struct open_cache *open_cache_new(void);    /* NULL without memory */
void open_cache_free(struct open_cache *l); /* NULL allowed; drops all images */
MEM_CLEANUP(struct open_cache, open_cache_free)

/* Keeps the image of a disk of `d`, and references to `im` and `d`. If there are too many images,
 * replaces the oldest. */
void open_cache_put(struct open_cache *l, struct domain *d, const struct snapshot_disk *disk,
                    struct image *im);

/* Takes the image of the disk out of the cache. `d` must be the same value as at open_cache_put.
 * Returns NULL if the cache does not have the image. The caller owns the image, and asks
 * image_check whether its files have changed. */
struct image *open_cache_take(struct open_cache *l, const struct domain *d,
                              const struct snapshot_disk *disk);

#endif
