/* SPDX-License-Identifier: GPL-3.0-or-later */
/* image_request.h - a read, a write (of a .cow file) or a seek of an open image.
 *
 * It is answered at once; or, where an operation made here has changed the image's files, once that
 * has ended (renewal.h).
 */
#ifndef SNAPFS_FUSE_IMAGE_REQUEST_H
#define SNAPFS_FUSE_IMAGE_REQUEST_H

#include "fuse/fs.h"

struct image_request {
    fuse_req_t req;
    struct handle *h;
    fuse_ino_t ino;
    enum { IMAGE_READ, IMAGE_SEEK, IMAGE_WRITE } kind;
    const char *data; /* of a write, */
    size_t size;      /* and of a read */
    off_t off;        /* 0 or more */
    int whence;       /* of a seek: SEEK_DATA or SEEK_HOLE */
};

/* Answers it, now or later; `data` is the caller's. */
void image_request_run(const struct image_request *q);

/* Answers it with that failure. */
void image_request_fail(const struct image_request *q, struct err *e);

/* A seek in what has no holes: a text, and a .cow file that was opened for writing. */
int seek_full(uint64_t size, uint64_t off, int whence, uint64_t *ret, struct err *e);

#endif
