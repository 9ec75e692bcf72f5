/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crew.h - the threads of --output, which share the copy of a range of the disk.
 *
 * Each thread takes the next region that has data, by image_seek_data, and copies its extents.
 * Lock: `lock` guards `next`, `running` and `failure`. It is held during the search for the next
 * region, and the image's locks are taken under it. `writing` is a leaf, held by the thread that
 * writes to the file. The file system admits only one writer anyhow, and a wait for its own lock is
 * expensive.
 */
#ifndef SNAPFS_IMAGE_CAT_CREW_H
#define SNAPFS_IMAGE_CAT_CREW_H

#include <pthread.h>
#include <stdatomic.h>

#include "image/cat/progress.h"
#include "image/cat/target.h"
#include "image/image.h"

struct crew {
    struct image *im;
    const struct target *target;
    uint64_t begin, end; /* of the disk; byte 0 of the target is byte `begin` of the disk */
    pthread_mutex_t lock, writing;
    pthread_cond_t ended; /* a thread has ended */
    uint64_t next;        /* all regions before it are taken */
    unsigned running;
    struct err failure; /* the first failure */
    _Atomic bool stop;
    _Atomic uint64_t done, copied; /* bytes handled, and those of them that were data */
};

void crew_init(struct crew *c, struct image *im, const struct target *t, uint64_t begin,
               uint64_t end);
void crew_drop(struct crew *c);

/* Copies everything except the part that the target wants last. It uses as many threads as there
 * are processors, and draws `p` meanwhile. EINTR: a signal was noted. */
int crew_run(struct crew *c, struct progress *p, struct err *e);

/* Copies the extents from `pos` to `until` in this thread. */
int crew_copy(struct crew *c, uint64_t pos, uint64_t until, char *buf, struct err *e);

enum {
    CREW_PIECE = 2 * 1024 * 1024 /* bytes of a buffer; smaller writes cost a file system more */
};

#endif
