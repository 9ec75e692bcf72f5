/* SPDX-License-Identifier: GPL-3.0-or-later */
/* export_limits.h - the limits and words that exports share with their processes and connections. */
#ifndef SNAPFS_IMAGE_EXPORT_LIMITS_H
#define SNAPFS_IMAGE_EXPORT_LIMITS_H

#include <stdint.h>

#ifndef EXPORT_WAIT_MS
#define EXPORT_WAIT_MS 30000 /* for one answer of a process, and for a free place */
#endif

enum { EXPORT_SERVERS = 8 /* processes at once */ };

#define EXPORT_SIZE_UNKNOWN UINT64_MAX /* only the server knows the size of the disk */

#define EXPORT_SECRET "secret" /* the name of the secret in QEMU's options */

#endif
