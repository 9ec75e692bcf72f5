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
