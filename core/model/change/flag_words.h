/* SPDX-License-Identifier: GPL-3.0-or-later */
/* flag_words.h - words that a user writes to a command file. Pure. */
#ifndef SNAPFS_MODEL_CHANGE_FLAG_WORDS_H
#define SNAPFS_MODEL_CHANGE_FLAG_WORDS_H

#include <stddef.h>

#include "base/error.h"
#include "base/text.h"

struct flag_word {
    const char *word;
    unsigned flag;
};

/* Reads the flags of the words in `text`, which blanks separate. `what` is the file's name. EINVAL:
 * a word is none of the `n`; the message quotes it. */
int flags_parse(const char *what, const struct flag_word *words, size_t n, const char *text,
                unsigned *ret, struct err *e);

/* Lists the words, with `between` between them. */
void flags_list(const struct flag_word *words, size_t n, const char *between, struct text *out);

/* Copies the next word of *at, with its quotes undone, and moves *at past the word; NULL at the
 * end. EINVAL: a quote is not closed. */
int words_next(const char **at, const char *separators, char **ret, struct err *e);

#define WORDS_BLANKS " \t\r\n"

#endif
