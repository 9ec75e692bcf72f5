/* SPDX-License-Identifier: GPL-3.0-or-later */
/* journal.h - one file a domain: the queue of operations on it, also of other processes, and the
 * steps that a procedure has begun.
 *
 * The file is named by the domain's uuid, in the state directory (journal/state_directory.h). The
 * process that has it open holds its lock (flock): one operation on the domain at a time.
 *
 * A procedure adds a line before each of its steps. Each line is on the disk (fdatasync, and fsync
 * of the directory) before the step begins. A line without its end, as a crash leaves one, counts
 * as never added. If the file is empty or missing, nothing is to be recovered. A file that is empty
 * when it is closed is removed.
 */
#ifndef SNAPFS_MODEL_JOURNAL_JOURNAL_H
#define SNAPFS_MODEL_JOURNAL_JOURNAL_H

#include <stdbool.h>

#include "base/error.h"
#include "base/mem.h"

enum { JOURNAL_BYTES_MAX = 4 << 20 }; /* some 200 bytes for each of XML_DISKS_MAX disks, and more */

struct journal;
struct unfinished;

/* Opens and locks the journal of that domain. With `wait`, waits until no other process has the
 * journal. It fails:
 * - with EINTR if the thread's task (activity/task.h) becomes unwanted during the wait;
 * - with EAGAIN, without `wait`, if the journal is in use;
 * - with EPERM if the journal belongs to another user;
 * - with EIO if the journal is too long. */
int journal_open(const char *uuid, bool wait, struct journal **ret, struct err *e);
void journal_close(struct journal *j); /* NULL allowed */
MEM_CLEANUP(struct journal, journal_close)

/* Tells all users of that libvirt daemon, from now on, while something is left to be recovered. `u`
 * (NULL allowed) is borrowed until the journal is closed. */
int journal_share(struct journal *j, struct unfinished *u, struct err *e);

/* Returns the whole lines in the journal, each with its newline; "" for none. Owned by the
 * journal. */
const char *journal_text(const struct journal *j);

/* Returns the same without a lock, for a domain on which another process may be at work; owned by
 * the caller. NULL if there is no journal, or this user may not read it. */
char *journal_glance(const char *uuid);

/* Returns whether the journal is open, in this process or in another. Returns false if this user
 * may not read the journal. */
bool journal_is_busy(const char *uuid);
/* Returns whether the journal of any domain is open. */
bool journal_any_is_busy(void);

/* Adds whole lines, which are on the disk when the call returns. */
int journal_add(struct journal *j, const char *lines, struct err *e);

/* Ends the procedure: from here on nothing is to be recovered. */
int journal_end(struct journal *j, struct err *e);

/* Returns whether the journal still has a procedure to recover. */
bool journal_is_left(const struct journal *j);

/* Calls `each` with the uuid of every domain that has a journal. A missing directory has none. */
int journal_list(void (*each)(void *ctx, const char *uuid), void *ctx, struct err *e);

#endif
