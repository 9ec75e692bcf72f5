/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_header.c - headers and their extensions, byte by byte. */
#include <errno.h>
#include <fcntl.h>

#include "image/header.h"
#include "image/layers.h"
#include "tap.h"

enum { CLUSTER = 65536, EXTENSIONS = 112 };

static uint8_t bytes[CLUSTER];

static void put16(size_t at, uint16_t v)
{
    bytes[at] = (uint8_t)(v >> 8);
    bytes[at + 1] = (uint8_t)v;
}

static void put32(size_t at, uint32_t v)
{
    put16(at, (uint16_t)(v >> 16));
    put16(at + 2, (uint16_t)v);
}

static void put64(size_t at, uint64_t v)
{
    put32(at, (uint32_t)(v >> 32));
    put32(at + 4, (uint32_t)v);
}

static size_t put_extension(size_t at, uint32_t type, const char *data, uint32_t len)
{
    put32(at, type);
    put32(at + 4, len);
    memset(bytes + at + 8, 0xee, (len + 7) / 8 * 8); /* the padding may be anything */
    if (len)
        memcpy(bytes + at + 8, data, len);
    return at + 8 + (len + 7) / 8 * 8;
}

/* Version 3, 64 KiB clusters, 1 GiB, nothing special. */
static void fresh(void)
{
    memset(bytes, 0, sizeof(bytes));
    put32(0, 0x514649fb);
    put32(4, 3);
    put32(20, 16);
    put64(24, UINT64_C(1) << 30);
    put32(36, 2);
    put64(40, 3 * CLUSTER);
    put32(96, 4);
    put32(100, EXTENSIONS);
}

static int64_t parse(struct header *h, struct err *e)
{
    *h = (struct header){0};
    *e = (struct err){0};
    return header_parse(bytes, sizeof(bytes), "x.qcow2", h, e);
}

static void expect(int no, const char *part, const char *what)
{
    struct header h;
    struct err e;
    int64_t r = parse(&h, &e);
    TAP_OK(r == -no && strstr(e.text, part), "%s: %s, got %s '%s'", what, err_name(no),
           err_name((int)-r), e.text);
    if (r == 0)
        header_drop(&h);
}

static void test_fields(void)
{
    struct header h;
    struct err e;
    fresh();
    put64(24, (UINT64_C(1) << 30) + 511);
    put32(60, 7);
    put64(64, 5 * CLUSTER);
    TAP_OK(parse(&h, &e) == 0, "a plain header: %s", e.text);
    TAP_OK(h.size == UINT64_C(1) << 30, "the size is rounded down to 512");
    TAP_OK(h.l1_size == 2 && h.l1_offset == 3 * CLUSTER, "the L1 table");
    TAP_OK(h.snapshots == 7 && h.snapshots_offset == 5 * CLUSTER, "the snapshot pair");
    TAP_OK(!h.backing && !h.ext.backing_format && !h.ext.data_name, "no names");
    TAP_OK(h.used == EXTENSIONS + 8, "the area ends at the end marker, got %u", h.used);
    header_drop(&h);
}

static void test_names(void)
{
    struct header h;
    struct err e;
    fresh();
    size_t at = put_extension(EXTENSIONS, 0xe2792aca, "raw", 3);
    at = put_extension(at, 0x12345678, "unknown", 7);
    at = put_extension(at, 0xe2792aca, "qcow2", 5);
    put64(8, at);
    put32(16, 9);
    memcpy(bytes + at, "base.imgX", 9);
    TAP_OK(parse(&h, &e) == 0, "no end marker before the backing name: %s", e.text);
    TAP_STR(h.backing, "base.imgX", "the backing name is not NUL-terminated");
    TAP_STR(h.ext.backing_format, "qcow2", "the last format wins");
    TAP_OK(h.used == at + 9, "the area ends behind the name");
    header_drop(&h);
    put32(16, 0);
    TAP_OK(parse(&h, &e) == 0 && !h.backing, "an empty name is no backing file");
    header_drop(&h);
    put32(16, 9);
    bytes[at + 4] = '\0';
    expect(EINVAL, "NUL", "a NUL in the backing name");
}

static void test_versions(void)
{
    struct header h;
    struct err e;
    fresh();
    put32(4, 2);
    memset(bytes + 72, 0, 40);
    put_extension(72, 0xe2792aca, "raw", 3);
    TAP_OK(parse(&h, &e) == 0 && h.length == 72, "version 2 has no fields after 72: %s", e.text);
    TAP_STR(h.ext.backing_format, "raw", "its extensions begin there");
    header_drop(&h);
    put32(4, 4);
    expect(EOPNOTSUPP, "version 4", "version 4");
    fresh();
    put32(100, 104);
    bytes[104] = 9; /* an extension's type, not the compression type */
    put32(104, 0x09000000);
    TAP_OK(parse(&h, &e) == 0 && h.compression == 0, "no compression type in 104 bytes: %s",
           e.text);
    header_drop(&h);
}

