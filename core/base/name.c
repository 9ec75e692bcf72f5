/* SPDX-License-Identifier: GPL-3.0-or-later */
/* name.c - see name.h. Pure functions. */
#include "base/name.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"

enum { MARK_LENGTH = 17 }; /* "~" and 16 digits */

static const char *const reserved[] = {
    "by-name",   "create", "current",   "delete",    "description", "domain.xml",
    "info",      "job",    "log",       "needed-by", "memory",      "snapshot.xml",
    "snapshots", "state",  "unmanaged", "revert",
};

/* Suffixes of the entries that snapfs puts beside the snapshots. */
static const char *const suffixes[] = {".raw", ".cow", ".qcow2", ".changes"};

bool name_reserved(const char *name)
{
    for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++)
        if (!strcmp(name, reserved[i]))
            return true;
    return false;
}

static bool is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

static bool is_suffix(const char *end)
{
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++)
        if (!strcmp(end, suffixes[i]))
            return true;
    return false;
}

static bool must_code(const char *name, size_t i, bool is_reserved)
{
    unsigned char c = (unsigned char)name[i];
    if (c == '/' || c == '%' || is_control(c))
        return true;
    if (i == 0 && (c == '.' || is_reserved))
        return true;
    return c == '.' && is_suffix(name + i);
}

static bool is_escaped(char c)
{
    return c == '"' || c == '\\';
}

/* Returns the length to keep of a coded name that is too long. It never cuts a UTF-8 or %XX
 * sequence in half. */
static size_t cut_length(const char *coded, size_t keep)
{
    while (keep && ((unsigned char)coded[keep] & 0xc0) == 0x80)
        keep--;
    for (size_t back = 1; back <= 2 && back <= keep; back++)
        if (coded[keep - back] == '%')
            return keep - back;
    return keep;
}

static void code(const char *name, struct text *t)
{
    size_t len = strlen(name);
    bool is_reserved = name_reserved(name);
    for (size_t i = 0; i < len; i++) {
        if (must_code(name, i, is_reserved))
            text_add(t, "%%%02X", (unsigned char)name[i]);
        else
            text_put(t, name + i, 1);
    }
}

static void mark(struct text *t, uint64_t number)
{
    if (!t->failed && t->len > NAME_CODED_MAX - MARK_LENGTH)
        t->len = cut_length(t->s, NAME_CODED_MAX - MARK_LENGTH);
    text_add(t, "~%016" PRIx64, number);
}

char *name_encode(const char *name)
{
    autotext struct text t = {0};
    code(name, &t);
    if (t.len > NAME_CODED_MAX)
        mark(&t, hash_end(hash_str(HASH_START, name)));
    return text_take(&t, NULL);
}

char *name_encode_marked(const char *name, uint64_t number)
{
    autotext struct text t = {0};
    code(name, &t);
    mark(&t, number);
    return text_take(&t, NULL);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static char *percent_decode(const char *coded)
{
    autotext struct text t = {0};
    for (const char *p = coded; *p; p++) {
        char c = *p;
        if (c == '%') {
            int hi = hex_value(p[1]);
            int lo = hi < 0 ? -1 : hex_value(p[2]);
            if (lo >= 0 && (hi || lo)) {
                c = (char)(hi << 4 | lo);
                p += 2;
            }
        }
        text_put(&t, &c, 1);
    }
    return text_take(&t, NULL);
}

int name_decode(const char *coded, char **ret, struct err *e)
{
    autofree char *name = percent_decode(coded);
    autofree char *again = name ? name_encode(name) : NULL;
    if (!again)
        return err_nomem(e);
    if (strcmp(again, coded) != 0)
        return err_fail(e, EINVAL, "the name '%s' is written '%s' here", name, again);
    *ret = take(name);
    return 0;
}

int name_decode_new(const char *coded, char **ret, struct err *e)
{
    autofree char *name = percent_decode(coded);
    int r = name ? name_check_new(name, e) : err_nomem(e);
    return r < 0 ? r : name_decode(coded, ret, e);
}

bool name_is_mangled(const char *name)
{
    for (const char *p = name; *p; p++)
        if (is_escaped(*p) || is_control((unsigned char)*p))
            return true;
    return false;
}

int name_check_new(const char *name, struct err *e)
{
    size_t len = strlen(name);
    if (!len)
        return err_fail(e, EINVAL, "a snapshot needs a name");
    if (len > NAME_NEW_MAX)
        return err_fail(e, EINVAL, "the name has %zu bytes; a new snapshot's may have %d", len,
                        NAME_NEW_MAX);
    if (!text_is_utf8(name))
        return err_fail(e, EINVAL, "the name '%s' is not UTF-8", name);
    if (name[0] == '.')
        return err_fail(e, EINVAL, "the name '%s' begins with '.', which libvirt refuses", name);
    for (const char *p = name; *p; p++)
        if (*p == '/' || *p == ',' || is_escaped(*p) || is_control((unsigned char)*p))
            return err_fail(e, EINVAL,
                            "the name '%s' holds a '/', a comma, a '\"', a '\\' or a control byte, "
                            "which libvirt or QEMU would mangle",
                            name);
    if (len < 10 && strspn(name, "0123456789") == len)
        return err_fail(e, EINVAL,
                        "the name '%s' has digits only; QEMU would take it for a tag's id", name);
    return 0;
}

bool name_is_plain(const char *name)
{
    for (const unsigned char *p = (const unsigned char *)name; *p; p++)
        if (*p >= 0x80 || (!isalnum(*p) && !strchr("._-", *p)))
            return false;
    return true;
}
