/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open_cache.h - keeps images open for a moment after a look at them.
 *
 * A program that looks a file up is about to open it, so a chain of a hundred files need not be
 * opened twice. The cache keeps only a few images, and only for OPEN_CACHE_MS, so that it does not hold
 * files that no program reads. A thread of its own closes them, because closing a file can take
 * long.
 */
#ifndef SNAPFS_MODEL_READER_OPEN_CACHE_H
#define SNAPFS_MODEL_READER_OPEN_CACHE_H

#include "image/image.h"
#include "model/catalog/domain.h"

enum { OPEN_CACHE_MS = 200, OPEN_CACHE_IMAGES = 4 };

struct open_cache;

struct open_cache *open_cache_new(void);    /* NULL without memory */
void open_cache_free(struct open_cache *l); /* NULL allowed; lets go of all */
MEM_CLEANUP(struct open_cache, open_cache_free)

/* Keeps the image of a disk of `d`, and a reference to both. Replaces the oldest if there are too
 * many. */
void open_cache_put(struct open_cache *l, struct domain *d, const struct snapshot_disk *disk,
                    struct image *im);

/* Takes the image of the disk of that very value out of the cache, or returns NULL if it is not
 * kept. The caller owns the image, and asks image_check what has happened to its files. */
struct image *open_cache_take(struct open_cache *l, const struct domain *d,
                              const struct snapshot_disk *disk);

#endif
