/* live.c - see live.h. */
#include "image/live.h"

#include <errno.h>
#include <time.h>

enum { CHECK_TRIES = 6, CHECK_WAIT_US = 500 };

/* The fields at which two headers of one unchanged image may differ: the snapshot pair, the dirty
 * and corrupt marks, compatible and autoclear bits. */
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

/* The whole header says something else; does it concern the mapping? */
static int same_meaning(const struct live *l, uint32_t *ret_n, uint64_t *ret_offset)
{
    struct header now = {0};
    struct err ignored;
    if (header_load(l->file, &now, NULL, &ignored) < 0)
        return 0;
    bool same = header_same_mapping(&now, &l->header);
    *ret_n = now.snapshots;
    *ret_offset = now.snapshots_offset;
    header_drop(&now);
    return same;
}

/* Where the table is now; 0 when the header no longer describes this image; -EIO, -ENOMEM. */
static int find_table(const struct live *l, uint32_t *ret_n, uint64_t *ret_offset, struct err *e)
{
    autofree uint8_t *now = malloc(l->header.used);
    if (!now)
        return err_nomem(e);
    ssize_t n = file_read_some(l->file, now, l->header.used, 0, e);
    if (n < 0 || (size_t)n < l->header.used)
        return n < 0 ? (int)n : 0;
    if (!same_bytes(l, now))
        return same_meaning(l, ret_n, ret_offset);
    *ret_n = be32(now + AT_SNAPSHOTS);
    *ret_offset = be64(now + AT_SNAPSHOTS + 4);
    return *ret_n <= SNAPSHOTS_MAX;
}

/* 1: listed; 0: not, or not told from a table being replaced; -EIO: cannot be read; -ENOMEM. */
static int listed(struct live *l, struct err *e)
{
    uint32_t n = 0;
    uint64_t offset = 0;
    int r = find_table(l, &n, &offset, e);
    if (r <= 0)
        return r;
    struct snapshot_walk w;
    struct snapshot s;
    snapshot_walk_begin(&w, l->file, n, offset, 0, atomic_load(&l->hint));
    bool found = false;
    while (!found && (r = snapshot_walk_next(&w, &s, e)) == 1)
        found = s.len == l->entry_len && !memcmp(s.bytes, l->entry, s.len);
    if (found)
        atomic_store(&l->hint, w.total);
    snapshot_walk_end(&w);
    return r == -ENOMEM || r == -EIO ? r : found;
}

int live_check(struct live *l, struct err *e)
{
    struct timespec wait = {.tv_nsec = CHECK_WAIT_US * 1000L};
    int r = 0;
    for (int try = 0; try < CHECK_TRIES; try++) {
        r = listed(l, e);
        if (r == 1)
            return 0;
        if (r == -ENOMEM)
            return r;
        nanosleep(&wait, NULL);
        wait.tv_nsec *= 2;
    }
    return r < 0 ? r : err_fail(e, ESTALE, "the snapshot has gone from '%s'", l->file->path);
}
