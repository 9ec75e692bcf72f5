/* text.c - see text.h. No locks: a text belongs to one thread. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void text_add(struct text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || !text_reserve(t, (size_t)n)) {
        t->failed = true;
        return;
    }
    va_start(ap, fmt);
    vsnprintf(t->s + t->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    t->len += (size_t)n;
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