static void test_features(void)
{
    struct header h;
    struct err e;
    fresh();
    put64(72, 3);
    TAP_OK(parse(&h, &e) == 0, "dirty and corrupt images are read: %s", e.text);
    header_drop(&h);
    put64(72, 1 << 7);
    expect(EOPNOTSUPP, "bit 7", "an unknown feature");
    char row[48] = {0, 7, 'w', 'a', 'r', 'p'};
    put_extension(EXTENSIONS, 0x6803f857, row, sizeof(row));
    expect(EOPNOTSUPP, "'warp'", "an unknown feature with a name");
    fresh();
    put64(72, 8);
    expect(EINVAL, "compression", "the feature without the type");
    bytes[104] = 1;
    TAP_OK(parse(&h, &e) == 0 && h.compression == 1, "zstd: %s", e.text);
    header_drop(&h);
    put64(72, 0);
    expect(EINVAL, "compression", "the type without the feature");
    bytes[104] = 2;
    expect(EOPNOTSUPP, "compression type 2", "an unknown compression");
    fresh();
    put64(72, 16);
    put32(20, 13);
    expect(EINVAL, "extended L2", "extended L2 in 8 KiB clusters");
    fresh();
    put64(88, 2);
    expect(EINVAL, "raw data file", "a raw data file without a data file");
}

