/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fields.c - see fields.h. No locks. */
#include "model/journal/fields.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/uuid.h"

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

/* Returns how many rows, from the i-th on, make one line. */
static size_t line_rows(const struct fields *f, size_t i)
{
    size_t n = 1;
    while (i + n < f->n && !strcmp(f->rows[i].word, f->rows[i + n].word))
        n++;
    return n;
}

static bool is_of(const struct field *row, const char *word)
{
    return !word || !strcmp(row->word, word);
}

static bool has_value(const struct field *row)
{
    return row->type != FIELD_SET;
}

/* ---- writing ---- */

static void put_value(const struct field *row, const void *from, struct text *t)
{
    const void *value = at(from, row->offset);
    switch (row->type) {
    case FIELD_TEXT:
    case FIELD_MAYBE:
    case FIELD_KEY:
        record_put(t, *(char *const *)value);
        break;
    case FIELD_UUID:
        record_put(t, value);
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
    case FIELD_SET:
        break;
    }
}

static bool is_absent(const struct field *row, const void *from)
{
    const void *value = at(from, row->offset);
    return (row->type == FIELD_SET && !*(const bool *)value) ||
           (row->type == FIELD_MAYBE && !*(char *const *)value);
}

static void put_line(const struct field *rows, size_t n, const void *from, struct text *t)
{
    for (size_t i = 0; i < n; i++)
        if (is_absent(&rows[i], from))
            return;
    text_add(t, "%s", rows->word);
    for (size_t i = 0; i < n; i++)
        put_value(&rows[i], from, t);
    text_add(t, "\n");
}

void fields_put_word(const struct fields *f, const char *word, const void *plan, const void *only,
                     struct text *t)
{
    for (size_t i = 0, n; i < f->n; i += n) {
        const struct field_list *list = f->rows[i].list;
        n = line_rows(f, i);
        if (!is_of(&f->rows[i], word))
            continue;
        for (size_t k = 0; list && k < count(list, plan); k++)
            if (!only || only == item(list, plan, k))
                put_line(&f->rows[i], n, item(list, plan, k), t);
        if (!list)
            put_line(&f->rows[i], n, plan, t);
    }
}

void fields_put(const struct fields *f, const void *plan, struct text *t)
{
    fields_put_word(f, NULL, plan, NULL, t);
}

/* ---- reading ---- */

static bool read_text(char **to, const char *value)
{
    if (*to)
        return false;
    *to = strdup(value);
    return *to;
}

static bool read_uuid(char *to, const char *value)
{
    bool ok = !*to && uuid_is(value);
    if (ok)
        memcpy(to, value, UUID_LEN + 1);
    return ok;
}

static bool read_number(const struct field *row, void *to, const char *value)
{
    uint64_t number, max = row->type == FIELD_U64 ? UINT64_MAX : UINT_MAX;
    if (row->type == FIELD_BOOL || row->max)
        max = row->type == FIELD_BOOL ? 1 : row->max;
    if (!record_number(value, &number) || number > max)
        return false;
    if (row->type == FIELD_U64)
        *(uint64_t *)to = number;
    else if (row->type == FIELD_UNSIGNED)
        *(unsigned *)to = (unsigned)number;
    else
        *(bool *)to = number;
    return true;
}

static bool read_value(const struct field *row, void *into, const char *value)
{
    void *to = at(into, row->offset);
    switch (row->type) {
    case FIELD_KEY: /* the key has found the item */
        return true;
    case FIELD_SET:
        return *(bool *)to = true;
    case FIELD_TEXT:
    case FIELD_MAYBE:
        return read_text(to, value);
    case FIELD_UUID:
        return read_uuid(to, value);
    default:
        return read_number(row, to, value);
    }
}

/* Returns the number of items with that text; *ret gets the first. */
static size_t find_items(const struct field *key, const void *plan, const char *value, void **ret)
{
    size_t n = 0;
    *ret = NULL;
    for (size_t i = count(key->list, plan); i-- > 0;) {
        void *one = item(key->list, plan, i);
        if (strcmp(*(char *const *)at(one, key->offset), value) != 0)
            continue;
        *ret = one;
        n++;
    }
    return n;
}

static bool read_values(const struct field *rows, size_t n, void *into, const struct record_line *l)
{
    size_t next = 1;
    bool ok = into;
    for (size_t k = 0; ok && k < n; k++)
        ok = read_value(&rows[k], into, has_value(&rows[k]) ? l->fields[next++] : NULL);
    return ok;
}

bool fields_read(const struct fields *f, void *plan, const struct record_line *l)
{
    size_t i = 0, values = 0;
    while (i < f->n && strcmp(f->rows[i].word, l->fields[0]) != 0)
        i++;
    const struct field *rows = &f->rows[i];
    size_t n = i < f->n ? line_rows(f, i) : 0;
    for (size_t k = 0; k < n; k++)
        values += has_value(&rows[k]);
    if (!n || l->n != values + 1)
        return false;
    void *into = plan;
    if (rows->type == FIELD_KEY && find_items(rows, plan, l->fields[1], &into) > 1)
        return true;
    if (rows->type != FIELD_KEY && rows->list)
        into = fields_add(rows->list, plan);
    return read_values(rows, n, into, l);
}

bool fields_are_whole(const struct fields *f, const void *plan)
{
    bool whole = true;
    for (size_t i = 0; i < f->n; i++) {
        const struct field *row = &f->rows[i];
        const void *value = at(plan, row->offset);
        if (row->type == FIELD_TEXT && !row->list)
            whole &= *(char *const *)value != NULL;
        else if (row->type == FIELD_UUID && !row->list)
            whole &= *(const char *)value != '\0';
    }
    return whole;
}

/* ---- asking ---- */

static bool is_text(const struct field *row, const void *from, const char *text)
{
    const char *value = NULL;
    if (row->type == FIELD_TEXT || row->type == FIELD_MAYBE)
        value = *(char *const *)at(from, row->offset);
    return value && !strcmp(value, text);
}

bool fields_have(const struct fields *f, const void *plan, const char *text)
{
    bool has = false;
    for (size_t i = 0; !has && i < f->n; i++) {
        const struct field_list *list = f->rows[i].list;
        for (size_t k = 0; !has && list && k < count(list, plan); k++)
            has = is_text(&f->rows[i], item(list, plan, k), text);
        has |= !list && is_text(&f->rows[i], plan, text);
    }
    return has;
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
    if (row->type == FIELD_TEXT || row->type == FIELD_MAYBE)
        free(*(char **)at(from, row->offset));
}

void fields_drop_word(const struct fields *f, const char *word, void *plan)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct field_list *list = f->rows[i].list;
        for (size_t k = 0; list && is_of(&f->rows[i], word) && k < count(list, plan); k++)
            drop_text(&f->rows[i], item(list, plan, k));
    }
    for (size_t i = 0; i < f->n; i++) {
        const struct field_list *list = f->rows[i].list;
        if (!list || !is_of(&f->rows[i], word))
            continue;
        free(take(*(char **)at(plan, list->items)));
        *(size_t *)at(plan, list->n) = 0;
    }
}

void fields_drop(const struct fields *f, void *plan)
{
    fields_drop_word(f, NULL, plan);
    for (size_t i = 0; i < f->n; i++)
        if (!f->rows[i].list)
            drop_text(&f->rows[i], plan);
}
