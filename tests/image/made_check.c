/* SPDX-License-Identifier: GPL-3.0-or-later */
/* made_check.c - what a made-up chain must read as, sector by sector and layer by layer, and the
 * comparison of all answers of the reader with that; see made.h.
 *
 * Written from the format's description alone and in the plainest way; of the reader it only uses
 * decompress_cluster, which has tests of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/cluster.h"
#include "image/decompress.h"
#include "image/header.h"
#include "image/image.h"
#include "made.h"

enum {
    SECTORS = 1 + 255 * 3,
    PAGE = 4096,
    BIG = 1 << CLUSTER_BITS_MAX,
    READS = 6,
    WINDOWS = 2,
    STEPS = 64
};

struct sector {
    int map;     /* 0 or EIO, by the tables */
    size_t good; /* this many of its bytes can be read */
    enum run_kind kind;
    unsigned depth;
    bool has_host;
    uint64_t host;
    uint8_t bytes[MADE_SECTOR];
};

static struct sector want[SECTORS];
static uint64_t window; /* the disk's offset of want[0] */
static size_t sectors;  /* of it inside the disk */

static bool load(const struct made_layer *l, void *buf, size_t len, uint64_t offset)
{
    return offset <= INT64_MAX && made_read(l, buf, len, offset) == len;
}

/* A word of a table; the page that it is in has to be in the file. */
static bool load_word(const struct made_layer *l, uint64_t table, uint64_t length, uint64_t at,
                      uint64_t *ret)
{
    uint8_t word[8];
    uint64_t page = at / PAGE * PAGE, end = min_u64(page + PAGE, length);
    if (table + end > l->file_size || !load(l, word, 8, table + at))
        return false;
    *ret = be64(word);
    return true;
}

static void unpack(struct made_layer *l, uint64_t word, uint64_t guest, struct sector *s)
{
    static uint8_t in[BIG];
    unsigned split = 62 - (l->bits - 8);
    uint64_t host = word & ((UINT64_C(1) << split) - 1), cluster = UINT64_C(1) << l->bits;
    uint64_t count = (word >> split & ((UINT64_C(1) << (l->bits - 8)) - 1)) + 1;
    s->kind = RUN_COMPRESSED;
    if (l->plain_word != word) {
        size_t n = made_read(l, in, (size_t)(count * 512 - host % 512), host);
        l->plain_word = word;
        l->plain = l->plain ? l->plain : malloc(cluster);
        l->plain_good =
            l->plain && decompress_cluster(l->zstd ? 1 : 0, in, n, l->plain, cluster) == 0;
    }
    s->good = l->plain_good ? MADE_SECTOR : 0;
    if (s->good)
        memcpy(s->bytes, l->plain + guest % cluster, MADE_SECTOR);
}

static int standard(const struct made_layer *l, uint64_t word, uint64_t bitmap, uint64_t guest,
                    struct sector *s)
{
    uint64_t cluster = UINT64_C(1) << l->bits, host = word & UINT64_C(0x00fffffffffffe00);
    if (host % cluster)
        return EIO;
    s->has_host = host != 0;
    s->host = host ? host + guest % cluster : 0;
    bool data = host != 0, zero = word & 1;
    if (l->extended) {
        uint64_t sub = guest % cluster / (cluster / 32);
        if ((bitmap >> 32 & bitmap & 0xffffffff) || (!host && bitmap & 0xffffffff))
            return EIO;
        data = bitmap >> sub & 1;
        zero = bitmap >> (32 + sub) & 1;
    } else if (zero && l->v2) {
        return EIO;
    }
    s->kind = zero ? RUN_ZERO : data ? RUN_DATA : RUN_UNALLOCATED;
    if (s->kind == RUN_DATA)
        s->good = s->host <= INT64_MAX ? made_read(l, s->bytes, MADE_SECTOR, s->host) : 0;
    return 0;
}

static int mapped(struct made_layer *l, uint64_t guest, struct sector *s)
{
    uint64_t cluster = UINT64_C(1) << l->bits, entry = l->extended ? 16 : 8;
    uint64_t index = guest / cluster, per = cluster / entry, table, word, bitmap = 0;
    s->kind = RUN_UNALLOCATED;
    if (!load_word(l, l->l1_at, l->l1_size * UINT64_C(8), index / per * 8, &table))
        return EIO;
    table &= UINT64_C(0x00fffffffffffe00);
    if (!table)
        return 0;
    if (table % cluster || !load_word(l, table, cluster, index % per * entry, &word))
        return EIO;
    if (l->extended && !load_word(l, table, cluster, index % per * entry + 8, &bitmap))
        return EIO;
    if (!(word & ENTRY_COMPRESSED))
        return standard(l, word, bitmap, guest, s);
    unpack(l, word, guest, s);
    return 0;
}

static int raw(const struct made_layer *l, uint64_t guest, struct sector *s)
{
    s->kind = guest < l->file_size ? RUN_DATA : RUN_ZERO;
    s->has_host = true;
    s->host = guest;
    made_read(l, s->bytes, MADE_SECTOR, guest);
    return 0;
}