static void test_limits(void)
{
    static const struct {
        size_t at;
        unsigned width;
        uint64_t value;
        int no;
        const char *part, *what;
    } rows[] = {
        {0, 4, 0x514649fa, EINVAL, "begin", "another magic"},
        {20, 4, 8, EINVAL, "cluster size", "256 byte clusters"},
        {20, 4, 22, EINVAL, "cluster size", "4 MiB clusters"},
        {20, 4, 0xffffffff, EINVAL, "cluster size", "absurd clusters"},
        {32, 4, 3, EINVAL, "encryption", "unknown encryption"},
        {24, 8, UINT64_MAX, EINVAL, "larger", "a size past 2^63"},
        {60, 4, 65537, EINVAL, "65536", "too many snapshots"},
        {96, 4, 7, EINVAL, "reference", "refcount order 7"},
        {100, 4, 103, EINVAL, "header length", "a short header"},
        {100, 4, CLUSTER + 1, EINVAL, "header length", "a header past its cluster"},
        {EXTENSIONS, 8, 0x55555555fffffff8, EINVAL, "longer", "an extension past the header"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fresh();
        if (rows[i].width == 4)
            put32(rows[i].at, (uint32_t)rows[i].value);
        else
            put64(rows[i].at, rows[i].value);
        expect(rows[i].no, rows[i].part, rows[i].what);
    }
    fresh();
    put32(60, 1);
    put64(64, CLUSTER + 512);
    expect(EINVAL, "aligned", "a snapshot table that is not aligned");
}

static void test_backing_limits(void)
{
    fresh();
    put64(8, CLUSTER + 8);
    put32(16, 1);
    expect(EINVAL, "outside", "a backing name behind the first cluster");
    put64(8, CLUSTER - 4);
    put32(16, 5);
    expect(EINVAL, "too long", "a backing name across its end");
    put64(8, 200);
    put32(16, 1024);
    expect(EINVAL, "too long", "a backing name of 1024 bytes");
    put64(8, 16);
    put32(16, 8);
    expect(EINVAL, "inside the header", "a backing name over the fields");
    fresh();
    char format[16] = "aaaaaaaaaaaaaaa";
    put_extension(EXTENSIONS, 0xe2792aca, format, sizeof(format));
    expect(EINVAL, "too long", "a backing format of 16 bytes");
}

/* A header longer than what was read of it, with nothing behind the fields to say so. */
static void test_long_header(void)
{
    struct header h = {0};
    fresh();
    put32(100, 5000);
    put64(8, 4000);
    TAP_OK(header_parse(bytes, HEADER_FIRST_READ, "x", &h, NULL) == 5000, "it asks for all of it");
    TAP_OK(header_parse(bytes, 5000, "x", &h, NULL) == 0 && h.used == 5000, "and takes it");
    header_drop(&h);
}

/* Every prefix is refused or asked to be longer, and reading stays inside it (ASan tells). */
static void test_prefixes(void)
{
    fresh();
    size_t at = put_extension(EXTENSIONS, 0xe2792aca, "qcow2", 5);
    put64(8, at);
    put32(16, 4);
    memcpy(bytes + at, "base", 4);
    bool longer = true;
    for (size_t have = 0; have < at + 4; have++) {
        autofree uint8_t *part = malloc(have + 1);
        memcpy(part, bytes, have);
        struct header h;
        int64_t r = header_parse(part, have, "x", &h, NULL);
        longer = longer && r > (int64_t)have;
    }
    TAP_OK(longer, "each of %zu prefixes asks for more", at + 4);
}

static void test_l1(void)
{
    struct header h = {.cluster_bits = 16};
    uint64_t size = UINT64_C(1) << 30, file = 10 * CLUSTER;
    struct err e;
    TAP_OK(header_check_l1(&h, "x", 3 * CLUSTER, 2, size, 3 * CLUSTER + 16, &e) == 0,
           "a file may end right behind its L1 table");
    TAP_OK(header_check_l1(&h, "x", 3 * CLUSTER, 2, size, 3 * CLUSTER + 15, &e) == -EIO,
           "but not inside");
    TAP_OK(header_check_l1(&h, "x", CLUSTER, 1, size, file, &e) == -EINVAL, "too few entries");
    TAP_OK(header_check_l1(&h, "x", CLUSTER, 3, size, file, &e) == 0, "too many are fine");
    TAP_OK(header_check_l1(&h, "x", CLUSTER + 512, 2, size, file, &e) == -EINVAL, "not aligned");
    TAP_OK(header_check_l1(&h, "x", 0, 2, size, file, &e) == -EINVAL, "at offset 0");
    TAP_OK(header_check_l1(&h, "x", 0, 0, 0, file, &e) == 0, "none for an empty disk");
    TAP_OK(header_check_l1(&h, "x", UINT64_C(0xffffffffffff0000), 2, size, file, &e) == -EINVAL,
           "past every file");
    TAP_OK(header_check_l1(&h, "x", CLUSTER, L1_BYTES_MAX / 8 + 1, size, file, &e) == -EINVAL,
           "over 32 MiB");
}

static void test_same_mapping(void)
{
    struct header a = {.cluster_bits = 16, .incompatible = 1, .snapshots = 3};
    struct header b = a;
    char backing[] = "b";
    b.snapshots = 4;
    b.incompatible = 2;
    TAP_OK(header_same_mapping(&a, &b), "snapshots and marks do not matter");
    b.backing = backing;
    TAP_OK(!header_same_mapping(&a, &b), "a backing file does");
    b = a;
    b.incompatible = INCOMPAT_EXTENDED_L2;
    TAP_OK(!header_same_mapping(&a, &b), "and a feature");
}

static char path[] = "/tmp/snapfs-test-top-XXXXXX", below[] = "/tmp/snapfs-test-below-XXXXXX";

/* An image with its data in a file of that name, on the raw file `below`. */
static bool write_image(const char *data_name)
{
    fresh();
    put64(72, INCOMPAT_DATA_FILE);
    size_t at = put_extension(EXTENSIONS, 0xe2792aca, "raw", 3);
    if (data_name)
        at = put_extension(at, 0x44415441, data_name, (uint32_t)strlen(data_name));
    put64(8, at);
    put32(16, sizeof(below) - 1);
    memcpy(bytes + at, below, sizeof(below) - 1);
    autoclose int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    return fd >= 0 && write(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes);
}

/* The walk goes on to the file below whatever the data file is. */
static void check_layers(const char *data, bool unknown, int no, const char *what)
{
    struct image_source source = {.path = path, .format = "qcow2"};
    struct image_layer *layers = NULL;
    size_t n = 0;
    bool is_unknown = !unknown;
    struct err e = {0};
    int r = image_layers(&source, NULL, &layers, &n, &is_unknown, &e);
    TAP_OK(r == -no && n == 2, "%s: %zu layers, %s", what, n, e.text);
    TAP_OK(is_unknown == unknown, "%s: %sknown", what, unknown ? "not all is " : "");
    TAP_STR(n ? layers[0].data : "", data, "its path");
    image_layers_free(layers, n);
}

static void test_data_names(void)
{
    static const struct {
        const char *name, *path;
        bool unknown;
        int no;
        const char *what;
    } rows[] = {
        {"/d", "/d", false, 0, "a path"},
        {"file:/d", "/d", false, 0, "a file: name"},
        {"json:{\"driver\":\"file\",\"filename\":\"/d\"}", "/d", false, 0, "a json: name"},
        {"nbd://host/d", NULL, false, EOPNOTSUPP, "another host's file"},
        {"json:{\"filen\\u0061me\":\"/d\"}", NULL, true, EOPNOTSUPP, "json: with escapes"},
        {"blkdebug::/d", NULL, true, EOPNOTSUPP, "a protocol that wraps a file"},
        {NULL, NULL, true, EINVAL, "no name at all"},
    };
    autoclose int top = mkstemp(path), base = mkstemp(below);
    TAP_OK(top >= 0 && base >= 0, "two files");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (TAP_OK(write_image(rows[i].name), "an image with its data in %s", rows[i].what))
            check_layers(rows[i].path, rows[i].unknown, rows[i].no, rows[i].what);
    unlink(path);
    unlink(below);
}

int main(void)
{
    test_fields();
    test_names();
    test_versions();
    test_features();
    test_limits();
    test_backing_limits();
    test_long_header();
    test_prefixes();
    test_l1();
    test_same_mapping();
    test_data_names();
    return tap_done();
}
