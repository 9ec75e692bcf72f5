/* SPDX-License-Identifier: GPL-3.0-or-later */
/* growth.c - see growth.h. No locks.
 *
 * QEMU commits the active layer by a mirror. The mirror copies in granules: if the overlay has any
 * byte of a granule, QEMU writes the whole granule. QEMU allocates clusters wherever the file has
 * free ones. When its refcount table is full, QEMU makes another one, half as large again.
 */
#include "image/growth.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "image/cluster.h"
#include "image/file.h"
#include "image/header.h"

enum {
    L1_PAGE = 4096,
    L1_ENTRY = 8,
    REFERENCES_ENTRY = 8, /* of the refcount table, which leads to refcount blocks */
    AT_REFERENCES_CLUSTERS = 56,
    AT_REFERENCES_ORDER = 96, /* from version 3 on */
    REFERENCES_ORDER = 4,     /* of version 2 */
    REFERENCES_ORDER_MAX = 6, /* QEMU opens no file with more */
    GRANULE_MIN = 4096,       /* least bytes that QEMU copies at once: a cluster */
    GRANULE_MAX = 65536,      /* most bytes that QEMU copies at once; also if the base is raw */
    EXTENTS_SHARE = 128       /* the file system takes 1/128 of the growth in addition */
};

/* for one file: 32 TiB of a disk, all allocated in clusters of 64 KiB */
#define TABLES_BYTES_MAX (UINT64_C(4) << 30)

/* The mapping of a qcow2 file. It keeps only the part of the tables that was last read. */
struct mapping {
    struct image_file *file;
    struct header h;
    uint8_t *head;       /* h.used bytes */
    unsigned entry;      /* bytes of an L2 entry */
    uint64_t page;       /* of the L1 table, + 1; 0: none was read */
    uint8_t l1[L1_PAGE]; /* the page of the L1 table */
    uint64_t table;      /* number of the L2 table, + 1; 0: none was read */
    uint64_t word;       /* its L1 entry */
    uint8_t *l2;         /* the L2 table, if its L1 entry is not null */
    uint64_t read;       /* bytes of L2 tables so far */
};

static void mapping_drop(struct mapping *m)
{
    file_close(m->file);
    header_drop(&m->h);
    free(m->head);
    free(m->l2);
}

static uint64_t cluster_size(const struct mapping *m)
{
    return UINT64_C(1) << m->h.cluster_bits;
}

static int mapping_open(struct mapping *m, const char *path, const struct image_policy *policy,
                        struct err *e)
{
    int r = file_open(path, policy, &m->file, e);
    if (r == 0)
        r = header_load(m->file, &m->h, &m->head, e);
    if (r == 0)
        r = header_check_l1(&m->h, path, m->h.l1_offset, m->h.l1_size, m->h.size, m->file->size, e);
    if (r < 0)
        return r;
    m->entry = m->h.incompatible & INCOMPAT_EXTENDED_L2 ? 16 : 8;
    m->l2 = malloc(cluster_size(m));
    return m->l2 ? 0 : err_nomem(e);
}

static int read_l1(struct mapping *m, uint64_t number, struct err *e)
{
    uint64_t at = number * L1_ENTRY, page = at / L1_PAGE;
    uint64_t len = min_u64(L1_PAGE, (uint64_t)m->h.l1_size * L1_ENTRY - page * L1_PAGE);
    if (m->page != page + 1) {
        m->page = 0;
        int r = file_read(m->file, m->l1, (size_t)len, m->h.l1_offset + page * L1_PAGE, e);
        if (r < 0)
            return r;
        m->page = page + 1;
    }
    m->word = be64(m->l1 + at % L1_PAGE);
    return 0;
}

/* Loads the L2 table of that number; m->word becomes its L1 entry. */
static int load_table(struct mapping *m, uint64_t number, struct err *e)
{
    if (m->table == number + 1)
        return 0;
    m->table = 0;
    m->word = 0;
    int r = number < m->h.l1_size ? read_l1(m, number, e) : 0;
    uint64_t offset = m->word & ENTRY_OFFSET;
    m->read += offset ? cluster_size(m) : 0;
    if (r == 0 && m->read > TABLES_BYTES_MAX)
        return err_fail(e, EIO, "'%s' has too many tables", m->file->path);
    if (r == 0 && offset)
        r = file_read(m->file, m->l2, cluster_size(m), offset, e);
    if (r == 0)
        m->table = number + 1;
    return r;
}