static void work_out(uint64_t guest, struct sector *s)
{
    *s = (struct sector){.kind = RUN_UNALLOCATED, .good = MADE_SECTOR};
    for (unsigned i = 0; i < made.n && s->kind == RUN_UNALLOCATED && !s->map; i++) {
        struct made_layer *l = made.layers[i];
        if (i && guest >= l->size)
            break;
        *s = (struct sector){.depth = i, .good = MADE_SECTOR};
        s->map = l->raw ? raw(l, guest, s) : mapped(l, guest, s);
    }
    if (s->map)
        s->good = 0;
    if (s->kind == RUN_UNALLOCATED)
        s->has_host = false;
    if (s->kind == RUN_UNALLOCATED || s->kind == RUN_ZERO)
        memset(s->bytes, 0, MADE_SECTOR);
}

/* ---- comparisons: they return NULL, or the error ---- */

static char complaint[1200];

static const char *differs(const char *what, uint64_t offset, const struct err *e)
{
    snprintf(complaint, sizeof(complaint), "%s at byte %ju: %s", what, (uintmax_t)offset, e->text);
    return complaint;
}

/* Compares the bytes of a successful read with a part of the expected ones. */
static bool right_bytes(const uint8_t *got, size_t len, uint64_t offset)
{
    for (size_t i = 0; i < len;) {
        uint64_t at = offset - window + i;
        size_t n = (size_t)min_u64(len - i, MADE_SECTOR - at % MADE_SECTOR);
        const struct sector *s = &want[at / MADE_SECTOR];
        if (at % MADE_SECTOR + n > s->good || memcmp(got + i, s->bytes + at % MADE_SECTOR, n) != 0)
            return false;
        i += n;
    }
    return true;
}

static bool may_be_read(uint64_t offset, size_t len)
{
    for (uint64_t at = offset - window, end = at + len, next; at < end; at = next) {
        next = min_u64(end, (at / MADE_SECTOR + 1) * MADE_SECTOR);
        if (next - at / MADE_SECTOR * MADE_SECTOR > want[at / MADE_SECTOR].good)
            return false;
    }
    return true;
}

/* `strict`: each read that can succeed must succeed; else it must only not be wrong. */
static const char *try_read(struct image *im, uint64_t offset, size_t len, bool strict)
{
    static uint8_t buf[SECTORS * MADE_SECTOR];
    struct err e = {0};
    memset(buf, 0xee, len);
    ssize_t n = image_read(im, buf, len, offset, &e);
    if (n >= 0 && ((size_t)n != len || !right_bytes(buf, len, offset)))
        return differs("a wrong read", offset, &e);
    if (n < 0 && n != -EIO && (strict || n != -ESTALE))
        return differs("an unexpected error", offset, &e);
    if (n < 0 && strict && may_be_read(offset, len))
        return differs("a read that failed", offset, &e);
    return NULL;
}

static const char *try_reads(struct image *im, struct made_bytes *b, bool strict)
{
    const char *wrong = try_read(im, window, sectors * MADE_SECTOR, strict);
    for (unsigned i = 0; !wrong && i < READS; i++) {
        uint64_t at = made_next(b, 3) % (sectors * MADE_SECTOR);
        uint64_t len = 1 + made_next(b, 2) % (sectors * MADE_SECTOR - at);
        wrong = try_read(im, window + at, (size_t)len, strict);
    }
    for (size_t i = 0; !wrong && i < sectors; i++)
        if (!want[i].good || (i && !want[i - 1].good))
            wrong = try_read(im, window + i * MADE_SECTOR, MADE_SECTOR, strict);
    return wrong;
}

static bool right_extent(const struct image_extent *x, const struct sector *s, uint64_t offset)
{
    bool data = s->kind == RUN_DATA || s->kind == RUN_COMPRESSED;
    return !s->map && x->data == data && x->compressed == (s->kind == RUN_COMPRESSED) &&
           x->depth == s->depth && x->present == (s->kind != RUN_UNALLOCATED) &&
           x->has_host == s->has_host &&
           (!s->has_host || x->host + (offset - x->offset) == s->host);
}

/* Checks some steps from `offset` on, which is in the window or before it. */
static const char *try_map(struct image *im, uint64_t offset)
{
    uint64_t end = window + sectors * MADE_SECTOR;
    for (size_t n = 0; offset < end && (offset >= window || n < STEPS); n++) {
        struct err e = {0};
        struct image_extent x = {0};
        int r = image_map(im, offset, UINT64_MAX, &x, &e);
        if (r == -EIO && offset < window)
            return NULL;
        if (r < 0 && r == -want[(offset - window) / MADE_SECTOR].map) {
            offset += MADE_SECTOR;
            continue;
        }
        if (r < 0 || !x.length || x.offset != offset)
            return differs("a map that failed", offset, &e);
        uint64_t at = max_u64(offset, window);
        offset += (x.length + MADE_SECTOR - 1) / MADE_SECTOR * MADE_SECTOR;
        for (; at < min_u64(offset, end); at += MADE_SECTOR)
            if (!right_extent(&x, &want[(at - window) / MADE_SECTOR], at))
                return differs("a wrong extent", at, &e);
    }
    return NULL;
}

