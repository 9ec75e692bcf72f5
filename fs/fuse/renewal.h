/* SPDX-License-Identifier: GPL-3.0-or-later */
/* renewal.h - reads of an open image after an operation by snapfs has changed its files. The reads
 * wait for the operation's end, and continue with the snapshot's new files.
 *
 * The reads do not block a FUSE worker. Each domain has a few threads for such reads, and one of
 * them works for the image. So a hung store blocks only its own readers. Another thread looks for
 * callers that are killed or interrupted. These callers get EINTR.
 */
#ifndef SNAPFS_FUSE_RENEWAL_H
#define SNAPFS_FUSE_RENEWAL_H

#include "fuse/image_request.h"

/* Arranges a later answer for `q`, which met ESTALE on `im`. Returns false if `q` must fail,
 * because the image is lost or there is no memory. If *ret_again is true, the handle already has
 * another image. */
bool renewal_wait(const struct image_request *q, const struct image *im, bool *ret_again);

/* Tells whether another handle has the image open with other files than `now` has. */
bool renewal_is_due(struct fs *fs, fuse_ino_t ino, struct image *now);

/* Moves all opens of the file to its present files, if possible. It calls `look` meanwhile; -errno
 * from `look` ends the wait. Call it only on a thread that may wait. */
int renewal_of_node(struct fs *fs, fuse_ino_t ino, struct image *now,
                    int (*look)(void *ctx, struct err *e), void *ctx, struct err *e);

#endif
