/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fields.h - the plan of a procedure as lines of its journal: a row for each value. Pure.
 *
 * Rows of one word that follow each other are the values of one line, in that order. A word that
 * has a list has a line for each item. The plan owns the texts.
 *
 *     FIELD_SET   a line with only the word: the value is true; no such line: the value is false
 *     FIELD_KEY   the line adds values to an item that was read before: the item with this text.
 *                 If several items have this text, the line adds nothing
 */
#ifndef SNAPFS_MODEL_JOURNAL_FIELDS_H
#define SNAPFS_MODEL_JOURNAL_FIELDS_H

#include "base/text.h"
#include "model/journal/record.h"

enum field_type {
    FIELD_TEXT,     /* char *, never NULL */
    FIELD_MAYBE,    /* char *; NULL: there is no such line */
    FIELD_U64,      /* uint64_t */
    FIELD_UNSIGNED, /* unsigned, or an enum */
    FIELD_BOOL,     /* bool */
    FIELD_SET,      /* bool, without a value; false: there is no such line */
    FIELD_UUID,     /* char [UUID_LEN + 1] */
    FIELD_KEY,      /* char *, the first of its line; another row owns the text */
};

/* An array in the plan. */
struct field_list {
    size_t items, n; /* offsets of the pointer, and of the count (a size_t) */
    size_t size;     /* of an item */
};

struct field {
    const char *word;
    enum field_type type;
    size_t offset;                 /* in the plan, or in an item of `list` */
    const struct field_list *list; /* NULL: the value is in the plan itself */
    unsigned max;                  /* of a FIELD_UNSIGNED; 0: any */
};

/* A row of a plan, and a row of the items of a list. */
#define FIELD_ROW(name, kind, plan, member)                                                        \
    {                                                                                              \
        .word = (name), .type = (kind), .offset = offsetof(struct plan, member)                    \
    }
#define FIELD_ITEM(name, kind, item, member, of)                                                   \
    {                                                                                              \
        .word = (name), .type = (kind), .offset = offsetof(struct item, member), .list = (of)      \
    }

struct fields {
    const struct field *rows;
    size_t n;
};

#define FIELDS_OF(rows)                                                                            \
    {                                                                                              \
        (rows), sizeof(rows) / sizeof(*(rows))                                                     \
    }

/* Adds all values of the plan as lines. */
void fields_put(const struct fields *f, const void *plan, struct text *t);
/* Adds only the values of that word. If `only` is not NULL, adds only those of this item. */
void fields_put_word(const struct fields *f, const char *word, const void *plan, const void *only,
                     struct text *t);

/* Reads a line into the plan. Returns false if no row has the line's word, if the values have the
 * wrong types, or if the line was there already. */
bool fields_read(const struct fields *f, void *plan, const struct record_line *l);

/* Returns whether every text and uuid outside lists has been read, except FIELD_MAYBE. It cannot
 * tell whether a number has been read. */
bool fields_are_whole(const struct fields *f, const void *plan);

/* Returns whether that text is one of the plan's values. */
bool fields_have(const struct fields *f, const void *plan, const char *text);

/* Adds an item to the list, all zero, and counts it; NULL without memory. */
void *fields_add(const struct field_list *list, void *plan);

/* Frees texts and lists. */
void fields_drop(const struct fields *f, void *plan);
/* Frees only the lists of that word. These lists are then empty. */
void fields_drop_word(const struct fields *f, const char *word, void *plan);

#endif
