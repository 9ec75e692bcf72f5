/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pending.h - reads the journal of a domain while another thread or process has it. */
#ifndef SNAPFS_MODEL_JOURNAL_PENDING_H
#define SNAPFS_MODEL_JOURNAL_PENDING_H

#include <stdbool.h>

/* Returns whether a delete of that snapshot has begun to change its bytes, here or in another
 * process. */
bool delete_has_begun(const char *uuid, const char *snapshot);

#endif
