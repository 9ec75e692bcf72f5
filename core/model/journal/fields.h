/* fields.h - the plan of a procedure as lines of its journal: a row for each value. Pure.
 *
 * Rows of one word that follow each other are the values of one line, in that order. A word that
 * has a list has a line for each item. Texts are owned by the plan; none is NULL.
 */
#ifndef SNAPFS_MODEL_JOURNAL_FIELDS_H
#define SNAPFS_MODEL_JOURNAL_FIELDS_H

#include "base/text.h"
#include "model/journal/record.h"

enum field_type {
    FIELD_TEXT,     /* char * */
    FIELD_U64,      /* uint64_t */
    FIELD_UNSIGNED, /* unsigned, or an enum */
    FIELD_BOOL,     /* bool */
};

/* An array in the plan. */
struct field_list {
    size_t items, n; /* offsets of the pointer and of the count, a size_t */
    size_t size;     /* of an item */
};

struct field {
    const char *word;
    enum field_type type;
    size_t offset;                 /* in the plan, or in an item of */
    const struct field_list *list; /* this; NULL for none */
};

struct fields {
    const struct field *rows;
    size_t n;
};

/* All values of the plan as lines. */
void fields_put(const struct fields *f, const void *plan, struct text *t);

/* Takes in a line. False when no row has its word, its values are not of the types, or it was there
 * already. */
bool fields_read(const struct fields *f, void *plan, const struct record_line *l);

/* Has every text outside lists been read? */
bool fields_are_whole(const struct fields *f, const void *plan);

/* A new item of the list, all zero, counted already; NULL without memory. */
void *fields_add(const struct field_list *list, void *plan);

/* Frees texts and lists. */
void fields_drop(const struct fields *f, void *plan);

#endif