static bool has_table(const struct mapping *m)
{
    return m->word & ENTRY_OFFSET;
}

/* Reads the L2 entry of a cluster, 0 if there is none. */
static int entry_of(struct mapping *m, uint64_t cluster, uint64_t *ret, struct err *e)
{
    uint64_t per_table = cluster_size(m) / m->entry;
    int r = load_table(m, cluster / per_table, e);
    if (r == 0)
        *ret = has_table(m) ? be64(m->l2 + cluster % per_table * m->entry) : 0;
    return r;
}

/* Tells whether the overlay defines a cluster. */
static bool says(const struct mapping *m, uint64_t cluster, uint64_t entry)
{
    uint64_t per_table = cluster_size(m) / m->entry;
    const uint8_t *at = m->l2 + cluster % per_table * m->entry;
    return entry & ~ENTRY_COPIED || (m->entry == 16 && be64(at + 8));
}

/* ---- holes ---- */

/* Counts the bytes of a part of the file that are in holes, or past its end. */
static uint64_t in_holes(const struct image_file *f, uint64_t offset, uint64_t len)
{
    uint64_t end = offset + len, at = offset, holes = 0;
    while (at < end) {
        off_t data = lseek(f->fd, (off_t)at, SEEK_DATA);
        if (data < 0)
            return holes + (errno == ENXIO ? end - at : 0);
        holes += min_u64((uint64_t)data, end) - at;
        off_t hole = (uint64_t)data < end ? lseek(f->fd, data, SEEK_HOLE) : -1;
        if (hole < 0)
            break;
        at = (uint64_t)hole;
    }
    return holes;
}

/* ---- what a merge adds to a base ---- */

struct growing {
    struct mapping top, base; /* a raw base has only its file */
    bool raw;
    uint64_t bytes, clusters, tables; /* added to the base; clusters, tables: to a qcow2 */
    uint64_t next;         /* the first cluster or granule of the base that is not counted yet */
    uint64_t table;        /* number of the L2 table that was last counted, + 1 */
    uint64_t run, run_len; /* bytes of the base's file that are written in place */
};

static void end_run(struct growing *g)
{
    if (g->run_len)
        g->bytes += in_holes(g->base.file, g->run, g->run_len);
    g->run_len = 0;
}

static void add_in_place(struct growing *g, uint64_t host)
{
    uint64_t size = cluster_size(&g->base);
    if (g->run_len && g->run + g->run_len != host)
        end_run(g);
    if (!g->run_len)
        g->run = host;
    g->run_len += size;
}

/* Counts a table. QEMU writes a new one if a snapshot shares the table. */
static void count_table(struct growing *g, uint64_t number)
{
    bool own = has_table(&g->base) && g->base.word & ENTRY_COPIED;
    if (!own && g->table != number + 1)
        g->tables++;
    g->table = number + 1;
}

static int add_cluster(struct growing *g, uint64_t cluster, struct err *e)
{
    uint64_t word = 0, per_table = cluster_size(&g->base) / g->base.entry;
    int r = entry_of(&g->base, cluster, &word, e);
    if (r < 0)
        return r;
    count_table(g, cluster / per_table);
    bool own = word & ENTRY_COPIED && !(word & ENTRY_COMPRESSED) && word & ENTRY_OFFSET;
    if (own)
        add_in_place(g, word & ENTRY_OFFSET);
    else
        g->clusters++;
    return 0;
}

static uint64_t granule_of(const struct growing *g)
{
    if (g->raw)
        return GRANULE_MAX;
    return min_u64(max_u64(cluster_size(&g->base), GRANULE_MIN), GRANULE_MAX);
}

/* Counts a part of the disk that the overlay has. */
static int add_part(struct growing *g, uint64_t offset, uint64_t len, struct err *e)
{
    uint64_t granule = granule_of(g), unit = g->raw ? granule : cluster_size(&g->base);
    uint64_t first = offset / granule * granule / unit;
    uint64_t end = ((offset + len - 1) / granule * granule + granule - 1) / unit;
    int r = 0;
    first = max_u64(first, g->next);
    g->next = max_u64(g->next, end + 1);
    if (g->raw && first <= end)
        g->bytes += in_holes(g->base.file, first * unit, (end + 1 - first) * unit);
    for (uint64_t at = first; r == 0 && !g->raw && at <= end; at++)
        r = add_cluster(g, at, e);
    return r;
}

