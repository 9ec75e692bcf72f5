/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pools.h - what libvirt's storage pools hold, asked by a thread of its own.
 *
 * libvirt keeps a pool locked while it refreshes that, for which it may read an image of this very
 * mount: a reader who waited for the pool would never be answered. So nobody waits for longer than
 * POOLS_WAIT_MS, and the answer from before stands in for one that does not come.
 */
#ifndef SNAPFS_MODEL_STORAGE_POOLS_H
#define SNAPFS_MODEL_STORAGE_POOLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "virt/virt.h"

enum { POOLS_WAIT_MS = 1000, POOLS_PATIENCE_MS = 10000, POOLS_ANSWERS_MAX = 1024 };

struct pools;

struct pools *pools_new(struct virt *v); /* `v` must outlive it; NULL without memory */
void pools_free(struct pools *p);        /* NULL allowed; the thread's call is hurried */

/* The path of a volume of a pool, which may be that of nothing on this host; owned by the caller.
 * NULL: libvirt does not say. Asked after `since` (clock_ns); where `now` nothing from before
 * stands in, and it is waited for POOLS_PATIENCE_MS. */
char *pools_path(struct pools *p, const char *pool, const char *volume, uint64_t since, bool now);

/* As what some active pool holds a path. */
enum virt_volume pools_kind(struct pools *p, const char *path);

#endif
