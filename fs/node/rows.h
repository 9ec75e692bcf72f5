/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rows.h - the entries that snapfs itself puts into a directory, one row each.
 *
 * A new file is a row, its function, an item in the man page and a test. `snapfs --help` prints the
 * rows, and every name in them is reserved by base/name.c.
 */
#ifndef SNAPFS_NODE_ROWS_H
#define SNAPFS_NODE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/error.h"
#include "base/text.h"
#include "node/place.h"

struct tree;
struct view;

struct row {
    const char *name;
    enum place_kind where; /* the kind of directory it stands in: PLACE_DOMAIN, _SNAPSHOT, _TAG */
    enum place_kind kind;  /* PLACE_FILE, or the directory or link that it is */
    unsigned mode;         /* of a PLACE_FILE */
    bool hidden;           /* found by name, never listed */
    bool whole;            /* a write replaces it all: no append, no write past its start */
    bool away;             /* shown also while libvirt is away */
    bool documents;        /* a document may be written, in several writes (model/create/input.h) */
    /* The file's bytes. NULL: reads as empty. */
    int (*show)(struct tree *t, const struct view *v, char **ret, size_t *ret_len, struct err *e);
    /* When what is shown began to be so; leaves *ret when nothing was yet. NULL: with the domain.
     */
    void (*when)(const struct tree *t, const struct view *v, struct timespec *ret);
    /* Counts the files that this one has been; another count is another inode, and the file then
     * only grows at its end. NULL: one file for ever. */
    unsigned (*edition)(const struct tree *t, const char *uuid);
    /* Acts on one write, or a whole document; `words` without its last newline. NULL: read-only.
     * May take minutes. */
    int (*store)(struct tree *t, const struct view *v, const char *words, struct text *remark,
                 struct err *e);
    const char *words; /* what may be written, for --help; NULL when nothing or free text */
    const char *help;
};

size_t row_count(void);
const struct row *row_at(size_t i);                                  /* i < row_count() */
const struct row *row_find(enum place_kind where, const char *name); /* NULL: no such entry */
size_t row_number(const struct row *row);

#endif
