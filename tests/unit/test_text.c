/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_text.c - growable text, errors, the stable hash. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "tap.h"

int main(void)
{
    struct text t = {0};
    size_t len = 0, want = 0;
    for (int i = 0; i < 1000; i++) {
        text_add(&t, "%d,", i);
        want += (size_t)snprintf(NULL, 0, "%d,", i);
    }
    text_put(&t, "a\0b", 3);
    char *s = text_take(&t, &len);
    TAP_OK(s && len == want + 3, "%zu bytes", len);
    TAP_OK(s && !memcmp(s + want, "a\0b", 4), "bytes with a NUL, and a NUL at the end");
    free(s);
    TAP_OK(!t.s && !t.len && !t.cap, "taken leaves it empty");
    s = text_take(&t, &len);
    TAP_OK(s && !len && !*s, "an empty text is text");
    free(s);

    struct err e = {0};
    TAP_OK(err_fail(&e, EBUSY, "a\nb %d", 1) == -EBUSY && e.no == EBUSY, "errno");
    TAP_STR(e.text, "a b 1", "one line");
    TAP_OK(err_fail(NULL, EIO, "x") == -EIO, "nobody listens");
    TAP_STR(err_name(ENOTEMPTY), "ENOTEMPTY", "a name");
    TAP_STR(err_name(99999), "E?", "no name");

    TAP_OK(hash_bytes(HASH_START, "foobar", 6) == UINT64_C(0x85944171f73967e8),
           "FNV-1a's own test vector");
    TAP_OK(hash_str(hash_str(HASH_START, "ab"), "c") != hash_str(hash_str(HASH_START, "a"), "bc"),
           "where a string ends counts");
    return tap_done();
}
