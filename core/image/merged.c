/* merged.c - the map of a whole chain, for reading: what chain_run says of a page of the disk.
 *
 * So the depth of a chain costs only where a page is made. Pages live in the cache under the
 * image's own owner number and never change; like the pages of its tables they are right as long as
 * chain_check says so. No locks of its own.
 */
#include <errno.h>

#include "image/chain.h"

enum {
    UNITS_BITS = 8, /* a page has 256 of the smallest clusters (or subclusters) of the chain, */
    PIECES_MAX = (1 << UNITS_BITS) + 2 * IMAGE_CHAIN_MAX, /* in which layers and files may end */
    WHOLE_BITS = 63, /* files without clusters: one page has it all */
};

/* A run of the chain, up to the next piece or to the end of the page. */
struct piece {
    uint64_t begin, host; /* in the disk; as in struct run */
    uint32_t packed;
    uint16_t depth;
    uint8_t kind;
    bool ask; /* it is damaged, and chain_run says how */
};

struct pieces {
    size_t n;
    struct piece all[PIECES_MAX];
};

void merged_init(struct image *im)
{
    im->owner = cache_owner();
    im->page_bits = WHOLE_BITS;
    for (unsigned i = 0; i < im->n; i++) {
        const struct layer *l = im->layers[i];
        unsigned bits =
            l->kind == LAYER_QCOW2 ? cluster_unit_bits(&l->rules) + UNITS_BITS : WHOLE_BITS;
        im->page_bits = bits < im->page_bits ? bits : im->page_bits;
    }
}

/* Does the piece from `begin` on carry on the last one? */
static bool piece_continues(const struct piece *last, const struct piece *next)
{
    if (last->ask || next->ask || last->kind != next->kind || last->kind == RUN_COMPRESSED)
        return false;
    return last->kind == RUN_ZERO ||
           (last->depth == next->depth && last->host + (next->begin - last->begin) == next->host);
}

static void add_piece(struct pieces *p, const struct piece *next)
{
    if (p->n == 0 || !piece_continues(&p->all[p->n - 1], next))
        p->all[p->n++] = *next;
}

static int find_pieces(struct image *im, uint64_t begin, uint64_t end, struct pieces *ret,
                       struct err *e)
{
    ret->n = 0;
    for (uint64_t pos = begin, step; pos < end; pos += step) {
        bool full = ret->n == PIECES_MAX - 1;
        struct chain_run c = {.run.length = end - pos};
        int r = full ? -EIO : chain_run(im, pos, end - pos, false, &c, e);
        if (r < 0 && r != -EIO)
            return r;
        step = c.run.length;
        add_piece(ret, &(struct piece){.begin = pos,
                                       .host = c.run.host,
                                       .packed = c.run.packed,
                                       .depth = (uint16_t)c.depth,
                                       .kind = (uint8_t)c.run.kind,
                                       .ask = r < 0});
    }
    return 0;
}

/* The page from `begin` on, referenced. */
static int page_at(struct image *im, uint64_t begin, uint64_t end, struct block **ret,
                   struct err *e)
{
    *ret = cache_get(CACHE_TABLES, im->owner, begin, CACHE_ANY_LENGTH);
    if (*ret)
        return 0;
    struct pieces p;
    int r = find_pieces(im, begin, end, &p, e);
    if (r < 0)
        return r;
    struct block *b = block_new(im->owner, begin, p.n * sizeof(struct piece));
    if (!b)
        return err_nomem(e);
    memcpy(b->data, p.all, b->len);
    cache_put(CACHE_TABLES, b);
    *ret = b;
    return 0;
}

/* The last of the pieces that begins at `offset` or before it; the first one does. */
static size_t piece_of(const struct piece *all, size_t n, uint64_t offset)
{
    size_t low = 0, high = n;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (all[middle].begin <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static struct chain_run run_of(const struct image *im, const struct piece *p, uint64_t offset,
                               uint64_t end)
{
    struct chain_run c = {.depth = p->depth, .present = true};
    c.run = (struct run){.kind = p->kind, .length = end - offset, .host = p->host};
    if (c.run.kind == RUN_COMPRESSED) {
        unsigned bits = im->layers[p->depth]->rules.cluster_bits;
        c.run.start = offset >> bits << bits;
        c.run.packed = p->packed;
    } else {
        c.run.host += offset - p->begin;
    }
    return c;
}

int merged_run(struct image *im, uint64_t offset, uint64_t limit, struct chain_run *ret,
               struct err *e)
{
    uint64_t begin = offset >> im->page_bits << im->page_bits;
    uint64_t end = begin + min_u64(image_size(im) - begin, UINT64_C(1) << im->page_bits);
    autodestroy(block_unref) struct block *b = NULL;
    int r = page_at(im, begin, end, &b, e);
    if (r < 0)
        return r;
    const struct piece *all = (const void *)b->data;
    size_t n = b->len / sizeof(*all), at = piece_of(all, n, offset);
    if (at + 1 < n)
        end = all[at + 1].begin;
    end = min_u64(end, offset + limit);
    if (all[at].ask)
        return chain_run(im, offset, end - offset, false, ret, e);
    *ret = run_of(im, &all[at], offset, end);
    return 0;
}
