/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kept_marks.h - marks on files (storage/file_marks.h), also if a file takes no marks. Then they
 * are kept with the domain (kept.h), by the file's path and inode number. */
#ifndef SNAPFS_MODEL_JOURNAL_KEPT_MARKS_H
#define SNAPFS_MODEL_JOURNAL_KEPT_MARKS_H

#include <stdint.h>

#include "model/journal/kept.h"

struct model;

/* Do what mark_made and mark_left do. A failure leaves more files and tags than has to be. */
void marks_made(struct model *m, const char *uuid, const char *path);
void marks_left(struct model *m, const char *uuid, const char *path, const uint64_t *entries,
                size_t count);

/* Does what mark_is_made does, for a file that snapfs may have made for this domain. `kept` may be
 * NULL. */
bool marks_is_made(const struct kept *kept, const char *path);

/* Tags of files that are kept as left over. */
struct left_tags {
    struct left_tag {
        char *path;
        uint64_t ino, entry;
        uid_t by; /* the user that tells of it */
    } * items;
    size_t n;
};

/* Adds the tags that are kept with the domain; false without memory. Looks at no file, because
 * another user can tell of any path. */
bool left_tags_add(struct left_tags *t, const struct kept *kept);

/* Returns whether a record that counts tells of that tag. `path` is outside every snapfs mount. */
bool left_tags_have(const struct left_tags *t, const char *path, uint64_t entry);
void left_tags_drop(struct left_tags *t);

#endif
