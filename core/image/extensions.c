/* SPDX-License-Identifier: GPL-3.0-or-later */
/* extensions.c - the header extensions of a qcow2: {u32 type, u32 length, data, padding to 8}. */
#include "image/extensions.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

enum {
    EXT_END = 0,
    EXT_FEATURES = 0x6803f857,
    EXT_DATA_FILE = 0x44415441,
    FEATURE_BYTES = 48, /* one row: kind, bit, name of 46 bytes */
    FEATURE_NAME = 46
};
#define EXT_FORMAT UINT32_C(0xe2792aca)

static int malformed(struct err *e, const char *path, const char *what)
{
    return err_fail(e, EINVAL, "'%s' is not a valid qcow2 image: %s", path, what);
}

/* Replaces *ret by `len` bytes of text; the last extension of a type wins. */
static int load_text(char **ret, const uint8_t *data, uint32_t len, uint32_t max, const char *path,
                     struct err *e)
{
    if (len > max)
        return malformed(e, path, "a name in its header extensions is too long");
    if (memchr(data, '\0', len))
        return malformed(e, path, "a name in its header extensions holds a NUL byte");
    char *text = strndup((const char *)data, len);
    if (!text)
        return err_nomem(e);
    free(*ret);
    *ret = text;
    return 0;
}

/* Keeps the name of the lowest incompatible feature that snapfs does not know. */
static int load_features(const uint8_t *data, uint32_t len, struct extensions *x, struct err *e)
{
    for (uint32_t at = 0; x->unknown && len - at >= FEATURE_BYTES; at += FEATURE_BYTES) {
        if (data[at] != 0 || data[at + 1] != __builtin_ctzll(x->unknown) || x->unknown_feature)
            continue;
        x->unknown_feature = strndup((const char *)data + at + 2, FEATURE_NAME);
        if (!x->unknown_feature)
            return err_nomem(e);
    }
    return 0;
}

static int load_one(uint32_t type, const uint8_t *data, uint32_t len, const char *path,
                    struct extensions *x, struct err *e)
{
    switch (type) {
    case EXT_FORMAT:
        return load_text(&x->backing_format, data, len, FORMAT_NAME_MAX, path, e);
    case EXT_DATA_FILE:
        return load_text(&x->data_name, data, len, BACKING_NAME_MAX, path, e);
    case EXT_FEATURES:
        return load_features(data, len, x, e);
    default:
        return 0;
    }
}

int64_t extensions_parse(const uint8_t *bytes, size_t have, uint32_t end, const char *path,
                         struct extensions *x, struct err *e)
{
    uint32_t off = x->used;
    while (off < end) {
        if (end - off < 8)
            return malformed(e, path, "a header extension does not fit");
        if (have < off + 8)
            return end;
        uint32_t type = be32(bytes + off), len = be32(bytes + off + 4);
        off += 8;
        x->used = off;
        if (type == EXT_END)
            return 0;
        if (len > end - off)
            return malformed(e, path, "a header extension is longer than the header");
        if (have < off + len)
            return end;
        int r = load_one(type, bytes + off, len, path, x, e);
        if (r < 0)
            return r;
        off += len + (-len & 7);
        x->used = off < end ? off : end;
    }
    return 0;
}

void extensions_drop(struct extensions *x)
{
    free(x->backing_format);
    free(x->data_name);
    free(x->unknown_feature);
    *x = (struct extensions){0};
}
