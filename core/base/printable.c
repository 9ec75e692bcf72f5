/* printable.c - see printable.h. Pure. */
#include "base/printable.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    CODE_POINT_MAX = 0x10ffff,
    CONTROL_FIRST = 0x7f, /* DEL and the controls of 8 bits, which terminals obey as well */
    CONTROL_LAST = 0x9f,
    SURROGATE_FIRST = 0xd800,
    SURROGATE_LAST = 0xdfff
};

/* The bytes of the code point at p, decoded as RFC 3629 has it; 0 when it is none or not to be
 * shown. The terminating NUL is no continuation byte, so nothing past it is read. */
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
    bool odd = code < least[n] || code > CODE_POINT_MAX ||
               (code >= CONTROL_FIRST && code <= CONTROL_LAST) ||
               (code >= SURROGATE_FIRST && code <= SURROGATE_LAST);
    return odd ? 0 : n;
}

void printable(char *s)
{
    while (*s) {
        size_t n = code_point_length((unsigned char *)s);
        if (!n)
            *s = '?';
        s += n ? n : 1;
    }
}
