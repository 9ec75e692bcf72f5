/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decompress.h - one compressed cluster of a qcow2. Pure functions, no locks. */
#ifndef SNAPFS_IMAGE_DECOMPRESS_H
#define SNAPFS_IMAGE_DECOMPRESS_H

#include <stddef.h>
#include <stdint.h>

/* Fills `out` to its end from `in`. Ignores the rest of `in`, which belongs to other clusters.
 * `type` is COMPRESSION_ZLIB or COMPRESSION_ZSTD. Returns 0, -ENOMEM, or -EIO if the input does not
 * give out_len bytes. */
int decompress_cluster(unsigned type, const void *in, size_t in_len, void *out, size_t out_len);

/* Returns the number of bytes that decompress_cluster may allocate, at most. */
uint64_t decompress_takes(unsigned type);

#endif
