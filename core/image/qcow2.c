/* qcow2.c - from an offset of the disk through L1 and L2 to a run of bytes; see layer.h.
 *
 * Tables are read a page at a time through the cache, because an L1 table can have 32 MiB and an L2
 * table 2 MiB; who goes through one page after page gets more of them with one read. No locks of
 * its own.
 */
#include <errno.h>

#include "base/budget.h"
#include "image/layer.h"

enum {
    PAGE = 4096,
    L1_ENTRY = 8,
    AHEAD = 16 * PAGE,
    AHEAD_PART = 4096, /* of the budget at most: what is read for 256 layers has to stay a while */
};

/* Puts what there is of the next pages of a table into the cache, as far as it can be read: who
 * wants one of them will be told what is wrong with it. */
static void read_ahead(struct layer *l, uint64_t offset, size_t len)
{
    struct err ignored;
    autofree uint8_t *bytes = malloc(len);
    ssize_t n = bytes ? file_read_some(l->file, bytes, len, offset, &ignored) : -1;
    if (n < 0 || (!l->live && file_unchanged(l->file, &ignored) < 0))
        return;
    for (size_t at = 0, part; at < len; at += part) {
        part = (size_t)min_u64(PAGE, len - at);
        autodestroy(block_unref) struct block *b =
            at + part <= (size_t)n ? block_new(l->owner, offset + at, part) : NULL;
        if (!b)
            return;
        memcpy(b->data, bytes + at, part);
        cache_put(CACHE_TABLES, b);
    }
}

/* How many bytes to read of a page that is not cached, of `len` bytes, and of those that follow. */
static size_t ahead_of(size_t len, uint64_t more)
{
    return (size_t)min_u64(len + more, min_u64(AHEAD, budget_limit() / AHEAD_PART / PAGE * PAGE));
}

static bool is_cached(const struct layer *l, uint64_t offset, size_t len)
{
    autodestroy(block_unref) struct block *b = cache_get(CACHE_TABLES, l->owner, offset, len);
    return b;
}

/* What was read is right only if the file had not been written by then. A snapshot in a live file
 * is checked after the data was read, by image_read, because that covers its tables too. */
int layer_page(struct layer *l, uint64_t offset, size_t len, uint64_t more, struct block **ret,
               struct err *e)
{
    struct block *hit = cache_get(CACHE_TABLES, l->owner, offset, len);
    size_t ahead = ahead_of(len, more);
    if (!hit && ahead > len && offset >= PAGE && is_cached(l, offset - PAGE, PAGE)) {
        read_ahead(l, offset, ahead);
        hit = cache_get(CACHE_TABLES, l->owner, offset, len);
    }
    if (hit) {
        *ret = hit;
        return 0;
    }
    autodestroy(block_unref) struct block *b = block_new(l->owner, offset, len);
    if (!b)
        return err_nomem(e);
    int r = file_read(l->file, b->data, len, offset, e);
    int check = l->live ? 0 : file_unchanged(l->file, e);
    if (check < 0)
        return check;
    if (r < 0)
        return r;
    cache_put(CACHE_TABLES, b);
    *ret = take(b);
    return 0;
}

/* The L1 entry of `offset`; where it is null, *ret_span entries from there on in its page are. */
static int l1_entry(struct layer *l, uint64_t index, uint64_t *ret, uint64_t *ret_span,
                    struct err *e)
{
    uint64_t page = index * L1_ENTRY / PAGE * PAGE, bytes = (uint64_t)l->l1_size * L1_ENTRY;
    size_t len = (size_t)min_u64(PAGE, bytes - page), at = (size_t)(index * L1_ENTRY - page);
    autodestroy(block_unref) struct block *b = NULL;
    int r = layer_page(l, l->l1_offset + page, len, bytes - page - len, &b, e);
    if (r < 0)
        return r;
    *ret = be64(b->data + at) & ENTRY_OFFSET;
    uint64_t span = 1;
    for (at += L1_ENTRY; !*ret && at < len && !(be64(b->data + at) & ENTRY_OFFSET); at += L1_ENTRY)
        span++;
    *ret_span = span;
    return 0;
}

static const char *decode_at(const struct layer *l, const uint8_t *entry, uint64_t offset,
                             struct run *ret)
{
    uint64_t bitmap = l->rules.extended ? be64(entry + 8) : 0;
    return cluster_decode(&l->rules, be64(entry), bitmap, offset, ret);
}

/* How many entries of a page from byte `at` on are all null: most are, in a sparse disk. */
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

/* The run at `offset` in a page of L2 entries that begins with the cluster of disk byte `first`. */
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
    size_t page_len = (size_t)min_u64(PAGE, UINT64_C(1) << bits);
    uint64_t page_span = page_len / (l->rules.extended ? 16 : 8) << bits;
    uint64_t in_table = offset & ((UINT64_C(1) << (bits + l->l2_bits)) - 1);
    uint64_t first = offset - in_table % page_span;
    autodestroy(block_unref) struct block *page = NULL;
    uint64_t at = in_table / page_span * page_len;
    *ret = (struct run){.length = min_u64(limit, first + page_span - offset)};
    int r = layer_page(l, table + at, page_len, (UINT64_C(1) << bits) - at - page_len, &page, e);
    if (r < 0)
        return r;
    const char *fault = run_in_page(l, page, first, offset, limit, ret);
    return fault ? layer_damaged(l, offset - l->base, fault, e) : 0;
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
