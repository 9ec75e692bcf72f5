/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open_marks.h - how the snapfs processes of a host tell each other of a snapshot's open images.
 *
 * A snapshot with an open image has a file in the directory that all users of the libvirt daemon
 * share (journal/run_directory.h). Each open image holds a shared lock on the file, so that a crash
 * leaves no lock. The file names the latest opener. A delete takes the lock exclusively.
 *
 * If the directory is missing, or this user may not open it, there are no marks. Any other failure
 * fails the open and the delete, because a delete would go ahead under a reader that it cannot see.
 */
#ifndef SNAPFS_MODEL_READER_OPEN_MARKS_H
#define SNAPFS_MODEL_READER_OPEN_MARKS_H

#include "base/error.h"
#include "base/mem.h"
#include "model/reader/open_files.h"

struct model;

struct open_mark;

/* Makes the directory if snapfs runs as root, so that other users find it. */
void open_marks_prepare(struct model *m);

/* Marks the snapshot made at `created`; *ret is NULL if there are no marks. EBUSY: the snapshot is
 * being deleted, or a process that closes it holds the lock for a second. */
int open_mark_take(struct model *m, const char *uuid, const char *name, int64_t created,
                   const struct image_opener *who, struct open_mark **ret, struct err *e);
/* Takes the lock exclusively. EAGAIN if an image is open, here or elsewhere; *ret_file (owned by
 * the caller) is then the latest, with `file` NULL if that is not known. EBUSY if snapfs cannot
 * find out. */
int open_mark_claim(struct model *m, const char *uuid, const char *name, int64_t created,
                    struct open_mark **ret, struct open_file *ret_file, struct err *e);
/* Writes into a claimed mark that the snapshot is being deleted. A process that opens an image is
 * told so. NULL allowed. */
void open_mark_deleting(const struct open_mark *k);
/* Tells all processes with a mark, of any domain, that an operation is about to end. */
void open_marks_count(struct model *m);
/* Returns a number that grows with each such operation; 0 for NULL. */
uint64_t open_mark_counted(const struct open_mark *k);

/* Releases a mark, taken or claimed; NULL allowed. */
void open_mark_drop(struct open_mark *k);
MEM_CLEANUP(struct open_mark, open_mark_drop)

#endif
