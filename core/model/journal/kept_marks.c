/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kept_marks.c - see kept_marks.h. No locks except those of kept.h.
 *
 *     made  PATH          INODE
 *     tag   "ENTRY PATH"  INODE
 */
#include "model/journal/kept_marks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "model/journal/keep.h"
#include "model/storage/file_marks.h"

#define MADE "made"
#define TAG "tag"

enum { INO_SIZE = 21, HEX_DIGITS = 16 };

static bool ino_of(const char *path, char ret[INO_SIZE])
{
    struct stat st;
    if (stat(path, &st) < 0)
        return false;
    snprintf(ret, INO_SIZE, "%" PRIu64, (uint64_t)st.st_ino);
    return true;
}

/* ---- noting ---- */

struct note {
    const char *path;
    char ino[INO_SIZE];
    const uint64_t *entries;
    size_t n;
};

static int put_made(void *ctx, struct kept *k)
{
    const struct note *n = ctx;
    kept_set(k, MADE, n->path, n->ino);
    return 0;
}

static int put_tags(void *ctx, struct kept *k)
{
    const struct note *n = ctx;
    for (size_t i = 0; i < n->n; i++) {
        autotext struct text key = {0};
        text_add(&key, "%0*" PRIx64 " %s", HEX_DIGITS, n->entries[i], n->path);
        if (!key.failed)
            kept_set(k, TAG, key.s, n->ino);
    }
    return 0;
}

void marks_made(struct model *m, const char *uuid, const char *path)
{
    struct note n = {.path = path};
    if (!mark_made(path) && ino_of(path, n.ino))
        keep(m, uuid, put_made, &n);
}

void marks_left(struct model *m, const char *uuid, const char *path, const uint64_t *entries,
                size_t count)
{
    struct note n = {.path = path, .entries = entries, .n = count};
    if (count && !mark_left(path, entries, count) && ino_of(path, n.ino))
        keep(m, uuid, put_tags, &n);
}

/* ---- asking ---- */

static bool is_ino(void *ctx, uid_t by, const char *value)
{
    (void)by;
    return !strcmp(value, ctx);
}

bool marks_is_made(const struct kept *kept, const char *path)
{
    char ino[INO_SIZE];
    return mark_is_made(path) ||
           (ino_of(path, ino) && kept_find(kept, MADE, path, path, is_ino, ino));
}

struct adding {
    struct left_tags *tags;
    bool ok;
};

static void add(void *ctx, uid_t by, const char *key, const char *value)
{
    struct adding *a = ctx;
    struct left_tag tag = {.by = by};
    int at = 0;
    if (sscanf(key, "%16" SCNx64 " %n", &tag.entry, &at) != 1 || at != HEX_DIGITS + 1 ||
        sscanf(value, "%" SCNu64, &tag.ino) != 1)
        return;
    struct left_tag *more = mem_grow(a->tags->items, a->tags->n, sizeof(*more));
    tag.path = strdup(key + at);
    if (more)
        a->tags->items = more;
    if (more && tag.path)
        more[a->tags->n++] = tag;
    else
        free(tag.path);
    a->ok = a->ok && more && tag.path;
}

bool left_tags_add(struct left_tags *t, const struct kept *kept)
{
    struct adding a = {t, true};
    kept_each_told(kept, TAG, add, &a);
    return a.ok;
}

bool left_tags_have(const struct left_tags *t, const char *path, uint64_t entry)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct left_tag *tag = &t->items[i];
        struct stat st;
        if (tag->entry == entry && !strcmp(tag->path, path) && stat(path, &st) == 0 &&
            st.st_ino == tag->ino && kept_counts(tag->by, path))
            return true;
    }
    return false;
}

void left_tags_drop(struct left_tags *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->items[i].path);
    free(t->items);
    *t = (struct left_tags){0};
}