static int add_table(struct growing *g, uint64_t number, struct err *e)
{
    struct mapping *top = &g->top;
    uint64_t size = cluster_size(top), per_table = size / top->entry, disk = top->h.size;
    uint64_t first = number * per_table, part = 0, len = 0;
    int r = load_table(top, number, e);
    for (uint64_t i = 0; r == 0 && has_table(top) && i < per_table; i++) {
        uint64_t offset = (first + i) * size;
        bool has = offset < disk && says(top, first + i, be64(top->l2 + i * top->entry));
        if (has && !len)
            part = offset;
        if (has)
            len += min_u64(size, disk - offset);
        if (len && (!has || i + 1 == per_table)) {
            r = add_part(g, part, len, e);
            len = 0;
        }
    }
    return r;
}

static uint64_t clusters_of(const struct growing *g, uint64_t bytes)
{
    return (bytes >> g->base.h.cluster_bits) + 1;
}

/* Returns the clusters of a new L1 table, which is needed if the overlay's disk is larger. */
static uint64_t new_l1(const struct growing *g)
{
    const struct mapping *b = &g->base;
    uint64_t of_table = cluster_size(b) / b->entry << b->h.cluster_bits;
    return g->top.h.size > b->h.size ? clusters_of(g, g->top.h.size / of_table * L1_ENTRY) + 1 : 0;
}

static uint64_t references_in_block(const struct mapping *m)
{
    uint64_t order = REFERENCES_ORDER;
    if (m->h.version > 2)
        order = min_u64(be32(m->head + AT_REFERENCES_ORDER), REFERENCES_ORDER_MAX);
    return cluster_size(m) * 8 >> order;
}

/* Returns the clusters of the refcount blocks for `n` new clusters, and of the refcount tables that
 * lead to these blocks. Each time a table is full, QEMU leaves the rest of a block free. */
static uint64_t references(const struct growing *g, uint64_t n)
{
    const struct mapping *b = &g->base;
    uint64_t in_block = references_in_block(b), in_table = cluster_size(b) / REFERENCES_ENTRY;
    uint64_t room = be32(b->head + AT_REFERENCES_CLUSTERS) * in_table, tables = 0;
    uint64_t blocks = n / (in_block - 1) + 2, all = clusters_of(g, b->file->size) / in_block + 1;
    while (room < all + blocks) {
        uint64_t made = clusters_of(g, (room + 2 + room / 2) * REFERENCES_ENTRY);
        room = made * in_table;
        tables += made;
        blocks += made / (in_block - 1) + 2;
    }
    return blocks + tables;
}

/* Returns the bytes by which blocks of the file system exceed the new clusters. A new cluster
 * smaller than such a block may fill a hole of a whole block. */
static uint64_t rounding(const struct growing *g, uint64_t n)
{
    struct stat st;
    uint64_t cluster = cluster_size(&g->base);
    if (fstat(g->base.file->fd, &st) < 0 || (uint64_t)st.st_blksize <= cluster)
        return 0;
    return min_u64(n * ((uint64_t)st.st_blksize - cluster),
                   in_holes(g->base.file, 0, g->base.file->size)) +
           (uint64_t)st.st_blksize;
}

static uint64_t total(struct growing *g)
{
    end_run(g);
    uint64_t bytes = g->bytes;
    if (!g->raw && g->clusters + g->tables + new_l1(g)) {
        uint64_t n = g->clusters + g->tables + new_l1(g);
        n += references(g, n);
        bytes += (n << g->base.h.cluster_bits) + rounding(g, n);
    }
    return bytes ? bytes + bytes / EXTENTS_SHARE + GRANULE_MIN : 0;
}

static void growing_drop(struct growing *g)
{
    mapping_drop(&g->top);
    mapping_drop(&g->base);
}

int image_growth(const char *top, const char *base, const char *base_format,
                 const struct image_policy *policy, uint64_t *ret, struct err *e)
{
    struct growing g __attribute__((cleanup(growing_drop))) = {0};
    g.raw = !strcmp(base_format, "raw");
    int r = mapping_open(&g.top, top, policy, e);
    if (r == 0)
        r = g.raw ? file_open(base, policy, &g.base.file, e)
                  : mapping_open(&g.base, base, policy, e);
    for (uint64_t number = 0; r == 0 && number < g.top.h.l1_size; number++)
        r = add_table(&g, number, e);
    if (r == 0)
        *ret = total(&g);
    return r;
}
