/* SPDX-License-Identifier: GPL-3.0-or-later */
/* text.c - see text.h. No locks: a text belongs to one thread. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"

static bool text_reserve(struct text *t, size_t more)
{
    size_t need;
    if (t->failed || __builtin_add_overflow(t->len, more, &need) ||
        __builtin_add_overflow(need, 1, &need)) {
        t->failed = true;
        return false;
    }
    if (need <= t->cap)
        return true;
    size_t cap = t->cap ? t->cap : 64;
    while (cap < need)
        if (__builtin_mul_overflow(cap, 2, &cap))
            cap = need;
    char *s = realloc(t->s, cap);
    if (!s) {
        t->failed = true;
        return false;
    }
    t->s = s;
    t->cap = cap;
    return true;
}

void text_put(struct text *t, const void *bytes, size_t len)
{
    if (!text_reserve(t, len))
        return;
    if (len)
        memcpy(t->s + t->len, bytes, len);
    t->len += len;
    t->s[t->len] = '\0';
}

__attribute__((format(printf, 2, 0))) static void add_args(struct text *t, const char *fmt,
                                                           va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n < 0 || !text_reserve(t, (size_t)n)) {
        t->failed = true;
    } else {
        vsnprintf(t->s + t->len, (size_t)n + 1, fmt, again);
        t->len += (size_t)n;
    }
    va_end(again);
}

void text_add(struct text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_args(t, fmt, ap);
    va_end(ap);
}

void text_line(struct text *t, const char *fmt, ...)
{
    size_t begin = t->len;
    va_list ap;
    va_start(ap, fmt);
    add_args(t, fmt, ap);
    va_end(ap);
    if (!t->failed)
        printable(t->s + begin);
    text_put(t, "\n", 1);
}

char *text_take(struct text *t, size_t *ret_len)
{
    text_put(t, "", 0);
    if (t->failed) {
        text_drop(t);
        return NULL;
    }
    char *s = t->s;
    if (ret_len)
        *ret_len = t->len;
    *t = (struct text){0};
    return s;
}

void text_drop(struct text *t)
{
    free(t->s);
    *t = (struct text){0};
}

/* Returns the length of the UTF-8 sequence at p, or 0 if it is invalid (also overlong, surrogate,
 * past U+10FFFF). */
static size_t utf8_length(const unsigned char *p)
{
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : 4;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool bad = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
               (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f);
    return bad ? 0 : n;
}

bool text_is_utf8(const char *s)
{
    for (const unsigned char *p = (const unsigned char *)s; *p;) {
        size_t n = utf8_length(p);
        if (!n)
            return false;
        p += n;
    }
    return true;
}
