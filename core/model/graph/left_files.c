/* SPDX-License-Identifier: GPL-3.0-or-later */
/* left_files.c - see left_files.h. No locks except those of kept.h. */
#include "model/graph/left_files.h"

#include "model/journal/kept.h"

#define KIND "left"

void left_files_note(struct virt *v, const char *uuid, const char *path)
{
    struct err ignored;
    kept_put(v, uuid, KIND, path, "", &ignored);
}

struct adding {
    struct names *names;
    bool ok;
};

static void add(void *ctx, uid_t by, const char *key, const char *value)
{
    struct adding *a = ctx;
    (void)by;
    (void)value;
    a->ok = a->ok && names_add(a->names, key);
}

bool left_files_add(const struct kept *kept, struct names *names)
{
    struct adding a = {.names = names, .ok = true};
    kept_each_told(kept, KIND, add, &a);
    return a.ok;
}
