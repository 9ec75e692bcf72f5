/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_parts.c - snapshot entries, names in images, decompression, the block cache. */
#include <errno.h>
#include <sys/mman.h>
#include <zlib.h>
#include <zstd.h>

#include "image/cache.h"
#include "image/decompress.h"
#include "image/path.h"
#include "image/snapshots.h"
#include "tap.h"

static uint8_t entry[256];

/* An entry with `extra` bytes of extra data, id "12" and a name with a slash. */
static size_t make_entry(uint8_t extra)
{
    memset(entry, 0, sizeof(entry));
    entry[5] = 7;    /* l1_offset 0x70000 */
    entry[11] = 9;   /* l1_size */
    entry[13] = 2;   /* id */
    entry[15] = 3;   /* name */
    entry[19] = 100; /* date */
    entry[35] = 77;  /* 32 bit VM state size */
    entry[39] = extra;
    if (extra >= 8)
        entry[40 + 7] = 88;
    if (extra >= 16) {
        entry[48 + 6] = 4;
        entry[48 + 7] = 1; /* 1025 bytes */
    }
    memcpy(entry + SNAPSHOT_FIXED + extra, "12a/b", 5);
    return SNAPSHOT_FIXED + extra + 5U;
}

static void test_entry(void)
{
    struct snapshot s;
    size_t len = make_entry(24);
    bool longer = true;
    for (size_t have = 0; have < len; have++)
        longer = longer && snapshot_parse(entry, have, 512, &s) > (int64_t)have;
    TAP_OK(longer, "each prefix asks for more");
    TAP_OK(snapshot_parse(entry, len, 512, &s) == 0 && s.len == len, "the whole entry");
    TAP_OK(s.l1_offset == 0x70000 && s.l1_size == 9 && s.date_sec == 100, "its fields");
    TAP_OK(s.disk_size == 1024, "its own size, rounded down");
    TAP_OK(s.vm_state_size == 88, "the 64 bit VM state size");
    TAP_OK(snapshot_text_is(s.id, s.id_len, "12"), "the id");
    TAP_OK(snapshot_text_is(s.name, s.name_len, "a/b"), "the name");
    TAP_OK(!snapshot_text_is(s.name, s.name_len, "a/"), "no prefix of the name");
    uint64_t hash = snapshot_hash(&s);
    entry[23] = 1;
    TAP_OK(snapshot_hash(&s) != hash, "a nanosecond makes another snapshot");
    snapshot_parse(entry, make_entry(8), 4096, &s);
    TAP_OK(s.disk_size == 4096 && s.vm_state_size == 88, "no size of its own: the image's");
    snapshot_parse(entry, make_entry(0), 4096, &s);
    TAP_OK(s.vm_state_size == 77, "the 32 bit VM state size");
    entry[38] = 5;
    TAP_OK(snapshot_parse(entry, sizeof(entry), 512, &s) == -EINVAL, "1280 bytes of extra data");
}

/* A file with holes, whose snapshots have names of 65535 bytes each. */
static void test_table_limit(void)
{
    enum { STEP = (SNAPSHOT_FIXED + 0xffff + 7) / 8 * 8, MOST = SNAPSHOT_TABLE_MAX / STEP };
    autoclose int fd = memfd_create("table", MFD_CLOEXEC);
    struct image_file f = {.path = (char[]){"table"}, .fd = fd};
    bool made = ftruncate(fd, (off_t)(MOST + 1) * STEP) == 0;
    for (unsigned i = 0; i <= MOST; i++)
        made = made && pwrite(fd, "\xff\xff", 2, (off_t)i * STEP + 14) == 2;
    struct snapshot_walk w;
    struct snapshot s;
    struct err e = {0};
    unsigned n = 0;
    int r;
    snapshot_walk_begin(&w, &f, SNAPSHOTS_MAX, 0, 512, 0);
    while ((r = snapshot_walk_next(&w, &s, &e)) == 1)
        n++;
    snapshot_walk_end(&w);
    TAP_OK(made && r == -EINVAL && n == MOST, "a table of 64 MiB and no more: %u, %s", n, e.text);
}

