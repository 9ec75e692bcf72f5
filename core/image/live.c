/* SPDX-License-Identifier: GPL-3.0-or-later */
/* live.c - see live.h. */
#include "image/live.h"

#include <errno.h>
#include <time.h>

enum {
    CHECK_TRIES = 6,
    CHECK_WAIT_US = 500,
    HEADER_MAX = 64 * 1024,       /* QEMU's own headers have less than 8 KiB */
    TABLE_MAX = 16 * 1024 * 1024, /* 65,536 entries with names of 180 bytes have less */
    CHEAP_MAX = 256 * 1024 /* bytes that are read every time, regardless of the file's times */
};

/* The place of a snapshot table. */
struct place {
    uint32_t n;
    uint64_t offset;
};

/* The fields that may differ in two headers of one unchanged image. They are the number and offset
 * of snapshots, the dirty and corrupt marks, compatible and autoclear bits. */
enum {
    AT_SNAPSHOTS = 60,
    END_SNAPSHOTS = 72,
    AT_INCOMPAT_LOW = 79,
    END_AUTOCLEAR = 96,
    PASSING_MARKS = 3
};

int live_new(const struct image_file *f, struct header *header, uint8_t **header_bytes,
             uint8_t **entry, size_t entry_len, struct live **ret, struct err *e)
{
    if (header->used > HEADER_MAX)
        return err_fail(e, EOPNOTSUPP, "'%s' has a header of more than %d bytes", f->path,
                        HEADER_MAX);
    struct live *l = calloc(1, sizeof(*l));
    if (!l)
        return err_nomem(e);
    l->entry = take(*entry);
    l->entry_len = entry_len;
    l->file = f;
    l->header = *header;
    *header = (struct header){0};
    l->header_bytes = take(*header_bytes);
    *ret = l;
    return 0;
}

void live_free(struct live *l)
{
    if (!l)
        return;
    header_drop(&l->header);
    free(l->header_bytes);
    free(l->entry);
    free(l);
}

static bool same_bytes(const struct live *l, const uint8_t *now)
{
    const uint8_t *then = l->header_bytes;
    size_t used = l->header.used;
    if (memcmp(now, then, AT_SNAPSHOTS) != 0)
        return false;
    if (l->header.version == 2)
        return !memcmp(now + END_SNAPSHOTS, then + END_SNAPSHOTS, used - END_SNAPSHOTS);
    return !memcmp(now + END_SNAPSHOTS, then + END_SNAPSHOTS, AT_INCOMPAT_LOW - END_SNAPSHOTS) &&
           (now[AT_INCOMPAT_LOW] | PASSING_MARKS) == (then[AT_INCOMPAT_LOW] | PASSING_MARKS) &&
           !memcmp(now + END_AUTOCLEAR, then + END_AUTOCLEAR, used - END_AUTOCLEAR);
}

static struct place place_in(const uint8_t *header)
{
    return (struct place){be32(header + AT_SNAPSHOTS), be64(header + AT_SNAPSHOTS + 4)};
}

/* Tells whether the mapping is the same, if the header differs. */
static int same_meaning(const struct live *l, struct place *ret)
{
    struct header now = {0};
    struct err ignored;
    if (header_load(l->file, &now, NULL, &ignored) < 0)
        return 0;
    bool same = header_same_mapping(&now, &l->header) && now.used <= HEADER_MAX;
    *ret = (struct place){now.snapshots, now.snapshots_offset};
    header_drop(&now);
    return same;
}

/* Finds the table's present place. Returns 1 and fills *ret, 0 if the header no longer describes
 * this image, -EIO or -ENOMEM. */
static int find_table(const struct live *l, struct place *ret, struct err *e)
{
    autofree uint8_t *now = malloc(l->header.used);
    if (!now)
        return err_nomem(e);
    ssize_t n = file_read_some(l->file, now, l->header.used, 0, e);
    if (n < 0 || (size_t)n < l->header.used)
        return n < 0 ? (int)n : 0;
    if (!same_bytes(l, now))
        return same_meaning(l, ret);
    *ret = place_in(now);
    return ret->n <= SNAPSHOTS_MAX;
}

/* Returns 1 if the table is still there. Returns 0 if it is not, or if half of the place was from
 * another header. */
static int confirm_place(const struct live *l, const struct place *place, struct err *e)
{
    uint8_t now[END_SNAPSHOTS];
    int r = file_read(l->file, now, sizeof(now), 0, e);
    if (r < 0)
        return r;
    struct place again = place_in(now);
    return again.n == place->n && again.offset == place->offset;
}

/* Looks for the entry in the table. Returns 1 if it is there, 0 if it is not or if there is no
 * table; -EIO or -ENOMEM. Fails with EOPNOTSUPP if the entry is so far behind that each read would
 * take too long. */
static int find_entry(struct live *l, const struct place *place, struct err *e)
{
    struct snapshot_walk w;
    struct snapshot s;
    bool found = false;
    int r;
    snapshot_walk_begin(&w, l->file, place->n, place->offset, 0, atomic_load(&l->hint));
    while (!found && (r = snapshot_walk_next(&w, &s, e)) == 1 && w.total <= TABLE_MAX)
        found = s.len == l->entry_len && !memcmp(s.bytes, l->entry, s.len);
    if (found)
        atomic_store(&l->hint, w.total);
    else if (r == 1)
        r = err_fail(e, EOPNOTSUPP, "the snapshot table of '%s' is larger than %d bytes",
                     l->file->path, TABLE_MAX);
    snapshot_walk_end(&w);
    return r == -EINVAL ? 0 : r;
}

/* Returns 1 if the entry is listed. Returns 0 if it is not, or if the table may be being replaced;
 * else fails as find_entry. */
static int listed(struct live *l, struct err *e)
{
    struct place place = {0};
    int r = find_table(l, &place, e);
    if (r == 1)
        r = find_entry(l, &place, e);
    return r == 1 ? confirm_place(l, &place, e) : r;
}

/* Does the same, but reads a large table only once while nothing writes to its file. It misses no
 * write that began after that time, because each write moves the file's ctime, which no program can
 * set. */
static int listed_since(struct live *l, struct err *e)
{
    uint64_t since = file_quiet_since(l->file), seen = atomic_load(&l->seen);
    if (since && since == seen)
        return 1;
    int r = listed(l, e);
    if (r == 1 && atomic_load(&l->hint) > CHEAP_MAX)
        atomic_store(&l->seen, since);
    return r;
}

int live_check(struct live *l, struct err *e)
{
    struct timespec wait = {.tv_nsec = CHECK_WAIT_US * 1000L};
    int r = 0;
    for (int try = 0; try < CHECK_TRIES; try++) {
        r = listed_since(l, e);
        if (r == 1)
            return 0;
        if (r == -ENOMEM)
            return r;
        nanosleep(&wait, NULL);
        wait.tv_nsec *= 2;
    }
    return r < 0 ? r : err_fail(e, ESTALE, "the snapshot has gone from '%s'", l->file->path);
}
