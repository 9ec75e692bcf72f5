/* SPDX-License-Identifier: GPL-3.0-or-later */
/* image_request.h - a read, a write (of a .cow file) or a seek of an open image.
 *
 * It is answered at once. If an operation by snapfs has changed the image's files, it is answered
 * after the operation (renewal.h).
 */
#ifndef SNAPFS_FUSE_IMAGE_REQUEST_H
#define SNAPFS_FUSE_IMAGE_REQUEST_H

#include "fuse/fs.h"

struct image_request {
    fuse_req_t req;
    struct handle *h;
    fuse_ino_t ino;
    enum { IMAGE_READ, IMAGE_SEEK, IMAGE_WRITE } kind;
    const char *data; /* of a write */
    size_t size;      /* of a read or a write */
    off_t off;        /* 0 or more */
    int whence;       /* of a seek: SEEK_DATA or SEEK_HOLE */
};

/* Answers the request, now or later. The caller owns `data`. */
void image_request_run(const struct image_request *q);

/* Answers the request with that failure. */
void image_request_fail(const struct image_request *q, struct err *e);

/* Seeks in a file without holes: a text, or a .cow file that was opened for writing. */
int seek_full(uint64_t size, uint64_t off, int whence, uint64_t *ret, struct err *e);

#endif
