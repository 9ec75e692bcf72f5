/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rows.h - the entries that snapfs itself puts into a directory, one row each.
 *
 * A new file needs a row, its function, an item in the man page and a test. `snapfs --help` prints
 * the rows, and base/name.c reserves every name in them.
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
    enum place_kind where; /* its directory's kind: PLACE_DOMAIN, _SNAPSHOT, _TAG */
    enum place_kind kind;  /* PLACE_FILE, or the kind of directory or link */
    unsigned mode;         /* of a PLACE_FILE */
    bool hidden;           /* found by name, never listed */
    bool whole;            /* a write replaces all of it: no append, no write past its start */
    bool away;             /* shown also while libvirt is away */
    bool documents;        /* takes a document, in several writes (model/create/input.h) */
    /* Gives the file's bytes. NULL: reads as empty. */
    int (*show)(struct tree *t, const struct view *v, char **ret, size_t *ret_len, struct err *e);
    /* Tells when the text last changed. If there is no text yet, *ret stays as it was. NULL: the
     * text counts as changed when the mount first saw the domain's present value. */
    void (*when)(const struct tree *t, const struct view *v, struct timespec *ret);
    /* Counts the editions of the file. A new edition is another inode; within an edition the file
     * only grows at its end. NULL: the file has one edition. */
    unsigned (*edition)(const struct tree *t, const char *uuid);
    /* Acts on one write, or a whole document; `words` is without its last newline. It may take
     * minutes. NULL: the file is read-only. */
    int (*store)(struct tree *t, const struct view *v, const char *words, struct text *remark,
                 struct err *e);
    void (*words)(struct text *out); /* lists the accepted words, for --help; NULL if none or free
                                        text */
    const char *help;
};

size_t row_count(void);
const struct row *row_at(size_t i);                                  /* i < row_count() */
const struct row *row_find(enum place_kind where, const char *name); /* NULL: no such entry */
size_t row_number(const struct row *row);

#endif
