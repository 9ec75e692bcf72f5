/* SPDX-License-Identifier: GPL-3.0-or-later */
/* merged.c - the map of a whole chain: the results of chain_run for a page of the disk, kept.
 *
 * Reads, seeks, image_map and the counts use these pages. So the depth of a chain costs only when a
 * page is made. The page is made layer by layer from the top, and each layer is asked only for the
 * gaps that the layers above leave.
 *
 * A page that is one single piece reaches as far as that piece does. Where nothing is allocated,
 * the layers' L1 tables tell that length, so nothing loops over a disk's size. Pages are in the
 * cache under the image's own owner number and never change. Like the pages of a layer's tables,
 * they are right as long as chain_check succeeds. No locks of its own.
 */
#include "image/merged.h"

#include <errno.h>

#include "image/run.h"

enum {
    UNITS_BITS = 8, /* a page has 256 of the chain's smallest clusters or subclusters */
    /* One layer defines each unit up to the unit's end, or up to the end of this layer or one above
     * it; after that end there is nothing. If more layers end inside a page, the rest is asked for
     * each time. */
    PIECES_MAX = (2 << UNITS_BITS) + 1,
    WHOLE_BITS = 63, /* files without clusters: one page has it all */
};

/* A run of the chain, up to the next piece or to the end of the page. */
struct piece {
    uint64_t begin, host; /* `begin` in the disk; `host` as in struct run */
    uint32_t packed;
    uint8_t depth, kind; /* as in struct chain_run; RUN_UNALLOCATED: a gap, while a page is made */
    bool has_host, present;
    bool ask; /* call chain_run: damaged, or more pieces than the page can have */
};

_Static_assert(IMAGE_CHAIN_MAX <= UINT8_MAX + 1, "the depth of a piece has a byte");

struct page {
    uint64_t end; /* of the last piece */
    struct piece all[];
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
    bool host = last->has_host || last->kind == RUN_DATA;
    return last->depth == next->depth && last->present == next->present &&
           last->has_host == next->has_host &&
           (!host || last->host + (next->begin - last->begin) == next->host);
}

/* Adds a piece. If only one more piece fits, the last piece covers all the rest, and a read of it
 * must ask the layers. */
static void add_piece(struct pieces *p, struct piece next)
{
    if (p->n && piece_continues(&p->all[p->n - 1], &next))
        return;
    if (p->n == PIECES_MAX)
        return;
    next.ask |= p->n == PIECES_MAX - 1;
    p->all[p->n++] = next;
}

/* The runs of one layer, asked for in order. */
struct runs {
    struct layer *layer;
    unsigned depth;
    uint64_t at, end; /* of the known run */
    uint64_t limit;   /* of all runs */
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
    bool present = r->run.kind != RUN_UNALLOCATED, packed = r->run.kind == RUN_COMPRESSED;
    *ret = (struct piece){.begin = pos,
                          .host = r->run.host + (packed ? 0 : pos - r->at),
                          .packed = r->run.packed,
                          .depth = (uint8_t)r->depth,
                          .kind = (uint8_t)r->run.kind,
                          .has_host = present && r->run.has_host,
                          .present = present,
                          .ask = r->damaged};
    return 0;
}

/* Fills a gap, from `pos` to `end`, from this layer. If this layer's disk is smaller, the bytes
 * after its end are zeros, even if there are layers below. For these bytes, the layer above counts
 * as the last one that was asked. */
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
        add_piece(out,
                  (struct piece){.begin = pos, .depth = (uint8_t)(r->depth - 1), .kind = RUN_ZERO});
    return 0;
}

static bool is_open(const struct piece *p)
{
    return p->kind == RUN_UNALLOCATED && !p->ask;
}

/* Copies `in` to `out`, and fills the gaps as far as the layer can. *ret_open tells whether some
 * gaps are left. */
static int fill_gaps(struct runs *r, const struct pieces *in, uint64_t end, struct pieces *out,
                     bool *ret_open, struct err *e)
{
    int s = 0;
    out->n = 0;
    for (size_t i = 0; s == 0 && i < in->n; i++) {
        const struct piece *p = &in->all[i];
        if (is_open(p))
            s = fill_gap(r, p->begin, i + 1 < in->n ? p[1].begin : end, out, e);
        else
            add_piece(out, *p);
    }
    *ret_open = false;
    for (size_t i = 0; !*ret_open && i < out->n; i++)
        *ret_open = is_open(&out->all[i]);
    return s;
}

/* Asks layer by layer, as long as there are gaps. If there is only one piece, *end becomes its end.
 *
 * QEMU may commit into a layer meanwhile and move its tables, so that the layer seems to lack data.
 * So all layers that were asked are checked, even if no byte comes from them. */
