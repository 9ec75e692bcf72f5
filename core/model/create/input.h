/* SPDX-License-Identifier: GPL-3.0-or-later */
/* input.h - collects the text that is written to `create`, until it is a whole command.
 *
 * Words are one write each. A document begins with '<', or with a line whose first word is
 * `document` or `redefine`, and comes in any number of writes. One thread at a time.
 */
#ifndef SNAPFS_MODEL_CREATE_INPUT_H
#define SNAPFS_MODEL_CREATE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

enum { INPUT_MAX = 1048576 }; /* bytes of a document in all */

struct input {
    struct text text; /* of a document that is not whole yet */
    uint64_t counted; /* in the budget */
    bool checked;     /* the words before the document are right */
    bool after;       /* the last command was a document, whose last newline may still come */
};

/* Adds one write. *ret_whole tells whether the writes are now a whole command, which input_take
 * gives. If a word before the document is unknown, it fails with EINVAL. If the document is
 * malformed or longer than INPUT_MAX, it also fails with EINVAL. After any failure the document is
 * forgotten. */
int input_add(struct input *d, const void *data, size_t len, bool *ret_whole, struct err *e);

/* Returns the command; the caller owns it. The input is then empty. NULL without memory. */
char *input_take(struct input *d, size_t *ret_len);

void input_drop(struct input *d);

enum input_kind {
    INPUT_WORDS,    /* a name and words */
    INPUT_DOCUMENT, /* a document for a new snapshot, or its beginning */
    INPUT_REDEFINE, /* a document that puts metadata back, or its beginning */
};

/* Returns the kind of command that the text begins. */
enum input_kind input_kind(const char *text);

/* Splits a document's text. *ret_words gets the words of the line before the document, except the
 * first word; "" if there are none. The caller owns *ret_words. Returns the document; "" if it has
 * not come yet. NULL without memory. */
const char *input_split(const char *text, char **ret_words);

#endif
