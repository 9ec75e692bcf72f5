/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file_marks.h - what is noted with an image file itself, so that what a copy has left over is told
 * from what a user put there.
 *
 * It stands in extended attributes, which begin with the file's inode number, so that a copy of the
 * file that somebody else makes has none of it. To mark a file changes its ctime alone. A file may
 * take no mark: its file system has no such attributes or no room, it is immutable, or this user
 * may not write to it. Then the domain's records hold the same (journal/kept.h), and other users of
 * the daemon are told:
 *
 *     attribute             record          set by             if neither can be written
 *     user.snapfs.written   merge           reader/evidence.c  the merge is refused before it begins
 *     user.snapfs.base      later           change/later.c     the overlay stays
 *     user.snapfs.left      tag             kept_marks.c       the tag counts as a user's
 *     user.snapfs.made      made            kept_marks.c       the copy stays
 *
 * The attribute `base` has the record beside it in any case, since only a record can name the
 * overlay. An ordinary user's merge is refused as well if others would not believe the record
 * (delete/ownership.c).
 */
#ifndef SNAPFS_MODEL_STORAGE_FILE_MARKS_H
#define SNAPFS_MODEL_STORAGE_FILE_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MARKS_MAX = 2048 }; /* tags that one file's mark tells of; more are not left over */

/* The file is a copy that was made here: nobody has it but the snapshots and disks that stand on
 * it, while the original may be somebody's whom libvirt does not know. */
bool mark_made(const char *path);    /* false: it takes none */
bool mark_is_made(const char *path); /* not of a file in a snapfs mount */

/* A snapshot whose content the file is was forgotten, and what stands on it could not be merged
 * into it then: as soon as it can, it may. */
void mark_base(const char *path);
bool mark_is_base(const char *path);
void mark_no_base(const char *path);

/* The tags with these entries (image_id) are in the file for nobody: all of it was copied, and
 * their snapshots' bytes stand in another file; or their snapshot was forgotten while the file was
 * in use. Added to those that are marked. false: the file does not take it. */
bool mark_left(const char *path, const uint64_t *entries, size_t n);

/* What was written here that leaves the bytes of all snapshots as they are (reader/evidence.h): the
 * time of the file's content before, and the time and size of the file after; both 0 while it is
 * being written. */
struct mark_written {
    uint64_t content_ns, mtime_ns, size;
};
bool mark_set_written(const char *path, const struct mark_written *w); /* false: it takes none */
bool mark_written(const char *path, struct mark_written *ret);         /* false: it has none */
bool mark_is_possible(const char *path); /* may this process mark the file? */

struct marks {
    uint64_t *entries;
    size_t n;
};

/* What of the file is left over; empty where nothing can be told. */
struct marks mark_read(const char *path);
bool mark_is_left(const struct marks *m, uint64_t entry);
void mark_drop(struct marks *m);

#endif
