/* SPDX-License-Identifier: GPL-3.0-or-later */
/* made.c - the layers of a made-up chain and the bytes of their files; see made.h. */
#include "made.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "image/cluster.h"
#include "image/header.h"

enum { ENTRY_FIXED = 40, PACKED_MAX = 64 * 1024, WINDOW_BITS = -12 };

struct made_chain made;

uint64_t made_next(struct made_bytes *b, unsigned bytes)
{
    uint64_t v = 0;
    for (; bytes; bytes--) {
        v = v << 8 | (b->n ? *b->p : 0);
        b->p += b->n != 0;
        b->n -= b->n != 0;
    }
    return v;
}

static void put(uint8_t *p, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
}

static size_t pack(uint8_t *plain, size_t len, bool zstd, uint8_t *out)
{
    if (zstd)
        return ZSTD_compress(out, PACKED_MAX, plain, len, 3);
    z_stream s = {.next_in = plain, .avail_in = (uInt)len, .next_out = out};
    s.avail_out = PACKED_MAX;
    deflateInit2(&s, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS, 9, Z_DEFAULT_STRATEGY);
    deflate(&s, Z_FINISH);
    deflateEnd(&s);
    return PACKED_MAX - s.avail_out;
}

/* Two compressed clusters of each size and kind, made when they are first asked for. */
static struct made_packed packed_cluster(unsigned bits, bool zstd, unsigned which)
{
    static struct {
        uint8_t bytes[PACKED_MAX];
        size_t len;
    } all[CLUSTER_BITS_MAX + 1][2][2], *p;
    p = &all[bits][zstd][which];
    size_t len = (size_t)1 << bits;
    uint8_t *plain = p->len ? NULL : malloc(len);
    for (size_t i = 0; plain && i < len; i++)
        plain[i] = (uint8_t)(1 + 100 * which + i / MADE_SECTOR % 151);
    if (plain)
        p->len = pack(plain, len, zstd, p->bytes);
    free(plain);
    return (struct made_packed){p->bytes, p->len};
}

/* ---- the layers ---- */

uint64_t made_per_table(const struct made_layer *l)
{
    return (UINT64_C(1) << l->bits) / (l->extended ? 16 : 8);
}

uint64_t made_entry(const struct made_layer *l, uint64_t word)
{
    return word / MADE_GROUP * l->apart + word % MADE_GROUP;
}

/* One whose groups are apart is so large that tables, and the L1 table, have many pages. */
static uint64_t size_of(const struct made_layer *l, uint64_t sectors)
{
    unsigned more = l->apart == MADE_GROUP ? 0 : l->bits < 16 ? 6 : l->bits - 9;
    return min_u64(sectors * MADE_SECTOR << more, MADE_L1 * made_per_table(l) << l->bits);
}

/* The layer is often like the one above, so that its offsets continue those above. */
static void choose(struct made_layer *l, struct made_bytes *b, const struct made_layer *above,
                   bool bottom)
{
    static const unsigned sizes[] = {9, 9, 10, 12, 14, 16, 16, 21},
                          apart[] = {64, 64, 64, 496, 512, 1008, 4080, 8176};
    unsigned kind = (unsigned)made_next(b, 1), more = (unsigned)made_next(b, 1);
    l->bits = above && more & 8 ? above->bits : sizes[kind & 7];
    l->extended = kind & 8 && l->bits >= CLUSTER_BITS_SUB_MIN;
    l->v2 = kind & 16 && !l->extended;
    l->zstd = kind & 32 && !l->v2;
    l->raw = bottom && above && more & 1;
    l->snapshot = !above && more & 2;
    l->apart = apart[more >> 4 & 7];
    l->size = size_of(l, (1 + made_next(b, 2)) << (more >> 2 & 1));
}

/* Places everything: clusters one behind the other. */
static void lay_out(struct made_layer *l)
{
    uint64_t cluster = UINT64_C(1) << l->bits, span = made_per_table(l) << l->bits;
    l->l1_size = (uint32_t)((l->size + span - 1) / span);
    uint64_t l1 = (MADE_L1 * sizeof(l->l1[0]) + cluster - 1) / cluster * cluster;
    l->l1_at = cluster;
    l->old_l1_at = l->l1_at + l1;
    l->snapshots_at = l->old_l1_at + l1;
    l->tables_at = l->snapshots_at + cluster;
    l->data_at = l->tables_at + MADE_TABLES * cluster;
    for (unsigned i = 0; i < 2; i++)
        l->packed[i] = packed_cluster(l->bits, l->zstd, i);
    l->file_size = l->data_at + MADE_CLUSTERS * cluster;
}

static uint64_t data_cluster(const struct made_layer *l, uint64_t which)
{
    return l->data_at + (which % MADE_CLUSTERS << l->bits);
}

