/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kept_marks.h - marks on files (storage/file_marks.h), also if a file takes no marks. The records
 * of the domain (kept.h) then have the marks, by the file's path and inode number. */
#ifndef SNAPFS_MODEL_JOURNAL_KEPT_MARKS_H
#define SNAPFS_MODEL_JOURNAL_KEPT_MARKS_H

#include <stdint.h>

#include "model/journal/kept.h"

struct model;

/* Do what mark_made and mark_left do. If they fail, snapfs later keeps more files and tags than it
 * must. */
void marks_made(struct model *m, const char *uuid, const char *path);
void marks_left(struct model *m, const char *uuid, const char *path, const uint64_t *entries,
                size_t count);

/* Does what mark_is_made does, for a file that snapfs may have made for this domain. `kept` may be
 * NULL. */
bool marks_is_made(const struct kept *kept, const char *path);

/* The tags that records name as left over. */
struct left_tags {
    struct left_tag {
        char *path;
        uint64_t ino, entry;
        uid_t by; /* the user whose record it is */
    } * items;
    size_t n;
};

/* Adds the tags that the domain's records name; false without memory. Looks at no file, because
 * another user's record can name any path. */
bool left_tags_add(struct left_tags *t, const struct kept *kept);

/* Returns whether a record that counts names that tag. `path` is outside every snapfs mount. */
bool left_tags_have(const struct left_tags *t, const char *path, uint64_t entry);
void left_tags_drop(struct left_tags *t);

#endif
