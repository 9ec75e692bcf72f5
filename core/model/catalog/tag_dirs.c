/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tag_dirs.c - see catalog/tag_dirs.h. No locks. */
#include "model/catalog/tag_dirs.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/name.h"

static int cmp_u64(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* Compares by name, disk, and rank. */
static int cmp_rank(const void *a, const void *b)
{
    const struct untracked_tag *x = a, *y = b;
    int r = strcmp(x->name, y->name);
    r = r ? r : strcmp(x->target, y->target);
    return r ? r : cmp_u64(x->rank, y->rank);
}

static int cmp_directory(const void *a, const void *b)
{
    const struct untracked_tag *x = a, *y = b;
    int r = strcmp(x->name, y->name);
    r = r ? r : cmp_u64(x->mark, y->mark);
    r = r ? r : strcmp(x->target, y->target);
    return r ? r : cmp_u64(x->rank, y->rank);
}

static uint64_t mark_of(const struct untracked_tag *s)
{
    uint64_t h = hash_end(hash_u64(hash_str(HASH_START, s->path), s->identity.entry));
    return h ? h : 1;
}

void untracked_arrange(struct untracked_tag *s, size_t n)
{
    const struct untracked_tag *plain = NULL; /* the last tag that got its plain name */
    if (n)
        qsort(s, n, sizeof(*s), cmp_rank);
    for (size_t i = 0; i < n; i++) {
        bool taken =
            plain && !strcmp(plain->name, s[i].name) && !strcmp(plain->target, s[i].target);
        bool needs_mark = taken || s[i].claimed || !*s[i].name;
        s[i].mark = needs_mark ? mark_of(&s[i]) : 0;
        plain = needs_mark ? plain : &s[i];
    }
    if (n)
        qsort(s, n, sizeof(*s), cmp_directory);
}

size_t untracked_together(const struct untracked_tag *s, size_t n)
{
    size_t i = 1;
    while (i < n && s[i].mark == s[0].mark && !strcmp(s[i].name, s[0].name))
        i++;
    return i;
}

char *untracked_coded(const struct untracked_tag *s)
{
    return s->mark ? name_encode_marked(s->name, s->mark) : name_encode(s->name);
}

void untracked_clear(struct untracked_tag *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(s[i].name);
        free(s[i].id);
    }
}

void untracked_free(struct untracked_tag *s, size_t n)
{
    if (s)
        untracked_clear(s, n);
    free(s);
}
