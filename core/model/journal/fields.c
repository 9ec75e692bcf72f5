/* fields.c - see fields.h. No locks. */
#include "model/journal/fields.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

static void *at(const void *plan, size_t offset)
{
    return (char *)(uintptr_t)plan + offset;
}

static size_t count(const struct field_list *list, const void *plan)
{
    return *(size_t *)at(plan, list->n);
}

static void *item(const struct field_list *list, const void *plan, size_t i)
{
    return *(char **)at(plan, list->items) + i * list->size;
}

/* How many rows, from the i-th on, make one line. */
static size_t line_rows(const struct fields *f, size_t i)
{
    size_t n = 1;
    while (i + n < f->n && !strcmp(f->rows[i].word, f->rows[i + n].word))
        n++;
    return n;
}

/* ---- writing ---- */

static void put_value(const struct field *row, const void *from, struct text *t)
{
    const void *value = at(from, row->offset);
    switch (row->type) {
    case FIELD_TEXT:
        record_put(t, *(char *const *)value);
        break;
    case FIELD_U64:
        text_add(t, " %" PRIu64, *(const uint64_t *)value);
        break;
    case FIELD_UNSIGNED:
        text_add(t, " %u", *(const unsigned *)value);
        break;
    case FIELD_BOOL:
        text_add(t, " %d", *(const bool *)value);
        break;
    }
}

static void put_line(const struct field *rows, size_t n, const void *from, struct text *t)
{
    text_add(t, "%s", rows->word);
    for (size_t i = 0; i < n; i++)
        put_value(&rows[i], from, t);
    text_add(t, "\n");
}

void fields_put(const struct fields *f, const void *plan, struct text *t)
{
    for (size_t i = 0, n; i < f->n; i += n) {
        const struct field_list *list = f->rows[i].list;
        n = line_rows(f, i);
        for (size_t k = 0; list && k < count(list, plan); k++)
            put_line(&f->rows[i], n, item(list, plan, k), t);
        if (!list)
            put_line(&f->rows[i], n, plan, t);
    }
}

/* ---- reading ---- */

static bool read_text(char **to, const char *value)
{
    if (*to)
        return false;
    *to = strdup(value);
    return *to;
}

static bool read_value(const struct field *row, void *into, const struct record_line *l, size_t i)
{
    void *to = at(into, row->offset);
    uint64_t number = 0;
    if (row->type == FIELD_TEXT)
        return read_text(to, l->fields[i]);
    if (!record_number(l->fields[i], &number))
        return false;
    if (row->type == FIELD_U64)
        *(uint64_t *)to = number;
    else if (row->type == FIELD_UNSIGNED)
        *(unsigned *)to = (unsigned)number;
    else
        *(bool *)to = number;
    return row->type == FIELD_U64 || number <= (row->type == FIELD_BOOL ? 1 : UINT_MAX);
}

bool fields_read(const struct fields *f, void *plan, const struct record_line *l)
{
    size_t i = 0;
    while (i < f->n && strcmp(f->rows[i].word, l->fields[0]) != 0)
        i++;
    size_t n = i < f->n ? line_rows(f, i) : 0;
    if (!n || l->n != n + 1)
        return false;
    const struct field_list *list = f->rows[i].list;
    void *into = list ? fields_add(list, plan) : plan;
    bool ok = into;
    for (size_t k = 0; ok && k < n; k++)
        ok = read_value(&f->rows[i + k], into, l, k + 1);
    return ok;
}

bool fields_are_whole(const struct fields *f, const void *plan)
{
    bool whole = true;
    for (size_t i = 0; i < f->n; i++)
        if (f->rows[i].type == FIELD_TEXT && !f->rows[i].list)
            whole &= *(char *const *)at(plan, f->rows[i].offset) != NULL;
    return whole;
}

/* ---- lists ---- */

void *fields_add(const struct field_list *list, void *plan)
{
    char **items = at(plan, list->items);
    size_t *n = at(plan, list->n);
    char *more = mem_grow(*items, *n, list->size);
    if (!more)
        return NULL;
    *items = more;
    void *one = more + (*n)++ * list->size;
    memset(one, 0, list->size);
    return one;
}

static void drop_text(const struct field *row, const void *from)
{
    if (row->type == FIELD_TEXT)
        free(*(char **)at(from, row->offset));
}

void fields_drop(const struct fields *f, void *plan)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct field_list *list = f->rows[i].list;
        for (size_t k = 0; list && k < count(list, plan); k++)
            drop_text(&f->rows[i], item(list, plan, k));
        if (!list)
            drop_text(&f->rows[i], plan);
    }
    for (size_t i = 0, n; i < f->n; i += n) {
        n = line_rows(f, i);
        if (f->rows[i].list)
            free(*(char **)at(plan, f->rows[i].list->items));
    }
}
