/* SPDX-License-Identifier: GPL-3.0-or-later */
/* text.h - growable text. A failed allocation is remembered and told once, at the end.
 *
 *     struct text t = {0};
 *     text_add(&t, "%s\n", line);
 *     char *s = text_take(&t, &len);      NULL when memory ran out on the way
 */
#ifndef SNAPFS_BASE_TEXT_H
#define SNAPFS_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
    char *s; /* NUL-terminated once anything was added */
    size_t len;
    size_t cap;
    bool failed;
};

void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds one line and its newline: what is formatted is made printable (base/printable.h), so that no
 * name in it makes a line of its own. */
void text_line(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_put(struct text *t, const void *bytes, size_t len);

/* The text, owned by the caller (free), never NULL on success even when empty; ret_len may be
 * NULL. Leaves `t` empty. NULL when an allocation failed. */
char *text_take(struct text *t, size_t *ret_len);

/* Is it UTF-8 as RFC 3629 has it: nothing overlong, no surrogates, nothing past U+10FFFF? */
bool text_is_utf8(const char *s);

/* Frees what was not taken. */
void text_drop(struct text *t);

#define autotext __attribute__((cleanup(text_drop)))

#endif
