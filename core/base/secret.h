/* SPDX-License-Identifier: GPL-3.0-or-later */
/* secret.h - a passphrase: bytes that are wiped when they are freed. Header only. */
#ifndef SNAPFS_BASE_SECRET_H
#define SNAPFS_BASE_SECRET_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SECRET_MAX = 64 * 1024 }; /* bytes; libvirt takes as much */

struct secret {
    void *bytes; /* malloc'ed; NULL: none */
    size_t len;
};

static inline void secret_drop(struct secret *s)
{
    if (s->bytes)
        explicit_bzero(s->bytes, s->len);
    free(s->bytes);
    *s = (struct secret){0};
}

static inline bool secret_equal(const struct secret *a, const struct secret *b)
{
    return a->len == b->len && (!a->len || !memcmp(a->bytes, b->bytes, a->len));
}

#define autosecret __attribute__((cleanup(secret_drop)))

#endif
