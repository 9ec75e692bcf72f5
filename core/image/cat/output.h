/* SPDX-License-Identifier: GPL-3.0-or-later */
/* output.h - the outputs of snapfs-cat: bytes, a map, a description, a sparse copy. */
#ifndef SNAPFS_IMAGE_CAT_OUTPUT_H
#define SNAPFS_IMAGE_CAT_OUTPUT_H

#include "image/cat/options.h"
#include "image/image.h"

/* Each returns 0 or -errno; a short write is an error. `o` gives the range. */
int output_bytes(struct image *im, const struct cat_options *o, struct err *e);
int output_map(struct image *im, const struct cat_options *o, struct err *e);
int output_info(struct image *im, const struct cat_options *o, struct err *e);

/* Copies the range to o->output. The output becomes a sparse file, new or overwritten; or it is a
 * block device, which gets the same bytes. Errors as in target.h. If a signal comes, it fails with
 * EINTR. After an error the copy does not look whole. */
int output_copy(struct image *im, const struct cat_options *o, struct err *e);

/* Returns the end of the requested range, never past the disk's. */
uint64_t output_end(const struct image *im, const struct cat_options *o);

/* Writes all of `len` bytes to standard output. */
int output_write(const void *bytes, size_t len, struct err *e);

#endif
