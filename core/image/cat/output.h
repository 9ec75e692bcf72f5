/* output.h - what snapfs-cat writes: bytes, a map, a description, a sparse copy. */
#ifndef SNAPFS_IMAGE_CAT_OUTPUT_H
#define SNAPFS_IMAGE_CAT_OUTPUT_H

#include "image/cat/options.h"

/* Each returns 0 or -errno; a short write is an error. `o` gives the range. */
int output_bytes(struct image *im, const struct cat_options *o, struct err *e);
int output_map(struct image *im, const struct cat_options *o, struct err *e);
int output_info(struct image *im, const struct cat_options *o, struct err *e);

/* o->output becomes a sparse file of the disk; made or overwritten, and removed again on failure
 * when it was made here. EINVAL: not a regular file, or part of the image's own chain. */
int output_copy(struct image *im, const struct cat_options *o, struct err *e);

/* All of `len` bytes to standard output. */
int output_write(const void *bytes, size_t len, struct err *e);

#endif
