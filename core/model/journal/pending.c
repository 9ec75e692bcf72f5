/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pending.c - see journal/pending.h. No locks. */
#include "model/journal/pending.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "model/journal/journal.h"
#include "model/journal/record.h"

struct begun {
    const char *snapshot;
    bool deleted, named, merged;
};

static bool note_begun(void *ctx, const struct record_line *l)
{
    struct begun *b = ctx;
    const char *word = l->fields[0], *value = l->n > 1 ? l->fields[1] : "";
    b->deleted |= !strcmp(word, "delete");
    b->named |= !strcmp(word, "snapshot") && !strcmp(value, b->snapshot);
    b->merged |= !strcmp(word, "step") && !strcmp(value, "merge");
    return true;
}

bool delete_has_begun(const char *uuid, const char *snapshot)
{
    struct begun b = {.snapshot = snapshot};
    autofree char *text = journal_glance(uuid);
    struct err ignored;
    return text && record_read(text, note_begun, &b, &ignored) == 0 && b.deleted && b.named &&
           b.merged;
}

/* ---- merges ---- */

enum { DISK_TARGET = 1, DISK_TOP = 4, DISK_ABOVE = 5, DISK_FIELDS = 6 }; /* delete/plan.h */

struct end {
    const char *target, *top;
    bool noted;
};

static bool note_end(void *ctx, const struct record_line *l)
{
    struct end *end = ctx;
    const char *word = l->fields[0], *value = l->n > 1 ? l->fields[1] : "";
    end->noted |= (!strcmp(word, "merged") && !strcmp(value, end->target)) ||
                  (!strcmp(word, "merged-top") && !strcmp(value, end->top));
    return true;
}

struct merges {
    const char *text;
    bool (*reads)(void *ctx, const char *path);
    void *ctx;
    bool deleted, merging, half;
};

static bool is_half(const struct merges *m, const struct record_line *l)
{
    struct err ignored;
    struct end end = {.target = l->fields[DISK_TARGET], .top = l->fields[DISK_TOP]};
    return *l->fields[DISK_ABOVE] && m->reads(m->ctx, l->fields[DISK_ABOVE]) &&
           !m->reads(m->ctx, end.top) && record_read(m->text, note_end, &end, &ignored) == 0 &&
           !end.noted;
}

static bool note_merge(void *ctx, const struct record_line *l)
{
    struct merges *m = ctx;
    const char *word = l->fields[0];
    m->deleted |= !strcmp(word, "delete");
    m->merging |= !strcmp(word, "step") && l->n > 1 && !strcmp(l->fields[1], "merge");
    if (m->deleted && !strcmp(word, "disk") && l->n == DISK_FIELDS)
        m->half |= is_half(m, l);
    return true;
}

bool delete_has_half_merged(const char *uuid, bool (*reads)(void *ctx, const char *path), void *ctx)
{
    struct err ignored;
    autofree char *text = journal_glance(uuid);
    struct merges m = {.text = text, .reads = reads, .ctx = ctx};
    return text && record_read(text, note_merge, &m, &ignored) == 0 && m.merging && m.half;
}
