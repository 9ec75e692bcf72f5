/* SPDX-License-Identifier: GPL-3.0-or-later */
/* renewal.h - reads of an open image after an operation by snapfs has changed its files. They wait
 * for the operation's end, and continue with the snapshot's new files.
 *
 * They do not block a FUSE worker: a thread works for the image meanwhile, one of a few of its
 * domain. So a hung store blocks only its own readers. Another thread looks for callers that are
 * killed or interrupted, which get EINTR.
 */
#ifndef SNAPFS_FUSE_RENEWAL_H
#define SNAPFS_FUSE_RENEWAL_H

#include "fuse/image_request.h"

/* Has `q`, which met ESTALE on `im`, answered later. Returns false if `q` must fail, because the
 * image is lost or there is no memory. With *ret_again the handle has another image by now. */
bool renewal_wait(const struct image_request *q, const struct image *im, bool *ret_again);

/* Tells whether the file is open elsewhere with other files than those of `now`. */
bool renewal_is_due(struct fs *fs, fuse_ino_t ino, struct image *now);

/* Moves all opens of the file to its present files, if possible. It calls `look` meanwhile; -errno
 * from `look` ends the wait. Call it only on a thread that may wait. */
int renewal_of_node(struct fs *fs, fuse_ino_t ino, struct image *now,
                    int (*look)(void *ctx, struct err *e), void *ctx, struct err *e);

#endif
