/* merged.c - the map of a whole chain, for reading: what chain_run says of a page of the disk.
 *
 * So the depth of a chain costs only where a page is made: layer by layer from the top, each asked
 * for what those above leave open. Pages live in the cache under the image's own owner number and
 * never change; like the pages of its tables they are right as long as chain_check says so. No
 * locks of its own.
 */
#include <errno.h>

#include "image/chain.h"

enum {
    UNITS_BITS = 8, /* a page has 256 of the smallest clusters (or subclusters) of the chain. */
    /* In each one layer answers, up to where it or one above it ends, and behind that are zeros. */
    PIECES_MAX = (2 << UNITS_BITS) + 1,
    WHOLE_BITS = 63, /* files without clusters: one page has it all */
};

/* A run of the chain, up to the next piece or to the end of the page. */
struct piece {
    uint64_t begin, host; /* in the disk; as in struct run */
    uint32_t packed;
    uint16_t depth;
    uint8_t kind;
    bool ask; /* chain_run: it is damaged, or what is there was too much for the page */
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

static bool piece_continues(const struct piece *last, const struct piece *next)
{
    if (last->ask || next->ask || last->kind != next->kind || last->kind == RUN_COMPRESSED)
        return false;
    return last->kind != RUN_DATA ||
           (last->depth == next->depth && last->host + (next->begin - last->begin) == next->host);
}

/* With no room left but for one, that one stands for all the rest. */
static void add_piece(struct pieces *p, struct piece next)
{
    if (p->n && piece_continues(&p->all[p->n - 1], &next))
        return;
    if (p->n == PIECES_MAX)
        return;
    next.ask |= p->n == PIECES_MAX - 1;
    p->all[p->n++] = next;
}

/* One layer's runs, asked for in order. */
struct runs {
    struct layer *layer;
    unsigned depth;
    uint64_t at, end; /* of the run that is known, */
    uint64_t limit;   /* of all */
    struct run run;
    bool damaged;
};

static int run_at(struct runs *r, uint64_t pos, struct piece *ret, struct err *e)
{
    if (pos >= r->end) {
        r->run = (struct run){.length = r->limit - pos};
        int s = layer_run(r->layer, pos, r->limit - pos, false, &r->run, e);
        if (s < 0 && s != -EIO)
            return s;
        r->damaged = s < 0;
        r->at = pos;
        r->end = pos + r->run.length;
    }
    *ret = (struct piece){.begin = pos,
                          .host = r->run.host + (pos - r->at),
                          .packed = r->run.packed,
                          .depth = (uint16_t)r->depth,
                          .kind = (uint8_t)r->run.kind,
                          .ask = r->damaged};
    if (r->run.kind == RUN_COMPRESSED)
        ret->host = r->run.host;
    return 0;
}

/* What nobody above said anything of, from `pos` to `end`, by this layer. A disk that was smaller
 * then ends in zeros, whatever is below it. */
static int fill_gap(struct runs *r, uint64_t pos, uint64_t end, struct pieces *out, struct err *e)
{
    struct piece p;
    uint64_t known = min_u64(end, r->layer->size);
    for (; pos < known; pos = min_u64(r->end, known)) {
        int s = run_at(r, pos, &p, e);
        if (s < 0)
            return s;
        add_piece(out, p);
    }
    if (pos < end)
        add_piece(out, (struct piece){.begin = pos, .kind = RUN_ZERO});
    return 0;
}

/* `out` becomes `in` with its gaps filled as far as the layer does. */
static int fill_gaps(struct runs *r, const struct pieces *in, uint64_t end, struct pieces *out,
                     struct err *e)
{
    int s = 0;
    out->n = 0;
    for (size_t i = 0; s == 0 && i < in->n; i++) {
        const struct piece *p = &in->all[i];
        if (p->kind == RUN_UNALLOCATED && !p->ask)
            s = fill_gap(r, p->begin, i + 1 < in->n ? p[1].begin : end, out, e);
        else
            add_piece(out, *p);
    }
    return s;
}

/* What is still a gap below the last layer reads as zeros. */
static int find_pieces(struct image *im, uint64_t begin, uint64_t end, struct pieces *ret,
                       struct err *e)
{
    struct pieces before;
    *ret = (struct pieces){.n = 1, .all = {{.begin = begin, .kind = RUN_UNALLOCATED}}};
    for (unsigned depth = 0; depth < im->n; depth++) {
        struct runs r = {.layer = im->layers[depth], .depth = depth, .limit = end};
        memcpy(before.all, ret->all, ret->n * sizeof(struct piece));
        before.n = ret->n;
        int s = fill_gaps(&r, &before, end, ret, e);
        if (s < 0)
            return s;
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
    c.run = (struct run){.kind = p->kind == RUN_UNALLOCATED ? RUN_ZERO : p->kind,
                         .length = end - offset,
                         .host = p->host};
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
