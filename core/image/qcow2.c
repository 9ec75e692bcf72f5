/* SPDX-License-Identifier: GPL-3.0-or-later */
/* qcow2.c - from an offset of the disk through L1 and L2 to a run of bytes; see qcow2.h.
 *
 * Tables are read a page at a time through the cache, because an L1 table can have 32 MiB and an L2
 * table 2 MiB. Most pages of a sparse disk are null. If a page ends with null entries, the whole
 * part of the table around it is looked at. The cache keeps only which pages of the part are null.
 * No locks of its own.
 */
#include "image/qcow2.h"

#include <errno.h>

enum {
    PAGE = 4096,
    PART = 16 * PAGE,
    L1_ENTRY = 8,
};

/* A table of `len` bytes in the file. */
struct table {
    uint64_t offset, len;
};

/* ---- pages ---- */

/* Checks that the data read is right: the file must not have been written before the check. A
 * snapshot in a live file is checked by image_read, after the data was read, because that check
 * covers its tables too. */
static int check_read(const struct layer *l, struct err *e)
{
    return l->live ? 0 : file_unchanged(l->file, e);
}

/* Returns `len` bytes at `offset` of the file, from the cache, or read and validated. */
static int page_at(struct layer *l, uint64_t offset, size_t len, struct block **ret, struct err *e)
{
    struct block *hit = cache_get(CACHE_TABLES, l->owner, offset, len);
    if (hit) {
        *ret = hit;
        return 0;
    }
    autodestroy(block_unref) struct block *b = block_new(l->owner, offset, len);
    if (!b)
        return err_nomem(e);
    int r = file_read(l->file, b->data, len, offset, e);
    int check = check_read(l, e);
    if (check < 0)
        return check;
    if (r < 0)
        return r;
    cache_put(CACHE_TABLES, b);
    *ret = take(b);
    return 0;
}

/* ---- pages that are null ---- */

/* Looks at the whole pages of a part, for whatever table they are. Returns a bit for each page that
 * is null. Returns 0 if the part cannot be read; a later read of the page itself will report the
 * reason. */
static uint16_t look_for_null(const struct layer *l, uint64_t offset, size_t len)
{
    struct err ignored;
    uint8_t bytes[4 * PAGE];
    unsigned null = 0;
    for (size_t at = 0; at + PAGE <= len; at += PAGE) {
        size_t in = at % sizeof(bytes);
        if (!in && file_read(l->file, bytes, (size_t)min_u64(sizeof(bytes), len - at), offset + at,
                             &ignored) < 0)
            return 0;
        if (mem_is_zero(bytes + in, PAGE))
            null |= 1U << at / PAGE;
    }
    return check_read(l, &ignored) < 0 ? 0 : (uint16_t)null;
}

/* Returns the same from the cache; with `look`, it reads the part if it is not cached. A table's
 * page is never this short, so that overlapping damaged tables cannot confuse the two. */
static uint16_t null_pages(struct layer *l, uint64_t offset, size_t len, bool look)
{
    uint16_t null = 0;
    autodestroy(block_unref) struct block *b =
        cache_get(CACHE_TABLES, l->owner, offset, sizeof(null));
    if (b)
        memcpy(&null, b->data, sizeof(null));
    if (b || !look)
        return null;
    null = look_for_null(l, offset, len);
    b = block_new(l->owner, offset, sizeof(null));
    if (b) {
        memcpy(b->data, &null, sizeof(null));
        cache_put(CACHE_TABLES, b);
    }
    return null;
}

/* Returns how many bytes of the table are null from the page at `at` on. It counts only inside the
 * page's part, as far as known. A table of one page has no parts. */
static uint64_t null_bytes(struct layer *l, const struct table *t, uint64_t at, bool look)
{
    uint64_t part = at / PART * PART, len = min_u64(PART, t->len - part);
    if (at >= t->len || len <= PAGE)
        return 0;
    unsigned null = null_pages(l, t->offset + part, (size_t)len, look);
    uint64_t pages = (uint64_t)__builtin_ctz(~(null >> (at - part) / PAGE));
    return min_u64(pages * PAGE, part + len - at);
}

/* ---- L1 ---- */

/* Reads the L1 entry of `offset`. If it is null, *ret_span entries from there on are null. */
static int l1_entry(struct layer *l, uint64_t index, uint64_t *ret, uint64_t *ret_span,
                    struct err *e)
{
    const struct table t = {l->l1_offset, (uint64_t)l->l1_size * L1_ENTRY};
    uint64_t page = index * L1_ENTRY / PAGE * PAGE;
    size_t len = (size_t)min_u64(PAGE, t.len - page), at = (size_t)(index * L1_ENTRY - page);
    uint64_t null = null_bytes(l, &t, page, false);
    if (null) {
        *ret = 0;
        *ret_span = (null - at) / L1_ENTRY;
        return 0;
    }
    autodestroy(block_unref) struct block *b = NULL;
    int r = page_at(l, t.offset + page, len, &b, e);
    if (r < 0)
        return r;
    *ret = be64(b->data + at) & ENTRY_OFFSET;
    uint64_t span = 1;
    for (at += L1_ENTRY; !*ret && at < len && !(be64(b->data + at) & ENTRY_OFFSET); at += L1_ENTRY)
        span++;
    if (!*ret && at == len)
        span += null_bytes(l, &t, page + len, true) / L1_ENTRY;
    *ret_span = span;
    return 0;
}

