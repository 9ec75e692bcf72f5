/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sorted.h - finds an item in a sorted array. Header only. */
#ifndef SNAPFS_BASE_SORTED_H
#define SNAPFS_BASE_SORTED_H

#include <stddef.h>

/* Returns the place of the first of `n` items that does not come before `key`; `n` if all do.
 * `compare` is one by which the items are sorted. */
static inline size_t sorted_place(const void *items, size_t n, size_t size, const void *key,
                                  int (*compare)(const void *item, const void *key))
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare((const char *)items + middle * size, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

#endif
