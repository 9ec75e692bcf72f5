/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pending.h - reads the journal of a domain while another thread or process has it. */
#ifndef SNAPFS_MODEL_JOURNAL_PENDING_H
#define SNAPFS_MODEL_JOURNAL_PENDING_H

#include <stdbool.h>

/* Returns whether a delete of that snapshot has begun to change its bytes, here or in another
 * process. */
bool delete_has_begun(const char *uuid, const char *snapshot);

/* Returns whether a delete has begun a merge in the chain of an image, and has not noted its end.
 * `reads` tells whether the image reads a file. It reads the file above the merged overlay, and not
 * the overlay itself: QEMU may have been killed before the base had all of the overlay's data
 * (delete/half_merge.h). */
bool delete_has_half_merged(const char *uuid, bool (*reads)(void *ctx, const char *path),
                            void *ctx);

#endif
