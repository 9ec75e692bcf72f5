/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open_marks.h - what the snapfs processes of a host tell each other of a snapshot's open images.
 *
 * A snapshot with an open image has a file in the directory that all users of the libvirt daemon
 * share (journal/run_directory.h). Each open image holds its lock shared, so that a crash leaves
 * none; the latest opener is written in it. A delete takes the lock alone. If there is no such
 * directory, or it is not ours to open, there are no marks. Any other failure fails the open and
 * the delete, because a delete would go ahead under a reader that it cannot see.
 */
#ifndef SNAPFS_MODEL_READER_OPEN_MARKS_H
#define SNAPFS_MODEL_READER_OPEN_MARKS_H

#include "base/error.h"
#include "base/mem.h"
#include "model/reader/open_files.h"

struct model;

struct open_mark;

/* Root makes the directory, so that others find it. */
void open_marks_prepare(struct model *m);

/* Marks the snapshot made at `created`; *ret is NULL if there are no marks. EBUSY: it is being
 * deleted, or who closes it holds the lock for a second. */
int open_mark_take(struct model *m, const char *uuid, const char *name, int64_t created,
                   const struct image_opener *who, struct open_mark **ret, struct err *e);
/* Takes the lock alone. EAGAIN if an image is open, here or elsewhere; then *ret_file (owned by the
 * caller) is the latest, its `file` NULL if that is not known. EBUSY if that cannot be found out.
 */
int open_mark_claim(struct model *m, const char *uuid, const char *name, int64_t created,
                    struct open_mark **ret, struct open_file *ret_file, struct err *e);
/* A delete keeps what it has claimed: who opens an image is told so. NULL allowed. */
void open_mark_deleting(const struct open_mark *k);
/* An operation is about to end: all who have marked a snapshot, of any domain, see that. */
void open_marks_count(struct model *m);
/* Grows with each such operation; 0 for NULL. */
uint64_t open_mark_counted(const struct open_mark *k);

/* Gives either back; NULL allowed. */
void open_mark_drop(struct open_mark *k);
MEM_CLEANUP(struct open_mark, open_mark_drop)

#endif
