/* SPDX-License-Identifier: GPL-3.0-or-later */
/* extensions.h - the header extensions of a qcow2. Parsing is pure. */
#ifndef SNAPFS_IMAGE_EXTENSIONS_H
#define SNAPFS_IMAGE_EXTENSIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { BACKING_NAME_MAX = 1023, FORMAT_NAME_MAX = 15 };

struct extensions {
    uint32_t used;         /* the end of the extensions read so far, in the header */
    uint64_t unknown;      /* incompatible features that snapfs does not know */
    char *backing_format;  /* NULL: the header names none */
    char *data_name;       /* NULL: the header names none */
    char *unknown_feature; /* the file's own name for the lowest bit in `unknown` */
};

/* Parses the extensions from x->used to `end` in the `have` first bytes of `path`. `x` has x->used
 * and x->unknown set, and no names. Returns as header_parse. Release with extensions_drop. */
int64_t extensions_parse(const uint8_t *bytes, size_t have, uint32_t end, const char *path,
                         struct extensions *x, struct err *e);
void extensions_drop(struct extensions *x);

#endif