/* Compressed clusters, each with room for a tail, are in some of the clusters for data. */
static uint64_t packed_word(const struct made_layer *l, uint64_t which)
{
    unsigned split = 62 - (l->bits - 8);
    uint64_t most = (UINT64_C(1) << (l->bits - 8)) - 1;
    uint64_t sectors = min_u64(l->packed[which % 2].len / MADE_SECTOR, most);
    return ENTRY_COMPRESSED | sectors << split | data_cluster(l, which % MADE_PACKED);
}

static uint64_t word_of(const struct made_layer *l, unsigned kind, uint64_t which)
{
    switch (kind % 8) {
    case 0:
    case 1:
        return ENTRY_COPIED | data_cluster(l, which);
    case 2:
        return ENTRY_ZERO;
    case 3:
        return ENTRY_ZERO | data_cluster(l, which);
    case 4:
        return packed_word(l, which);
    case 5:
        return data_cluster(l, which) | (which & 64 ? MADE_SECTOR : 0);
    case 6:
        return ENTRY_COMPRESSED | data_cluster(l, which);
    default:
        return 0;
    }
}

/* A run of entries of one kind, every one or every other. */
static void put_run(struct made_layer *l, struct made_bytes *b)
{
    unsigned kind = (unsigned)made_next(b, 1), table = (unsigned)made_next(b, 1);
    unsigned at = (unsigned)(made_next(b, 1) * 2 % made_per_table(l)),
             n = (unsigned)made_next(b, 1);
    uint64_t which = kind & 32 ? at : made_next(b, 1), bitmap = l->extended ? made_next(b, 8) : 0;
    unsigned step = kind & 16 ? 2 : 1;
    for (unsigned i = 0; i <= n && at + i < MADE_ENTRIES; i += step) {
        l->words[table % MADE_TABLES][at + i] = word_of(l, kind, kind & 8 ? which : which + i);
        l->bitmaps[table % MADE_TABLES][at + i] = bitmap;
    }
}

static void put_entry(struct made_layer *l, struct made_bytes *b)
{
    unsigned at = (unsigned)made_next(b, 2) % MADE_ENTRIES, table = at % MADE_TABLES;
    l->words[table][at] = made_next(b, 8);
    l->bitmaps[table][at] = l->extended ? made_next(b, 8) : 0;
}

static void put_l1(struct made_layer *l, struct made_bytes *b)
{
    unsigned at = (unsigned)made_next(b, 2) % l->l1_size, kind = (unsigned)made_next(b, 1);
    uint64_t table = l->tables_at + ((uint64_t)(kind % MADE_TABLES) << l->bits);
    l->far = at;
    l->l1[at] = kind & 128 ? made_next(b, 8) : kind & 64 ? 0 : table;
}

static void fill_tables(struct made_layer *l, struct made_bytes *b)
{
    unsigned how = (unsigned)made_next(b, 1);
    for (uint32_t i = 0; i < l->l1_size && (how & 1 || i < MADE_TABLES); i++)
        l->l1[i] = l->tables_at + ((uint64_t)(i % MADE_TABLES) << l->bits);
    for (unsigned i = how >> 1 & 15; i; i--) {
        unsigned what = (unsigned)made_next(b, 1) % 8;
        if (what == 0)
            put_entry(l, b);
        else if (what == 1)
            put_l1(l, b);
        else
            put_run(l, b);
    }
    if (how & 128)
        l->file_size = l->file_size / 256 * made_next(b, 1) + made_next(b, 1);
}

static void fill_header(struct made_layer *l, unsigned layer, bool bottom)
{
    uint8_t *h = l->header;
    unsigned start = l->v2 ? HEADER_V2_SIZE : HEADER_V3_SIZE + 8;
    put(h, 0x514649fb, 4);
    put(h + 4, l->v2 ? 2 : 3, 4);
    put(h + 20, l->bits, 4);
    put(h + 24, l->size, 8);
    put(h + 36, l->l1_size, 4);
    put(h + 40, l->snapshot ? l->old_l1_at : l->l1_at, 8);
    put(h + 60, l->snapshot, 4);
    put(h + 64, l->snapshot ? l->snapshots_at : 0, 8);
    if (!l->v2) {
        put(h + 72, (l->zstd ? 8U : 0) | (l->extended ? 16U : 0), 8);
        put(h + 96, 4, 4);
        put(h + 100, start, 4);
        h[HEADER_V3_SIZE] = l->zstd;
    }
    if (bottom)
        return;
    const char *format = made.layers[layer + 1]->raw ? "raw" : "qcow2",
               *path = made_path(layer + 1);
    put(h + start, 0xe2792aca, 4);
    put(h + start + 4, strlen(format), 4);
    memcpy(h + start + 8, format, strlen(format));
    put(h + 8, start + 16, 8);
    put(h + 16, strlen(path), 4);
    memcpy(h + start + 16, path, strlen(path));
}

static void fill_entry(struct made_layer *l)
{
    put(l->entry, l->l1_at, 8);
    put(l->entry + 8, l->l1_size, 4);
    put(l->entry + 12, 1, 2);
    put(l->entry + 16, 1700000000, 4);
    put(l->entry + 36, 16, 4);
    put(l->entry + ENTRY_FIXED + 8, l->size, 8);
    l->entry[ENTRY_FIXED + 16] = '1';
}

