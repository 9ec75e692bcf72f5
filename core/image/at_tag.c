/* SPDX-License-Identifier: GPL-3.0-or-later */
/* at_tag.c - see at_tag.h. Compares the tables. No locks. */
#include "image/at_tag.h"

#include <errno.h>

#include "image/cluster.h"
#include "image/snapshots.h"

enum { L1_ENTRY = 8 };

struct table {
    uint64_t *entries;
    uint32_t n;
};

/* Reads an L1 table without the "copied" marks, which tell whether a snapshot shares the clusters.
 * */
static int read_table(const struct image_file *f, uint64_t offset, uint32_t n, struct table *ret,
                      struct err *e)
{
    if (n > L1_BYTES_MAX / L1_ENTRY)
        return err_fail(e, EINVAL, "'%s' is damaged: its L1 table is larger than 32 MiB", f->path);
    autofree uint64_t *entries = calloc((size_t)n + 1, L1_ENTRY);
    int r = entries ? 0 : err_nomem(e);
    if (r == 0 && n)
        r = file_read(f, entries, (size_t)n * L1_ENTRY, offset, e);
    for (uint32_t i = 0; r == 0 && i < n; i++)
        entries[i] = be64(&entries[i]) & ~ENTRY_COPIED;
    if (r == 0)
        *ret = (struct table){take(entries), n};
    return r;
}

/* Tells whether both tables are the same. An entry that only one table has must be zero. */
static bool is_same(const struct table *a, const struct table *b)
{
    bool same = true;
    for (uint32_t i = 0; same && (i < a->n || i < b->n); i++)
        same = (i < a->n ? a->entries[i] : 0) == (i < b->n ? b->entries[i] : 0);
    return same;
}

static int compare(const struct image_file *f, const struct header *h, const struct snapshot *s,
                   bool *ret, struct err *e)
{
    struct table now = {0}, then = {0};
    int r = read_table(f, h->l1_offset, h->l1_size, &now, e);
    if (r == 0)
        r = read_table(f, s->l1_offset, s->l1_size, &then, e);
    *ret = r == 0 && h->size == s->disk_size && is_same(&now, &then);
    free(now.entries);
    free(then.entries);
    return r;
}

static int find(const struct image_file *f, const struct header *h, const char *tag, bool *ret,
                struct err *e)
{
    struct snapshot_walk w;
    struct snapshot s;
    bool found = false;
    int r;
    snapshot_walk_begin(&w, f, h->snapshots, h->snapshots_offset, h->size, 0);
    while (!found && (r = snapshot_walk_next(&w, &s, e)) == 1) {
        found = snapshot_text_is(s.name, s.name_len, tag);
        if (found)
            r = compare(f, h, &s, ret, e);
    }
    snapshot_walk_end(&w);
    if (r == 0 && !found)
        return err_fail(e, ENOENT, "'%s' holds no tag '%s'", f->path, tag);
    return r;
}

int image_is_at_tag(const char *path, const char *tag, const struct image_policy *policy, bool *ret,
                    struct err *e)
{
    struct image_file *f autodestroy(file_close) = NULL;
    struct header h = {0};
    *ret = false;
    int r = file_open(path, policy, &f, e);
    if (r == 0)
        r = header_load(f, &h, NULL, e);
    if (r == 0)
        r = find(f, &h, tag, ret, e);
    header_drop(&h);
    return r;
}
