/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chain_walk.h - decides which layer is below another: the one of the source, or of a header. */
#ifndef SNAPFS_IMAGE_CHAIN_WALK_H
#define SNAPFS_IMAGE_CHAIN_WALK_H

#include "image/source.h"

/* A walk down a chain, one layer at a time (image_open, image_layers). It decides whether the
 * source or a header counts. It starts as {.source, .policy}, and borrows both. */
struct chain_walk {
    const struct image_source *source;
    const struct image_policy *policy;
    size_t next;      /* of source->below */
    bool by_headers;  /* from here on the walk follows the headers alone */
    const char *gone; /* the first file of source->below that is missing; NULL: none so far */
};

/* A layer's header, as far as it describes the file below. */
struct chain_header {
    const char *backing;     /* resolved; NULL: none, or it leads nowhere */
    const char *format;      /* NULL: the header names no format */
    const struct err *wrong; /* why `backing` leads nowhere */
};

/* Fills *ret with the layer below `path`; *ret borrows from the source and from `h`. A NULL path in
 * *ret comes from the source. Returns 1, or 0 if there is no layer below. It fails:
 * - with EINVAL if the layer's format is unknown; *ret is set;
 * - with EIO if neither the source's file nor the header's file is there;
 * - with EOPNOTSUPP if the header's name leads nowhere. */
int chain_next(struct chain_walk *w, const char *path, const struct chain_header *h,
               struct image_source *ret, struct err *e);

/* Returns the next layer of source->below that the walk has not reached. NULL if there is none, or
 * if the source's layers do not count any more. */
const struct image_below *chain_more(const struct chain_walk *w);

/* Chooses the error after the layer from chain_next could not be opened (`r`, `e`). If a header
 * named that layer and the file that the source named is missing too, the error is EIO. */
int chain_fail(const struct chain_walk *w, int r, struct err *e);

#endif
