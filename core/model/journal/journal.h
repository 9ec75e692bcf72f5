/* SPDX-License-Identifier: GPL-3.0-or-later */
/* journal.h - one file a domain: the queue of operations on it, also of other processes, and what a
 * procedure of several steps has begun.
 *
 * The file is named by the domain's uuid, in the state directory (journal/state_directory.h). Who
 * has it open holds its lock (flock): one operation on the domain at a time.
 *
 * A procedure adds a line before each of its steps, and each is on the disk (fdatasync, and fsync
 * of the directory) before the step begins. A line without its end, as a crash leaves one, was
 * never added. An empty file, or none, means that nothing is to be recovered; a file that is empty
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

/* Opens and locks the journal of that domain; with `wait` as soon as nobody else has it, or EINTR
 * when the thread's task (activity/task.h) is unwanted before, else EAGAIN when it is in use. EPERM
 * where it belongs to someone else, EIO where it is too long. */
int journal_open(const char *uuid, bool wait, struct journal **ret, struct err *e);
void journal_close(struct journal *j); /* NULL allowed */
MEM_CLEANUP(struct journal, journal_close)

/* From now on all users of that libvirt daemon are told while something is left to be recovered;
 * `u` (NULL allowed) is borrowed until the journal is closed. */
int journal_share(struct journal *j, struct unfinished *u, struct err *e);

/* The whole lines that stand in it, each with its newline; "" for none. Owned by the journal. */
const char *journal_text(const struct journal *j);

/* The same without a lock, of a domain that somebody may be at work on; owned by the caller. NULL
 * where there is none, or it is not ours to read. */
char *journal_glance(const char *uuid);

/* Has somebody the journal open, here or in another process? False where it is not ours to read. */
bool journal_is_busy(const char *uuid);
/* Or that of any domain? */
bool journal_any_is_busy(void);

/* Adds whole lines, which are on the disk when it returns. */
int journal_add(struct journal *j, const char *lines, struct err *e);

/* The procedure is done: from here on nothing is to be recovered. */
int journal_end(struct journal *j, struct err *e);

/* Is something left to be recovered? */
bool journal_is_left(const struct journal *j);

/* Calls `each` with the uuid of every domain that has a journal. A directory that is not there has
 * none. */
int journal_list(void (*each)(void *ctx, const char *uuid), void *ctx, struct err *e);

#endif
