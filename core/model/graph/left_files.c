/* SPDX-License-Identifier: GPL-3.0-or-later */
/* left_files.c - see left_files.h. No locks but those of kept.h. */
#include "model/graph/left_files.h"

#include "model/journal/kept.h"

#define KIND "left"

void left_files_note(const char *uuid, const char *path)
{
    struct err ignored;
    kept_put(uuid, KIND, path, "", &ignored);
}

struct adding {
    struct names *names;
    bool ok;
};

static void add(void *ctx, const char *key, const char *value)
{
    struct adding *a = ctx;
    (void)value;
    a->ok = a->ok && names_add(a->names, key);
}

bool left_files_add(const char *uuid, struct names *names)
{
    struct kept *k autodestroy(kept_unref) = NULL;
    struct adding a = {.names = names, .ok = true};
    struct err ignored;
    if (kept_read(uuid, NULL, &k, &ignored) < 0)
        return false;
    kept_each(k, KIND, add, &a);
    return a.ok;
}
