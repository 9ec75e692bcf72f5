/* SPDX-License-Identifier: GPL-3.0-or-later */
/* record.h - the lines that a procedure writes to its journal (journal/journal.h): a word and its
 * values.
 *
 * A value's blanks, control bytes and '%' are written as %XX; one that is empty as "-".
 */
#ifndef SNAPFS_MODEL_JOURNAL_RECORD_H
#define SNAPFS_MODEL_JOURNAL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "model/journal/journal.h"

enum { RECORD_FIELDS_MAX = 12 };

/* Adds a blank and the value. */
void record_put(struct text *t, const char *value);
/* Adds a whole line of one value. */
void record_field(struct text *t, const char *word, const char *value);
/* Adds the lines to the journal (journal_add). */
int record_add(struct journal *j, const struct text *lines, struct err *e);

/* A line as it was read, its values decoded. */
struct record_line {
    char *fields[RECORD_FIELDS_MAX]; /* the word first */
    size_t n;
};

/* Calls `each` for every line until it returns false. EIO then, or if snapfs cannot have written
 * the line. */
int record_read(const char *text, bool (*each)(void *ctx, const struct record_line *l), void *ctx,
                struct err *e);

/* Fails with EIO: the journal cannot be understood. */
int record_fail(struct err *e);

/* Returns whether the text is a number, and nothing else. */
bool record_number(const char *s, uint64_t *ret);
/* Copies the line's only value, if there was none yet. */
bool record_keep(char **at, const struct record_line *l);

#endif
