/* SPDX-License-Identifier: GPL-3.0-or-later */
/* share.c - see share.h. `lock` guards the table, and each layer's `next` and `users`. It is a
 * leaf, and no file is touched under it. */
#include "image/share.h"

#include <errno.h>
#include <pthread.h>

#include "base/hash.h"
#include "base/lock.h"

enum { BUCKETS = 1024 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct layer *buckets[BUCKETS];

static struct layer **bucket_of(const char *path)
{
    return &buckets[hash_end(hash_str(HASH_START, path)) % BUCKETS];
}

/* Tells whether an open layer serves this file. The path must be the same too, because a backing
 * file's relative name depends on it. With another ctime the file may have other bytes, so its
 * cached pages are not used again. */
static bool is_sharable(const struct layer *l, int kind, const struct file_seen *seen)
{
    return (int)l->kind == kind && !l->live && !l->memory && l->data == l->file &&
           file_is(l->file, &seen->st) && file_has_ctime(l->file, &seen->st) &&
           !strcmp(l->file->path, seen->path);
}

/* Returns the newest such layer, because an older one may show an earlier state of the file. */
static struct layer *find(int kind, const struct file_seen *seen)
{
    autolock(&lock);
    struct layer *l = *bucket_of(seen->path);
    while (l && !is_sharable(l, kind, seen))
        l = l->next;
    if (l)
        l->users++;
    return l;
}

static void add(struct layer *l)
{
    struct layer **bucket = bucket_of(l->file->path);
    autolock(&lock);
    l->users = 1;
    l->next = *bucket;
    *bucket = l;
}

void share_put(struct layer *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&lock);
    bool last = --l->users == 0;
    struct layer **at = bucket_of(l->file->path);
    while (last && *at != l)
        at = &(*at)->next;
    if (last)
        *at = l->next;
    pthread_mutex_unlock(&lock);
    if (last)
        layer_close(l);
}

int share_get(const struct image_source *source, const struct image_policy *policy,
              struct layer **ret, struct err *e)
{
    struct file_seen seen;
    struct err changed;
    int kind = layer_kind_of(source, e);
    int r = kind < 0 ? kind : file_see(source->path, policy, &seen, e);
    if (r < 0)
        return r;
    autodestroy(share_put) struct layer *open = NULL;
    if (!source->tag && !source->id && !source->memory)
        open = find(kind, &seen);
    if (open && layer_is_open_to(open, policy) && layer_check(open, &changed) == 0) {
        *ret = take(open);
        return 0;
    }
    r = layer_open(source, &seen, policy, ret, e);
    if (r == 0)
        add(*ret);
    return r;
}
