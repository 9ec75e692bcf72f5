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
    char *s; /* NUL-terminated once text was added */
    size_t len;
    size_t cap;
    bool failed;
};

void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds one line and its newline. It makes the formatted text printable (base/printable.h), so that
 * a name in the text cannot make a line of its own. */
void text_line(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_put(struct text *t, const void *bytes, size_t len);

/* Returns the text and leaves `t` empty; the caller frees the text. An empty text is not NULL; NULL
 * means that an allocation failed. ret_len may be NULL. */
char *text_take(struct text *t, size_t *ret_len);

/* Tells whether `s` is UTF-8 by RFC 3629: nothing overlong, no surrogates, nothing past U+10FFFF.
 * */
bool text_is_utf8(const char *s);

/* Frees the text if it was not taken. */
void text_drop(struct text *t);

#define autotext __attribute__((cleanup(text_drop)))

#endif