static bool is_data(const struct sector *s)
{
    return s->map || s->kind == RUN_DATA || s->kind == RUN_COMPRESSED;
}

static const char *try_seek(struct image *im, size_t from, bool data)
{
    uint64_t begin = window + from * MADE_SECTOR, to = 0;
    struct err e = {0};
    int r = data ? image_seek_data(im, begin, &to, &e) : image_seek_hole(im, begin, &to, &e);
    if (r == -ENXIO && data)
        to = UINT64_MAX;
    else if (r < 0 || to < begin)
        return differs("a seek that failed", begin, &e);
    for (size_t i = from; i < sectors; i++) {
        uint64_t at = window + i * MADE_SECTOR;
        if (at < to && to - at >= MADE_SECTOR && is_data(&want[i]) == data)
            return differs("a seek too far", at, &e);
        if (at == to && is_data(&want[i]) != data)
            return differs("a seek not far enough", at, &e);
    }
    return NULL;
}

/* A snapshot that has gone does not come back; a changed file's earlier bytes stay right. */
static const char *try_changed(struct image *im)
{
    struct err e = {0};
    if (!made.layers[0]->snapshot)
        return try_read(im, window, sectors * MADE_SECTOR, false);
    if (image_read(im, &(char){0}, 1, window, &e) == -ESTALE)
        return NULL;
    return differs("not refused", window, &e);
}

static const char *try_all(struct image *im, struct made_bytes *b)
{
    unsigned how = (unsigned)made_next(b, 1);
    const char *wrong = NULL;
    struct made_bytes again = *b;
    made.fail_every = how & 1 ? 1 + 5 * (how >> 2 & 7) : 0;
    made.change_at = how & 2 ? made.calls + 1 + made_next(b, 1) % 32 : 0;
    if (made.fail_every || made.change_at)
        wrong = try_reads(im, b, false);
    made.fail_every = 0;
    if (made.layers[0]->changed)
        return wrong ? wrong : try_changed(im);
    made.change_at = 0;
    if (!wrong)
        wrong = try_reads(im, &again, true);
    if (!wrong)
        wrong = try_map(im, window);
    for (unsigned i = 0; !wrong && i < READS; i++)
        wrong = try_seek(im, made_next(b, 2) % sectors, i % 2);
    return wrong ? wrong
                 : try_map(im, made_next(b, 2) * (window / MADE_SECTOR) / 65536 * MADE_SECTOR);
}

/* This happens only with a file that was cut off. */
static const char *not_opened(const struct err *e)
{
    for (unsigned i = 0; i < made.n; i++)
        if (made.layers[i]->file_size < made.layers[i]->data_at)
            return e->no == EIO || e->no == EINVAL ? NULL : differs("not opened", 0, e);
    return differs("not opened", 0, e);
}

/* The sector, or a few before it, of an entry of one of the first tables or of one anywhere. */
static uint64_t near_entry(const struct made_layer *l, uint64_t which)
{
    uint64_t table = which >> 9 & 8 ? l->far : which >> 9 & 7,
             entry = made_entry(l, which % MADE_ENTRIES);
    uint64_t sector = (table * made_per_table(l) + entry) << l->bits >> 9;
    return sector - min_u64(sector, which >> 13 & 63);
}

/* Chooses a place: anywhere, around the end of a layer, or at an entry of one. */
static uint64_t choose_window(struct made_bytes *b)
{
    uint64_t layer = made_next(b, 1) % 16, at = made_next(b, 3), size = made.layers[0]->size;
    if (layer < made.n && made.layers[layer]->size <= size)
        at = made.layers[layer]->size / MADE_SECTOR -
             at % 64 % (made.layers[layer]->size / MADE_SECTOR);
    else if (layer >= made.n + 4)
        at = near_entry(made.layers[layer % made.n], at);
    return at % (size / MADE_SECTOR) * MADE_SECTOR;
}

static const char *try_window(struct image *im, struct made_bytes *b)
{
    const struct made_layer *top = made.layers[0];
    window = choose_window(b);
    sectors = (size_t)min_u64(1 + made_next(b, 1) * 3, (top->size - window) / MADE_SECTOR);
    for (size_t i = 0; i < sectors; i++)
        work_out(window + i * MADE_SECTOR, &want[i]);
    return try_all(im, b);
}

const char *made_try(const uint8_t *data, size_t len, unsigned layers)
{
    struct made_bytes b = {data, len};
    if (!made_build(&b, layers))
        return "out of memory";
    const struct made_layer *top = made.layers[0];
    struct image_source source = {.path = made_path(0),
                                  .format = top->raw ? "raw" : "qcow2",
                                  .id = top->snapshot ? "1" : NULL};
    struct err e = {0};
    autodestroy(image_unref) struct image *im = NULL;
    const char *wrong = NULL;
    if (image_open(&source, NULL, &im, &e) < 0)
        wrong = not_opened(&e);
    for (unsigned i = 0; im && !wrong && i < WINDOWS && !top->changed; i++)
        wrong = try_window(im, &b);
    made_drop();
    return wrong;
}
