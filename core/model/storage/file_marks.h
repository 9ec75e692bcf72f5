/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file_marks.h - notes that are stored with an image file itself, so that snapfs can tell what a
 * copy has left over from what a user put there.
 *
 * They are in extended attributes, which begin with the file's inode number, so that another
 * program's copy of the file has none. To mark a file changes only its ctime. A file may take no
 * mark: its file system has no such attributes or no room, it is immutable, or this user may not
 * write to it. Then the domain's records hold the same (journal/kept.h), and other users of the
 * daemon are told:
 *
 *     attribute             record          set by             if neither can be written
 *     user.snapfs.written   merge           reader/evidence.c  the merge is refused beforehand
 *     user.snapfs.base      later           change/later.c     the overlay stays
 *     user.snapfs.left      tag             kept_marks.c       the tag counts as a user's
 *     user.snapfs.made      made            kept_marks.c       the copy stays
 *
 * The attribute `base` has the record beside it in any case, because only a record can name the
 * overlay. An ordinary user's merge is refused as well if others would not trust the record
 * (delete/ownership.c).
 */
#ifndef SNAPFS_MODEL_STORAGE_FILE_MARKS_H
#define SNAPFS_MODEL_STORAGE_FILE_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MARKS_MAX = 2048 }; /* tags that one file's mark names; further tags are ignored */

/* Mark the file as a copy that snapfs made. No other user has the copy: only the snapshots and
 * disks that use it. A user that libvirt does not know may use the original. */
bool mark_made(const char *path);    /* false: the file takes no mark */
bool mark_is_made(const char *path); /* not of a file in a snapfs mount */

/* Mark the file as the content of a snapshot that was forgotten. The overlay on the file could not
 * be merged at that time. A later operation may merge it, as soon as that is possible. */
void mark_base(const char *path);
bool mark_is_base(const char *path);
void mark_no_base(const char *path);

/* Marks the tags with these entries (image_id) as left over, in addition to the tags marked before.
 * No snapshot needs a tag that is left over, for one of two reasons. The whole file was copied, and
 * the snapshot's bytes are in another file. Or the tag's snapshot was forgotten while the file was
 * in use. Returns false if the file does not take the mark. */
bool mark_left(const char *path, const uint64_t *entries, size_t n);

/* A write by snapfs that leaves the bytes of all snapshots as they are (reader/evidence.h).
 * `content_ns` is the time of the file's content before the write. `mtime_ns` and `size` are those
 * of the file after the write, and 0 during the write. */
struct mark_written {
    uint64_t content_ns, mtime_ns, size;
};
bool mark_set_written(const char *path, const struct mark_written *w); /* false: it takes no mark */
bool mark_written(const char *path, struct mark_written *ret);         /* false: it has none */
bool mark_is_possible(const char *path); /* whether this process may mark the file */

struct marks {
    uint64_t *entries;
    size_t n;
};

/* Reads which tags of the file are left over. If the mark cannot be read, the result is empty. */
struct marks mark_read(const char *path);
bool mark_is_left(const struct marks *m, uint64_t entry);
void mark_drop(struct marks *m);

#endif