/* ---- L2 ---- */

static const char *decode_at(const struct layer *l, const uint8_t *entry, uint64_t offset,
                             struct run *ret)
{
    uint64_t bitmap = l->rules.extended ? be64(entry + 8) : 0;
    return cluster_decode(&l->rules, be64(entry), bitmap, offset, ret);
}

/* Counts the null entries of a page from byte `at` on. In a sparse disk most are null. */
static uint64_t null_entries(const struct block *page, size_t at, size_t entry)
{
    uint64_t word = 0;
    size_t from = at;
    for (; at < page->len; at += sizeof(word)) {
        memcpy(&word, page->data + at, sizeof(word));
        if (word)
            break;
    }
    return (at - from) / entry;
}

/* Returns the run at `offset` in a page of L2 entries. The page begins with the cluster that has
 * disk byte `first`. */
static const char *run_in_page(const struct layer *l, const struct block *page, uint64_t first,
                               uint64_t offset, uint64_t limit, struct run *ret)
{
    size_t entry = l->rules.extended ? 16 : 8;
    uint64_t end = min_u64(offset + limit, first + (page->len / entry << l->rules.cluster_bits));
    uint64_t pos = offset;
    struct run run = {0}, next;
    while (pos < end) {
        size_t at = (size_t)((pos - first) >> l->rules.cluster_bits) * entry;
        const char *fault = decode_at(l, page->data + at, pos, &next);
        if (pos == offset && fault) {
            *ret = (struct run){.length = min_u64(next.length, end - pos)};
            return fault;
        }
        if (pos > offset && (fault || !run_continues(&run, &next)))
            break;
        if (pos == offset)
            run = next;
        else
            run.length += next.length;
        pos += next.length;
        if (run.kind == RUN_UNALLOCATED && pos < end) {
            at = (size_t)((pos - first) >> l->rules.cluster_bits) * entry;
            uint64_t more = null_entries(page, at, entry) << l->rules.cluster_bits;
            more = pos & ((UINT64_C(1) << l->rules.cluster_bits) - 1) ? 0 : more;
            run.length += more;
            pos += more;
        }
    }
    run.length = min_u64(run.length, end - offset);
    *ret = run;
    return NULL;
}

static int l2_run(struct layer *l, uint64_t table, uint64_t offset, uint64_t limit, struct run *ret,
                  struct err *e)
{
    unsigned bits = l->rules.cluster_bits;
    const struct table t = {table, UINT64_C(1) << bits};
    size_t page_len = (size_t)min_u64(PAGE, t.len);
    uint64_t page_span = page_len / (l->rules.extended ? 16 : 8) << bits;
    uint64_t in_table = offset & ((UINT64_C(1) << (bits + l->l2_bits)) - 1);
    uint64_t first = offset - in_table % page_span, at = in_table / page_span * page_len;
    uint64_t null = null_bytes(l, &t, at, false) / page_len * page_span;
    *ret = (struct run){.length = min_u64(limit, first + max_u64(null, page_span) - offset)};
    if (null)
        return 0;
    autodestroy(block_unref) struct block *page = NULL;
    int r = page_at(l, table + at, page_len, &page, e);
    if (r < 0)
        return r;
    const char *fault = run_in_page(l, page, first, offset, limit, ret);
    if (fault)
        return layer_damaged(l, offset - l->base, fault, e);
    if (ret->kind == RUN_UNALLOCATED && offset + ret->length == first + page_span) {
        null = null_bytes(l, &t, at + page_len, true) / page_len * page_span;
        ret->length = min_u64(limit, ret->length + null);
    }
    return 0;
}

int qcow2_run(struct layer *l, uint64_t offset, uint64_t limit, struct run *ret, struct err *e)
{
    unsigned shift = l->rules.cluster_bits + l->l2_bits;
    uint64_t index = offset >> shift, table = 0, span = 1;
    uint64_t rest = (UINT64_C(1) << shift) - (offset & ((UINT64_C(1) << shift) - 1));
    *ret = (struct run){.length = min_u64(limit, rest)};
    if (index >= l->l1_size)
        return layer_damaged(l, offset - l->base, "past its L1 table", e);
    int r = l1_entry(l, index, &table, &span, e);
    if (r < 0)
        return r;
    if (!table) {
        ret->length = min_u64(limit, rest + ((span - 1) << shift));
        return 0;
    }
    if (table & ((UINT64_C(1) << l->rules.cluster_bits) - 1))
        return layer_damaged(l, offset - l->base, "an L2 table that is not aligned", e);
    return l2_run(l, table, offset, limit, ret, e);
}