static int find_pieces(struct image *im, uint64_t begin, uint64_t *end, struct pieces *ret,
                       unsigned *ret_asked, struct err *e)
{
    struct pieces before;
    uint64_t reach = chain_size(im);
    unsigned depth = 0;
    bool open = true;
    ret->n = 1;
    ret->all[0] = (struct piece){.begin = begin, .kind = RUN_UNALLOCATED};
    for (; open && depth < im->n; depth++) {
        struct runs r = {
            .layer = im->layers[depth], .depth = depth, .limit = ret->n == 1 ? reach : *end};
        memcpy(before.all, ret->all, ret->n * sizeof(struct piece));
        before.n = ret->n;
        int s = fill_gaps(&r, &before, *end, ret, &open, e);
        if (s < 0)
            return s;
        if (r.end)
            reach = r.end;
        ++*ret_asked;
    }
    if (ret->n == 1 && !ret->all[0].ask)
        *end = max_u64(*end, reach);
    return chain_check_first(im, depth, e);
}

/* Returns the page from `begin` on, with a reference. */
static int page_at(struct image *im, uint64_t begin, struct block **ret, unsigned *ret_asked,
                   struct err *e)
{
    *ret = cache_get(CACHE_TABLES, im->owner, begin, CACHE_ANY_LENGTH);
    if (*ret)
        return 0;
    uint64_t end = begin + min_u64(chain_size(im) - begin, UINT64_C(1) << im->page_bits);
    struct pieces p;
    int r = find_pieces(im, begin, &end, &p, ret_asked, e);
    if (r < 0)
        return r;
    size_t size = p.n * sizeof(struct piece);
    struct block *b = block_new(im->owner, begin, sizeof(struct page) + size);
    if (!b)
        return err_nomem(e);
    struct page *page = (void *)b->data;
    page->end = end;
    memcpy(page->all, p.all, size);
    cache_put(CACHE_TABLES, b);
    *ret = b;
    return 0;
}

/* Returns the last piece that begins at or before `offset`. The first piece always does. */
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
    struct chain_run c = {.depth = p->depth, .present = p->present};
    c.run = (struct run){.kind = p->kind == RUN_UNALLOCATED ? RUN_ZERO : p->kind,
                         .has_host = p->has_host,
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

/* Returns the piece at `offset`, up to *ret_end. *ret_ask: the caller must ask chain_run instead.
 * */
static int find_piece(struct image *im, uint64_t offset, struct chain_run *ret, uint64_t *ret_end,
                      bool *ret_ask, unsigned *ret_asked, struct err *e)
{
    autodestroy(block_unref) struct block *b = NULL;
    int r = page_at(im, offset >> im->page_bits << im->page_bits, &b, ret_asked, e);
    if (r < 0)
        return r;
    const struct page *page = (const void *)b->data;
    size_t n = (b->len - sizeof(*page)) / sizeof(*page->all), at = piece_of(page->all, n, offset);
    *ret_end = at + 1 < n ? page->all[at + 1].begin : page->end;
    *ret_ask = page->all[at].ask;
    *ret = run_of(im, &page->all[at], offset, *ret_end);
    return 0;
}

int merged_run(struct image *im, uint64_t offset, uint64_t limit, struct chain_run *ret,
               struct err *e)
{
    uint64_t end;
    bool ask;
    unsigned asked = 0;
    int r = find_piece(im, offset, ret, &end, &ask, &asked, e);
    if (r < 0)
        return r;
    ret->run.length = min_u64(limit, end - offset);
    if (!ask)
        return 0;
    r = chain_run(im, offset, ret->run.length, false, ret, e);
    return r < 0 ? r : chain_check_first(im, ret->depth + 1, e);
}

/* Tells whether the layer's file may have holes in this run. A page does not record such holes. */
static bool may_have_holes(const struct image *im, const struct chain_run *c)
{
    return c->run.kind == RUN_DATA && layer_has_holes(im->layers[c->depth]);
}

/* Adds the holes of the layer's file. Data that this layer does not have is in no layer below
 * either. */
static int find_holes(struct image *im, uint64_t offset, struct chain_run *c, struct err *e)
{
    int r = layer_run(im->layers[c->depth], offset, c->run.length, true, &c->run, e);
    c->present = c->run.kind != RUN_UNALLOCATED;
    if (c->present)
        return r;
    c->run.kind = RUN_ZERO;
    c->run.has_host = false;
    return r;
}

int merged_map(struct image *im, uint64_t offset, uint64_t limit, struct chain_run *ret,
               unsigned *ret_asked, struct err *e)
{
    uint64_t end;
    bool ask;
    *ret = (struct chain_run){.run.length = limit};
    ++*ret_asked;
    int r = find_piece(im, offset, ret, &end, &ask, ret_asked, e);
    if (r < 0)
        return r;
    ret->run.length = min_u64(limit, end - offset);
    if (ask) {
        *ret_asked += im->n;
        r = chain_run(im, offset, ret->run.length, true, ret, e);
        return r < 0 ? r : chain_check_first(im, ret->depth + 1, e);
    }
    return may_have_holes(im, ret) ? find_holes(im, offset, ret, e) : 0;
}