bool made_build(struct made_bytes *b, unsigned layers)
{
    unsigned n = 1 + (unsigned)made_next(b, 1) % 6;
    made.n = n < layers ? layers : n;
    for (unsigned i = 0; i < made.n; i++) {
        struct made_layer *l = made.layers[i] = calloc(1, sizeof(*l));
        if (!l)
            return false;
        l->number = i;
        choose(l, b, i ? made.layers[i - 1] : NULL, i + 1 == made.n);
        lay_out(l);
        if (l->raw)
            l->file_size = l->size - made_next(b, 1);
        else
            fill_tables(l, b);
    }
    for (unsigned i = 0; i < made.n; i++) {
        fill_header(made.layers[i], i, i + 1 == made.n);
        fill_entry(made.layers[i]);
    }
    return true;
}

void made_drop(void)
{
    for (unsigned i = 0; i < made.n && made.layers[i]; i++) {
        free(made.layers[i]->plain);
        free(made.layers[i]);
    }
    made = (struct made_chain){0};
}

/* ---- the bytes of its file ---- */

/* The table of `len` bytes at `at` of the file: `count` words in their groups, null between them.
 * `second`: entries of two words. */
struct area {
    uint64_t at, len;
    const uint64_t *words, *second;
    size_t count;
    unsigned apart;
};

static uint64_t word_at(const struct area *a, uint64_t index)
{
    uint64_t entry = a->second ? index / 2 : index, in_group = entry % a->apart;
    uint64_t word = entry / a->apart * MADE_GROUP + in_group;
    if (in_group >= MADE_GROUP || word >= a->count)
        return 0;
    return a->second && index % 2 ? a->second[word] : a->words[word];
}

/* Writes the part that lies in the buffer. */
static void overlay(const struct made_layer *l, uint8_t *buf, size_t len, uint64_t offset,
                    const struct area *a)
{
    uint64_t begin = max_u64(offset, a->at), end = min_u64(offset + len, a->at + a->len);
    for (uint64_t pos = begin; pos < end; pos++) {
        uint64_t word = l->changed ? 0 : word_at(a, (pos - a->at) / 8);
        buf[pos - offset] = (uint8_t)(word >> 8 * (7 - (pos - a->at) % 8));
    }
}

static void overlay_bytes(uint8_t *buf, size_t len, uint64_t offset, uint64_t at,
                          const uint8_t *bytes, size_t count)
{
    uint64_t begin = max_u64(offset, at), end = min_u64(offset + len, at + count);
    if (begin < end)
        memcpy(buf + (begin - offset), bytes + (begin - at), (size_t)(end - begin));
}

static void stamp(const struct made_layer *l, uint8_t *buf, size_t len, uint64_t offset)
{
    uint64_t salt = l->number * UINT64_C(31) + (l->changed ? 101 : 0);
    for (size_t i = 0; i < len;) {
        uint64_t sector = (offset + i) / MADE_SECTOR;
        size_t n = (size_t)min_u64(len - i, (sector + 1) * MADE_SECTOR - (offset + i));
        memset(buf + i, (int)(1 + (salt + sector * 11 + sector / 251) % 255), n);
        i += n;
    }
}

size_t made_read(const struct made_layer *l, void *to, size_t len, uint64_t offset)
{
    uint8_t *buf = to;
    if (offset >= l->file_size)
        return 0;
    len = (size_t)min_u64(len, l->file_size - offset);
    stamp(l, buf, len, offset);
    if (l->raw)
        return len;
    uint64_t cluster = UINT64_C(1) << l->bits, l1 = l->old_l1_at - l->l1_at;
    static const uint8_t nothing[MADE_SECTOR];
    overlay_bytes(buf, len, offset, 0, nothing, sizeof(nothing));
    overlay_bytes(buf, len, offset, 0, l->header, sizeof(l->header));
    struct area a = {l->l1_at, l1, l->l1, NULL, l->l1_size, MADE_GROUP};
    overlay(l, buf, len, offset, &a);
    a = (struct area){.at = l->old_l1_at, .len = l1, .apart = MADE_GROUP};
    overlay(l, buf, len, offset, &a);
    overlay_bytes(buf, len, offset, l->snapshots_at, l->entry, sizeof(l->entry));
    for (unsigned i = 0; i < MADE_TABLES; i++) {
        a = (struct area){l->tables_at + i * cluster,         cluster,      l->words[i],
                          l->extended ? l->bitmaps[i] : NULL, MADE_ENTRIES, l->apart};
        overlay(l, buf, len, offset, &a);
    }
    for (unsigned i = 0; i < MADE_PACKED; i++)
        overlay_bytes(buf, len, offset, data_cluster(l, i), l->packed[i % 2].bytes,
                      l->packed[i % 2].len);
    return len;
}
