/* SPDX-License-Identifier: GPL-3.0-or-later */
/* printable.c - see printable.h. Pure. */
#include "base/printable.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { CODE_POINT_MAX = 0x10ffff };

static const struct {
    uint32_t first, last;
} hidden[] = {
    {0x7f, 0x9f},     /* DEL and the 8-bit control characters, which terminals obey too */
    {0x2028, 0x202e}, /* line separators, and marks that change the direction of text */
    {0x2066, 0x2069}, /* more marks that change the direction of text */
    {0xd800, 0xdfff}, /* surrogates */
};

static bool is_hidden(uint32_t code)
{
    bool found = false;
    for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
        found |= code >= hidden[i].first && code <= hidden[i].last;
    return found;
}

/* Returns the length in bytes of the code point at p, decoded by RFC 3629. Returns 0 if the code
 * point is invalid or must not be shown. The loop reads nothing past the terminating NUL, because
 * NUL is not a continuation byte. */
static size_t code_point_length(const unsigned char *p)
{
    static const uint32_t least[] = {0, 0x20, 0x80, 0x800,
                                     0x10000}; /* by length: no shorter form */
    size_t n = *p < 0x80 ? 1 : *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;
    uint32_t code = n == 1 ? *p : *p & (0x7fu >> n);
    if (n > 1 && (*p < 0xc0 || *p >= 0xf8))
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3fu);
    }
    return code < least[n] || code > CODE_POINT_MAX || is_hidden(code) ? 0 : n;
}

void printable(char *s)
{
    while (*s) {
        size_t n = code_point_length((unsigned char *)s);
        if (!n)
            *s = strchr("\t\n\r", *s) ? ' ' : '?';
        s += n ? n : 1;
    }
}
