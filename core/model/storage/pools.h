/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pools.h - the content of libvirt's storage pools. A thread of its own asks libvirt for it.
 *
 * libvirt keeps a pool locked while it refreshes the pool, and may read an image of this very mount
 * for that. A reader that waited for the pool would never be answered. So a reader waits no longer
 * than POOLS_WAIT_MS. If no answer comes by then, the reader gets libvirt's earlier answer.
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

/* Returns the path of a volume of a pool; the caller owns the path. The path may not exist on this
 * host. Returns NULL if libvirt gives no path. It wants an answer from after `since` (clock_ns).
 * With `now`, an earlier answer does not count, and the call waits POOLS_PATIENCE_MS. */
char *pools_path(struct pools *p, const char *pool, const char *volume, uint64_t since, bool now);

/* Returns the kind of the volume with this path in an active pool. */
enum virt_volume pools_kind(struct pools *p, const char *path);

#endif
