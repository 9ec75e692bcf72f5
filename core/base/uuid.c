/* SPDX-License-Identifier: GPL-3.0-or-later */
/* uuid.c - see uuid.h. No locks. */
#include "base/uuid.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

enum { UUID_BYTES = 16 };

static bool is_dash(int i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

int uuid_make(char ret[UUID_LEN + 1], struct err *e)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t b[UUID_BYTES];
    if (getrandom(b, sizeof(b), 0) != sizeof(b))
        return err_fail(e, EIO, "the kernel gives no random bytes");
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* RFC 4122, 4.4 */
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    for (int i = 0, k = 0; i < UUID_LEN; i++) {
        ret[i] = '-';
        if (is_dash(i))
            continue;
        ret[i] = digits[k % 2 ? b[k / 2] & 15 : b[k / 2] >> 4];
        k++;
    }
    ret[UUID_LEN] = '\0';
    return 0;
}

bool uuid_is(const char *s)
{
    if (strlen(s) != UUID_LEN)
        return false;
    for (int i = 0; i < UUID_LEN; i++)
        if (is_dash(i) ? s[i] != '-' : !strchr("0123456789abcdef", s[i]))
            return false;
    return true;
}
