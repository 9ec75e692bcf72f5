/* SPDX-License-Identifier: GPL-3.0-or-later */
/* snapshots.c - see snapshots.h. A walk belongs to one thread. */
#include "image/snapshots.h"

#include <errno.h>

#include "base/hash.h"

enum { WALK_READ_MIN = 4096, WALK_READ_MAX = 256 * 1024 };

static size_t padded(size_t len)
{
    return (len + 7) / 8 * 8;
}

int64_t snapshot_parse(const uint8_t *b, size_t have, uint64_t active_size, struct snapshot *ret)
{
    if (have < SNAPSHOT_FIXED)
        return SNAPSHOT_FIXED;
    size_t id_len = be16(b + 12), name_len = be16(b + 14);
    uint32_t extra = be32(b + 36);
    if (extra > SNAPSHOT_EXTRA_MAX)
        return -EINVAL;
    size_t len = SNAPSHOT_FIXED + extra + id_len + name_len;
    if (have < len)
        return (int64_t)len;
    uint64_t disk = extra >= 16 ? be64(b + SNAPSHOT_FIXED + 8) : active_size;
    const char *id = (const char *)b + SNAPSHOT_FIXED + extra;
    *ret = (struct snapshot){
        .bytes = b,
        .len = len,
        .l1_offset = be64(b),
        .l1_size = be32(b + 8),
        .disk_size = disk / VIRTUAL_SECTOR * VIRTUAL_SECTOR,
        .vm_state_size = extra >= 8 ? be64(b + SNAPSHOT_FIXED) : be32(b + 32),
        .date_sec = be32(b + 16),
        .date_nsec = be32(b + 20),
        .id = id,
        .id_len = id_len,
        .name = id + id_len,
        .name_len = name_len,
    };
    return 0;
}

uint64_t snapshot_hash(const struct snapshot *s)
{
    uint64_t h = hash_end(hash_bytes(HASH_START, s->bytes, s->len));
    return h ? h : 1;
}

bool snapshot_text_is(const char *text, size_t len, const char *want)
{
    return strlen(want) == len && !memcmp(text, want, len);
}

void snapshot_walk_begin(struct snapshot_walk *w, const struct image_file *f, uint32_t snapshots,
                         uint64_t offset, uint64_t active_size, size_t hint)
{
    size_t cap = hint < WALK_READ_MIN ? WALK_READ_MIN : hint;
    *w = (struct snapshot_walk){.file = f,
                                .active_size = active_size,
                                .offset = offset,
                                .left = snapshots,
                                .cap = cap > WALK_READ_MAX ? WALK_READ_MAX : padded(cap)};
}

void snapshot_walk_end(struct snapshot_walk *w)
{
    free(w->buf);
    w->buf = NULL;
}

/* Makes at least `need` bytes from w->at on available; fewer only at the end of the file. */
static int refill(struct snapshot_walk *w, size_t need, struct err *e)
{
    size_t cap = need > w->cap ? padded(need) : w->cap;
    if (!w->buf || cap > w->cap) {
        uint8_t *buf = realloc(w->buf, cap);
        if (!buf)
            return err_nomem(e);
        w->buf = buf;
        w->cap = cap;
    }
    w->have -= w->at;
    memmove(w->buf, w->buf + w->at, w->have);
    w->at = 0;
    ssize_t n = file_read_some(w->file, w->buf + w->have, w->cap - w->have, w->offset, e);
    if (n < 0)
        return (int)n;
    w->have += (size_t)n;
    w->offset += (size_t)n;
    return 0;
}

static int walk_fail(const struct snapshot_walk *w, int no, const char *what, struct err *e)
{
    return err_fail(e, no, "the snapshot table of '%s' %s", w->file->path, what);
}

int snapshot_walk_next(struct snapshot_walk *w, struct snapshot *ret, struct err *e)
{
    if (!w->left)
        return 0;
    size_t had = w->have - w->at;
    int64_t need =
        w->buf ? snapshot_parse(w->buf + w->at, had, w->active_size, ret) : SNAPSHOT_FIXED;
    while (need > 0) {
        int r = refill(w, (size_t)need, e);
        if (r < 0)
            return r;
        if (w->have == had)
            return walk_fail(w, EIO, "lies past the end of the file", e);
        had = w->have;
        need = snapshot_parse(w->buf, had, w->active_size, ret);
    }
    if (need < 0)
        return walk_fail(w, EINVAL, "is malformed: too much extra data", e);
    size_t step = padded(ret->len);
    w->total += step;
    if (w->total > SNAPSHOT_TABLE_MAX)
        return walk_fail(w, EINVAL, "is larger than 64 MiB", e);
    w->left--;
    if (step > w->have - w->at) {
        size_t more = step - (w->have - w->at);
        w->offset += more;
        step -= more;
    }
    w->at += step;
    return 1;
}
