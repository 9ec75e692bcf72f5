/* SPDX-License-Identifier: GPL-3.0-or-later */
/* snapshot_find.c - see snapshot_find.h. No locks. */
#include "image/snapshot_find.h"

#include <errno.h>
#include <time.h>

/* Retries for a snapshot table that is being replaced. The waits double: 64 ms in all. */
enum { FIND_TRIES = 8, FIND_WAIT_US = 500 };

void snapshot_find_drop(struct snapshot_find *w)
{
    free(w->entry);
    free(w->name);
    w->entry = NULL;
    w->name = NULL;
}

static bool is_wanted(const struct snapshot_find *w, const struct snapshot *s)
{
    return (!w->tag || snapshot_text_is(s->name, s->name_len, w->tag)) &&
           (!w->id || snapshot_text_is(s->id, s->id_len, w->id));
}

static const char *text_of(const struct snapshot_find *w)
{
    return w->tag ? w->tag : w->id;
}

/* Computes the snapshot's place in the mapping. The machine's state is after the disk, from the
 * next L1 entry on (QEMU's qcow2_vm_state_offset). QEMU computes that offset from the size that the
 * disk had at the snapshot. */
static int take_place(struct snapshot_find *w, const struct image_file *f, const struct header *h,
                      const struct snapshot *s, struct err *e)
{
    uint64_t mask = (UINT64_C(1) << (h->cluster_bits + header_l2_bits(h))) - 1;
    bool possible = s->disk_size <= INT64_MAX - mask;
    w->base = w->memory && possible ? (s->disk_size + mask) & ~mask : 0;
    w->size = w->memory ? s->vm_state_size : s->disk_size;
    if (!possible || w->size > INT64_MAX - w->base)
        return err_fail(e, EINVAL, "snapshot '%s' of '%s' has an impossible size", text_of(w),
                        f->path);
    if (w->memory && !w->size)
        return err_fail(e, ENOENT, "snapshot '%s' of '%s' has no memory saved with it", text_of(w),
                        f->path);
    return header_check_l1(h, f->path, s->l1_offset, s->l1_size, w->base + w->size, f->size, e);
}

static int take_entry(struct snapshot_find *w, const struct image_file *f, const struct header *h,
                      const struct snapshot *s, struct err *e)
{
    if (w->entry)
        return err_fail(e, EINVAL, "'%s' has more than one snapshot '%s': name it by its id",
                        f->path, text_of(w));
    int r = take_place(w, f, h, s, e);
    if (r < 0)
        return r;
    w->name = strndup(s->name, s->name_len);
    w->entry = malloc(s->len);
    if (!w->name || !w->entry)
        return err_nomem(e);
    memcpy(w->entry, s->bytes, s->len);
    w->entry_len = s->len;
    w->l1_offset = s->l1_offset;
    w->l1_size = s->l1_size;
    w->hash = snapshot_hash(s);
    return 0;
}

static int walk_table(struct snapshot_find *w, const struct image_file *f, const struct header *h,
                      struct err *e)
{
    struct snapshot_walk walk;
    struct snapshot s;
    snapshot_walk_begin(&walk, f, h->snapshots, h->snapshots_offset, h->size, 0);
    int r;
    while ((r = snapshot_walk_next(&walk, &s, e)) == 1) {
        r = is_wanted(w, &s) ? take_entry(w, f, h, &s, e) : 0;
        if (r < 0)
            break;
    }
    snapshot_walk_end(&walk);
    if (r == 0 && !w->entry)
        return err_fail(e, ENOENT, "'%s' has no snapshot %s '%s'", f->path,
                        w->tag ? "named" : "with the id", text_of(w));
    return r;
}

/* Replaces *h by the header as it is now. Returns 1 if the snapshot table or the file has changed.
 * */
static int reload(struct image_file *f, struct header *h, uint8_t **bytes, struct err *e)
{
    struct header now = {0};
    free(take(*bytes));
    int r = header_load(f, &now, bytes, e);
    if (r < 0)
        return r;
    bool same = header_same_mapping(&now, h), moved = file_refresh(f);
    moved |= now.snapshots != h->snapshots || now.snapshots_offset != h->snapshots_offset;
    header_drop(h);
    *h = now;
    return same ? moved : err_fail(e, ESTALE, "'%s' was changed while it was opened", f->path);
}

/* The file's size is read after the header, because the header refers only to bytes that the file
 * has by then. A fault in the table counts only if the table is still the same. */
int snapshot_find(struct snapshot_find *w, struct image_file *f, struct header *h, uint8_t **bytes,
                  struct err *e)
{
    struct timespec wait = {.tv_nsec = FIND_WAIT_US * 1000L};
    (void)file_refresh(f);
    for (int try = 1;; try++) {
        int r = walk_table(w, f, h, e);
        if (r == 0 || r == -ENOMEM || try == FIND_TRIES)
            return r;
        nanosleep(&wait, NULL);
        wait.tv_nsec *= 2;
        struct err why = {0};
        int again = reload(f, h, bytes, &why);
        if (again < 0)
            return err_fail(e, why.no, "%s", why.text);
        if (!again)
            return r;
        snapshot_find_drop(w);
    }
}
