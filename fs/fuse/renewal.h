/* SPDX-License-Identifier: GPL-3.0-or-later */
/* renewal.h - reads of an open image whose files an operation made here has changed: they wait for
 * the operation's end, and go on with the files that the snapshot has then.
 *
 * They wait on no FUSE worker: the image has a thread meanwhile, one of a few of its domain, so
 * that a hung store holds up its own readers alone. Another thread looks for callers that are
 * killed or interrupted, which get EINTR.
 */
#ifndef SNAPFS_FUSE_RENEWAL_H
#define SNAPFS_FUSE_RENEWAL_H

#include "fuse/image_request.h"

/* Has `q`, which met ESTALE on `im`, answered later. False: it must fail, because the image is lost
 * for good or there is no memory; or, with *ret_again, the handle has another image by now. */
bool renewal_wait(const struct image_request *q, const struct image *im, bool *ret_again);

/* Is the file open somewhere by other files than `now` is read from? */
bool renewal_is_due(struct fs *fs, fuse_ino_t ino, struct image *now);

/* Has those who have the file open read it from the files that it has now, if they can. `look` is
 * asked meanwhile; -errno ends the wait. For a thread that may wait. */
int renewal_of_node(struct fs *fs, fuse_ino_t ino, struct image *now,
                    int (*look)(void *ctx, struct err *e), void *ctx, struct err *e);

#endif
