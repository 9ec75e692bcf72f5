/* SPDX-License-Identifier: GPL-3.0-or-later */
/* procedure_record.c - see journal/procedure_record.h. No locks. */
#include "model/journal/procedure_record.h"

#include <string.h>

/* Rows that every procedure has before its own. */
static const struct field common_rows[] = {
    FIELD_ROW("uri", FIELD_TEXT, procedure, uri),
    FIELD_ROW("snapshot", FIELD_TEXT, procedure, snapshot),
};
static const struct fields common = FIELDS_OF(common_rows);

struct procedure *procedure_new(const struct procedure_kind *kind)
{
    struct procedure *p = calloc(1, kind->size);
    if (p)
        *p = (struct procedure){.kind = kind, .step = -1};
    return p;
}

void procedure_drop(struct procedure *p)
{
    if (p->kind->drop)
        p->kind->drop(p);
    fields_drop(&common, p);
    fields_drop(&p->kind->fields, p);
}

void procedure_free(struct procedure *p)
{
    if (p)
        procedure_drop(p);
    free(p);
}

/* ---- writing ---- */

int procedure_note_plan(struct procedure *p, struct err *e)
{
    const struct procedure_kind *k = p->kind;
    autotext struct text t = {0};
    bool begins = k->steps[0].flags & STEP_WITH_PLAN;
    text_add(&t, "%s %u\n", k->word, k->version);
    fields_put(&common, p, &t);
    fields_put(&k->fields, p, &t);
    text_add(&t, "ready\n");
    if (begins)
        record_field(&t, "step", k->steps[0].name);
    p->step = begins ? 0 : -1;
    return record_add(p->j, &t, e);
}

int procedure_note_step(struct procedure *p, int step, struct err *e)
{
    autotext struct text t = {0};
    if (p->step >= step)
        return 0;
    record_field(&t, "step", p->kind->steps[step].name);
    int r = p->j ? record_add(p->j, &t, e) : 0;
    if (r == 0)
        p->step = step;
    return r;
}

int procedure_note(struct procedure *p, const char *word, const void *item, struct err *e)
{
    autotext struct text t = {0};
    fields_put_word(&p->kind->fields, word, p, item, &t);
    return p->j && t.len ? record_add(p->j, &t, e) : 0;
}

/* ---- reading ---- */

static bool read_version(const struct procedure_kind *k, const struct record_line *l)
{
    uint64_t version;
    if (l->n != 2 || !record_number(l->fields[1], &version))
        return false;
    return version <= k->version && version >= (k->oldest ? k->oldest : k->version);
}

static bool read_step(struct procedure *p, const struct record_line *l)
{
    for (int i = 0; l->n == 2 && i < p->kind->n_steps + p->kind->n_undo; i++)
        if (!strcmp(p->kind->steps[i].name, l->fields[1])) {
            p->step = i;
            return true;
        }
    return false;
}

static bool read_line(void *ctx, const struct record_line *l)
{
    struct procedure *p = ctx;
    const struct procedure_kind *k = p->kind;
    if (!strcmp(l->fields[0], k->word))
        return read_version(k, l);
    if (!strcmp(l->fields[0], "step"))
        return read_step(p, l);
    if (strcmp(l->fields[0], "ready") != 0)
        return fields_read(&common, p, l) || fields_read(&k->fields, p, l);
    p->ready = fields_are_whole(&common, p) && fields_are_whole(&k->fields, p);
    return p->ready;
}

int procedure_read(const struct procedure_kind *kind, const char *text, struct procedure **ret,
                   struct err *e)
{
    struct procedure *p autodestroy(procedure_free) = procedure_new(kind);
    *ret = NULL;
    if (!p)
        return err_nomem(e);
    int r = record_read(text, read_line, p, e);
    if (r < 0 || !p->ready)
        return r;
    if (kind->is_whole && !kind->is_whole(p))
        return record_fail(e);
    *ret = take(p);
    return 0;
}
