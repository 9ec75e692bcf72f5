/* SPDX-License-Identifier: GPL-3.0-or-later */
/* record.c - see journal/record.h. No locks. */
#include "model/journal/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_PRINTED = 0x21, DELETE = 0x7f };

/* ---- writing ---- */

void record_put(struct text *t, const char *value)
{
    text_add(t, *value ? " " : " -");
    for (const unsigned char *p = (const unsigned char *)value; *p; p++) {
        bool coded = *p < FIRST_PRINTED || *p == DELETE || *p == '%' || (*p == '-' && !value[1]);
        if (coded)
            text_add(t, "%%%02X", *p);
        else
            text_put(t, p, 1);
    }
}

void record_field(struct text *t, const char *word, const char *value)
{
    text_add(t, "%s", word);
    record_put(t, value);
    text_add(t, "\n");
}

int record_add(struct journal *j, const struct text *lines, struct err *e)
{
    return lines->failed ? err_nomem(e) : journal_add(j, lines->s, e);
}

/* ---- reading ---- */

static bool from_hex(const char *p, char *ret)
{
    unsigned value;
    char digits[3] = {p[0]};
    if (p[0])
        digits[1] = p[1];
    if (strspn(digits, "0123456789ABCDEF") != 2 || sscanf(digits, "%2x", &value) != 1 || !value)
        return false;
    *ret = (char)value;
    return true;
}

/* Decodes the value in place. */
static bool decode(char *s)
{
    char *to = s;
    if (!strcmp(s, "-"))
        *s = '\0';
    for (const char *p = s; *p; to++) {
        if (*p != '%') {
            *to = *p++;
        } else {
            if (!from_hex(p + 1, to))
                return false;
            p += 3;
        }
    }
    *to = '\0';
    return true;
}

static bool split(char *text, struct record_line *ret)
{
    char *rest = text, *field;
    *ret = (struct record_line){0};
    while ((field = strsep(&rest, " "))) {
        if (ret->n == RECORD_FIELDS_MAX || !decode(field))
            return false;
        ret->fields[ret->n++] = field;
    }
    return true;
}

int record_fail(struct err *e)
{
    return err_fail(e, EIO,
                    "the journal of the domain tells of an operation that this version of snapfs "
                    "does not understand");
}

int record_read(const char *text, bool (*each)(void *ctx, const struct record_line *l), void *ctx,
                struct err *e)
{
    autofree char *copy = strdup(text);
    char *rest = copy, *one;
    struct record_line l;
    bool ok = true;
    if (!copy)
        return err_nomem(e);
    while (ok && (one = strsep(&rest, "\n")))
        ok = !*one || (split(one, &l) && each(ctx, &l));
    return ok ? 0 : record_fail(e);
}

bool record_number(const char *s, uint64_t *ret)
{
    char end;
    return *s >= '0' && *s <= '9' && sscanf(s, "%" SCNu64 "%c", ret, &end) == 1;
}

bool record_keep(char **at, const struct record_line *l)
{
    if (l->n != 2 || *at)
        return false;
    *at = strdup(l->fields[1]);
    return *at != NULL;
}
