/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run.c - see run.h. No locks. */
#include "image/run.h"

#include <errno.h>

#include "base/budget.h"
#include "image/decompress.h"
#include "image/export.h"
#include "image/qcow2.h"

/* Cuts a run of data at the file's next hole, or turns it into zeros up to the next data. The
 * host's answer counts only while the file is unchanged; for a snapshot, image_map checks that. */
static int find_hole(const struct layer *l, struct run *ret, struct err *e)
{
    uint64_t offset = ret->host;
    off_t data = lseek(l->data->fd, (off_t)offset, SEEK_DATA);
    bool none = data < 0 && errno == ENXIO && offset < l->data->size;
    bool hole = none || (data >= 0 && (uint64_t)data > offset);
    off_t end = hole ? data : lseek(l->data->fd, (off_t)offset, SEEK_HOLE);
    int r = l->live ? 0 : file_unchanged(l->data, e);
    if (r < 0)
        return r;
    ret->hole = hole && l->kind == LAYER_QCOW2;
    if (hole)
        ret->kind = RUN_ZERO;
    if (none)
        ret->length = min_u64(ret->length, l->data->size - offset);
    if (end > 0 && (uint64_t)end > offset)
        ret->length = min_u64(ret->length, (uint64_t)end - offset);
    return 0;
}

/* Tells whether bytes of the layer may be in holes of its file. If a qcow2 has preallocated
 * clusters, they are in holes until they are written. snapfs looks for holes only in such files, by
 * QEMU's own measure, and not in data files. If QEMU reads the layer, QEMU tells its holes. */
bool layer_has_holes(const struct layer *l)
{
    if (l->kind != LAYER_QCOW2 || l->export)
        return true;
    unsigned bits = l->rules.cluster_bits;
    uint64_t given = ((l->file->size - 1) >> bits) + 1, stored = l->file->storage >> bits;
    return l->data == l->file &&
           given >= max_u64(stored + 2, stored / 9 * 10 + stored % 9 * 10 / 9);
}

/* Returns a run of a raw file. Its tail, up to the next sector, is zeros. */
static int raw_run(struct layer *l, uint64_t offset, uint64_t limit, bool holes, struct run *ret,
                   struct err *e)
{
    *ret = (struct run){.kind = RUN_ZERO, .has_host = true, .host = offset, .length = limit};
    if (offset >= l->file->size)
        return 0;
    ret->kind = RUN_DATA;
    ret->length = min_u64(limit, l->file->size - offset);
    return holes ? find_hole(l, ret, e) : 0;
}

/* Returns a run of a layer that QEMU reads. It asks QEMU only if the answer matters, because bytes
 * that are not there read as zeros. Only the chain knows whether a qcow2 has a backing file. */
static int foreign_run(struct layer *l, uint64_t offset, uint64_t limit, bool holes,
                       struct run *ret, struct err *e)
{
    *ret = (struct run){.kind = RUN_DATA, .length = limit, .host = offset};
    return holes || l->kind == LAYER_QCOW2 ? export_run(l->export, offset, limit, ret, e) : 0;
}

int layer_run(struct layer *l, uint64_t offset, uint64_t limit, bool holes, struct run *ret,
              struct err *e)
{
    limit = min_u64(limit, l->size - offset);
    if (l->export)
        return foreign_run(l, offset, limit, holes, ret, e);
    if (l->kind == LAYER_RAW)
        return raw_run(l, offset, limit, holes, ret, e);
    int r = qcow2_run(l, l->base + offset, limit, ret, e);
    ret->start -= l->base;
    if (r == 0 && l->memory && ret->kind == RUN_UNALLOCATED)
        return layer_damaged(l, offset, "a part that was never written", e);
    bool ask = r == 0 && holes && ret->kind == RUN_DATA && layer_has_holes(l);
    return ask ? find_hole(l, ret, e) : r;
}

static int read_cluster(struct layer *l, const struct run *run, struct block **ret, struct err *e)
{
    size_t len = (size_t)1 << l->rules.cluster_bits;
    autodestroy(block_unref) struct block *b = block_new(l->owner, run->start, len);
    autofree uint8_t *packed = malloc(run->packed);
    if (!b || !packed)
        return err_nomem(e);
    ssize_t n = file_read_some(l->file, packed, run->packed, run->host, e);
    if (n < 0)
        return (int)n;
    int r = decompress_cluster(l->compression, packed, (size_t)n, b->data, b->len);
    if (r == -ENOMEM)
        return err_nomem(e);
    if (r < 0)
        return layer_damaged(l, run->start, "a compressed cluster that cannot be decompressed", e);
    *ret = take(b);
    return 0;
}

int layer_cluster(struct layer *l, const struct run *run, struct block **ret, struct err *e)
{
    size_t len = (size_t)1 << l->rules.cluster_bits;
    struct block *hit = cache_get(CACHE_CLUSTERS, l->owner, run->start, len);
    if (hit) {
        *ret = hit;
        return 0;
    }
    uint64_t work = len + run->packed + decompress_takes(l->compression);
    budget_begin(work);
    int r = read_cluster(l, run, ret, e);
    budget_end(work);
    if (r == 0)
        cache_put(CACHE_CLUSTERS, *ret);
    return r;
}
