/* mark.h - what is noted with an image file itself, so that what a copy has left over is told from
 * what a user put there.
 *
 * It stands in extended attributes, `user.snapfs.made` and `user.snapfs.left`, which begin with
 * the file's inode number, so that a copy of the file that somebody else makes has none of it.
 * Where a file system has no such attributes nothing is marked: then more is kept than has to be.
 * To mark a file changes its ctime alone.
 */
#ifndef SNAPFS_MODEL_MARK_H
#define SNAPFS_MODEL_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MARKS_MAX = 2048 }; /* tags that one file's mark tells of; more are not left over */

/* The file is a copy that was made here: nobody has it but the snapshots and disks that stand on
 * it, while the original may be somebody's whom libvirt does not know. */
void mark_made(const char *path);
bool mark_is_made(const char *path); /* not of a file in a snapfs mount */

/* The tags with these entries (image_id) are in the file because all of it was copied: their
 * snapshots' bytes stand in another file. Added to those that are marked. */
void mark_left(const char *path, const uint64_t *entries, size_t n);

struct marks {
    uint64_t *entries;
    size_t n;
};

/* What of the file is left over; empty where nothing can be told. */
struct marks mark_read(const char *path);
bool mark_is_left(const struct marks *m, uint64_t entry);
void mark_drop(struct marks *m);

#endif