static void resolves(const char *image, const char *name, const char *want)
{
    autofree char *path = NULL;
    struct err e = {0};
    int r = path_resolve(image, name, &path, &e);
    if (want)
        TAP_STR(path, want, name);
    else
        TAP_OK(r == -EOPNOTSUPP, "'%s' is not a local file", name);
}

#define CEPH "json:{\"file\":{\"driver\":\"rbd\",\"pool\":\"p\",\"image\":\"i\""
#define CEPH_HOST "{\"host\":\"::1\",\"port\":\"3300\"}"

static void test_paths(void)
{
    resolves("/a/b/o.qcow2", "base", "/a/b/base");
    resolves("/a/b/o.qcow2", "../base", "/a/b/../base");
    resolves("/a/b/o.qcow2", "/c/base", "/c/base");
    resolves("o.qcow2", "base", "base");
    resolves("/a/o", "./b:x", "/a/./b:x");
    resolves("/a/o", "d/b:x", "/a/d/b:x");
    resolves("/a/o", "file:/c/d", "/c/d");
    resolves("/a/o", "file:d", NULL);
    resolves("/a/o", "nbd:unix:/x", NULL);
    resolves("/a/o", "json:{\"file\": 1}", NULL);
    resolves("/a/o", "fat:/etc", NULL);
    resolves("/a/o", "", NULL);
    resolves("/a/o", "nbd://h:1/x", "nbd://h:1/x");
    resolves("/a/o", "nbd+unix:///x?socket=/s", "nbd+unix:///x?socket=/s");
    resolves("/a/o", "nbd://h:1/\"x", NULL);
    resolves("/a/o",
             "json:{\"file\":{\"driver\":\"nbd\",\"server\":{\"type\":\"unix\",\"path\":\"/s\"},"
             "\"export\":\"x\"}}",
             "nbd+unix:///x?socket=/s");
    resolves("/a/o",
             "json:{\"file\":{\"driver\":\"nbd\",\"server\":{\"type\":\"inet\",\"host\":\"h\","
             "\"port\":\"1\"},\"export\":\"x\"}}",
             "nbd://h:1/x");
    resolves("/a/o",
             "json:{\"file\":{\"driver\":\"nbd\",\"server\":{\"type\":\"unix\",\"path\":\"/s?\"},"
             "\"export\":\"x\"}}",
             NULL);
    resolves("/a/o",
             "json:{\"file\":{\"driver\":\"nbd\",\"server\":{\"type\":\"unix\",\"path\":\"/s\"},"
             "\"export\":\"x\"}} ",
             NULL);
    resolves("/a/o", "http://h:80/x", "http://h:80/x");
    resolves("/a/o", "http://h:p@h:80/x", NULL);
    resolves("/a/o",
             "json:{\"file\":{\"driver\":\"http\",\"url\":\"http://h:80/x\",\"timeout\":60}}",
             NULL);
    resolves("/a/o", "iscsi://h:3260/iqn.2017-04.com.example%3Ad/1",
             "iscsi://h:3260/iqn.2017-04.com.example:d/1");
    resolves("/a/o", "rbd:p/i", "rbd:p/i");
    resolves("/a/o", "rbd:p/i:conf=/etc/x", NULL);
    resolves("/a/o", CEPH "}}", "rbd:p/i");
    resolves("/a/o", CEPH ",\"server\":[" CEPH_HOST "]}}", "rbd:p/i:mon_host=[\\:\\:1]\\:3300");
    resolves("/a/o", CEPH ",\"server\":[" CEPH_HOST "," CEPH_HOST "]}}",
             "rbd:p/i:mon_host=[\\:\\:1]\\:3300\\;[\\:\\:1]\\:3300");
    resolves("/a/o", CEPH ",\"server\":[" CEPH_HOST "],\"user\":\"u\"}}", NULL);
    resolves("/a/o", CEPH ",\"server\":[" CEPH_HOST "}}", NULL);
    resolves("/a/o", CEPH ",\"server\":[]}}", NULL);
    resolves("/a/o", CEPH ",\"conf\":\"/c\"}}", NULL);
}

enum { PLAIN = 65536, PACKED = 2 * PLAIN };

static uint8_t plain[PLAIN], packed[PACKED], out[PLAIN];

static size_t deflate_plain(size_t len)
{
    z_stream s = {.next_in = plain, .avail_in = (uInt)len, .next_out = packed, .avail_out = PACKED};
    deflateInit2(&s, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -12, 9, Z_DEFAULT_STRATEGY);
    deflate(&s, Z_FINISH);
    deflateEnd(&s);
    return PACKED - s.avail_out;
}

static bool unpacks(unsigned type, size_t len)
{
    memset(out, 0x55, sizeof(out));
    return decompress_cluster(type, packed, len, out, PLAIN) == 0 && !memcmp(out, plain, PLAIN);
}

static void test_zlib(void)
{
    size_t len = deflate_plain(PLAIN);
    TAP_OK(unpacks(COMPRESSION_ZLIB, len), "zlib");
    memset(packed + len, 0xff, 300);
    TAP_OK(unpacks(COMPRESSION_ZLIB, len + 300), "zlib with a neighbour's bytes behind it");
    TAP_OK(decompress_cluster(COMPRESSION_ZLIB, packed, len / 2, out, PLAIN) == -EIO, "cut short");
    TAP_OK(decompress_cluster(COMPRESSION_ZLIB, packed, 0, out, PLAIN) == -EIO, "nothing");
    len = deflate_plain(PLAIN - 1);
    TAP_OK(decompress_cluster(COMPRESSION_ZLIB, packed, len, out, PLAIN) == -EIO,
           "one byte too few");
}

static size_t zstd_plain(size_t at, size_t from, size_t len)
{
    return ZSTD_compress(packed + at, PACKED - at, plain + from, len, 3);
}

static void test_zstd(void)
{
    size_t len = zstd_plain(0, 0, PLAIN);
    TAP_OK(unpacks(COMPRESSION_ZSTD, len), "zstd");
    memset(packed + len, 0xff, 300);
    TAP_OK(unpacks(COMPRESSION_ZSTD, len + 300), "zstd with a neighbour's bytes behind it");
    TAP_OK(decompress_cluster(COMPRESSION_ZSTD, packed, len - 1, out, PLAIN) == -EIO, "cut short");
    size_t first = zstd_plain(0, 0, 1000);
    len = first + zstd_plain(first, 1000, PLAIN - 1000);
    TAP_OK(unpacks(COMPRESSION_ZSTD, len), "two frames");
    TAP_OK(decompress_cluster(COMPRESSION_ZSTD, packed, first, out, PLAIN) == -EIO, "one of two");
    static const uint8_t bomb[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00};
    TAP_OK(decompress_cluster(COMPRESSION_ZSTD, bomb, sizeof(bomb), out, PLAIN) == -EIO,
           "a window of 2 GiB");
}

static void test_cache(void)
{
    uint64_t owner = cache_owner();
    enum { LEN = 4096, MANY = 20000 };
    TAP_OK(!cache_get(CACHE_TABLES, owner, 0, LEN), "empty at first");
    for (uint64_t i = 0; i < MANY; i++) {
        autodestroy(block_unref) struct block *b = block_new(owner, i * LEN, LEN);
        memset(b->data, (int)i, LEN);
        cache_put(CACHE_TABLES, b);
    }
    unsigned kept = 0, right = 0;
    for (uint64_t i = 0; i < MANY; i++) {
        autodestroy(block_unref) struct block *b = cache_get(CACHE_TABLES, owner, i * LEN, LEN);
        kept += b != NULL;
        right += b && b->data[0] == (uint8_t)i && b->data[LEN - 1] == (uint8_t)i;
    }
    TAP_OK(kept == right && kept > 4000 && kept <= 8192, "%u blocks within 32 MiB, all right",
           kept);
    TAP_OK(!cache_get(CACHE_TABLES, owner + 1, (MANY - 1) * LEN, LEN), "another owner has none");
    TAP_OK(!cache_get(CACHE_TABLES, owner, (MANY - 1) * LEN, LEN / 2), "nor another length");
}

int main(void)
{
    for (size_t i = 0; i < PLAIN; i++)
        plain[i] = (uint8_t)(i * i >> 7 ^ i >> 3);
    test_entry();
    test_table_limit();
    test_paths();
    test_zlib();
    test_zstd();
    test_cache();
    return tap_done();
}
