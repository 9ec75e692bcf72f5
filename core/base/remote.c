/* SPDX-License-Identifier: GPL-3.0-or-later */
/* remote.c - see remote.h. */
#include "base/remote.h"

#include <stdlib.h>
#include <string.h>

#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"
#define PLAIN WORD "~/"

/* The parts of a URI, and the characters that each part may have. */
enum part { HOST, MONITORS, NAME, IMAGE, SOCKET, PARTS };
static const char letters[PARTS] = "hmnis";
static const char *const legal[PARTS] = {
    [HOST] = WORD ":[]",
    [MONITORS] = WORD ":[];\\", /* '\' quotes */
    [NAME] = PLAIN "%:+,;=!$&'()*",
    [IMAGE] = PLAIN,
    [SOCKET] = PLAIN,
};

/* The rows of protocols. A protocol has one row for each set of parts that names its disks. */
static const struct row {
    const char *protocol; /* in libvirt's XML */
    const char *port;     /* if the XML names no port */
    const char *uri;
    bool curl; /* QEMU's curl driver: names may begin with the '/' before them */
} rows[] = {
    {"nbd", "10809", "nbd://%h", false},          {"nbd", "10809", "nbd://%h/%n", false},
    {"nbd", "", "nbd+unix:///?socket=%s", false}, {"nbd", "", "nbd+unix:///%n?socket=%s", false},
    {"http", "80", "http://%h/%n", true},         {"https", "443", "https://%h/%n", true},
    {"ftp", "21", "ftp://%h/%n", true},           {"ftps", "990", "ftps://%h/%n", true},
    {"iscsi", "3260", "iscsi://%h/%n", false},    {"rbd", "0", "rbd:%i", false},
    {"rbd", "0", "rbd:%i:mon_host=%m", false},
};

enum { ROWS = sizeof(rows) / sizeof(*rows) };

static enum part part_of(char letter)
{
    return (enum part)((const char *)memchr(letters, letter, PARTS) - letters);
}

static bool is_all(const char *text, const char *set)
{
    return !text[strspn(text, set)];
}

/* ---- reading ---- */

static bool matches(const char *pattern, const char *text)
{
    for (; *pattern; pattern++)
        if (*pattern == '%')
            text += strspn(text, legal[part_of(*++pattern)]);
        else if (*text++ != *pattern)
            return false;
    return !*text;
}

static const struct row *find(const char *uri)
{
    for (size_t i = 0; i < ROWS; i++)
        if (matches(rows[i].uri, uri))
            return &rows[i];
    return NULL;
}

bool remote_is(const char *uri)
{
    return find(uri) && strlen(uri) <= REMOTE_MAX;
}

bool remote_is_lone(const char *uri)
{
    const struct row *row = find(uri);
    return row && row->curl;
}

bool remote_begins(const char *text)
{
    bool found = false;
    for (size_t i = 0; i < ROWS; i++)
        found |= !strncmp(text, rows[i].uri, strcspn(rows[i].uri, "%"));
    return found;
}

/* Decodes "%3A", because libvirt quotes every ':'. */
char *remote_plain(const char *uri)
{
    static const char colon[] = "%3A";
    autotext struct text t = {0};
    for (const char *at; (at = strstr(uri, colon)); uri = at + strlen(colon)) {
        text_put(&t, uri, (size_t)(at - uri));
        text_put(&t, ":", 1);
    }
    text_add(&t, "%s", uri);
    return text_take(&t, NULL);
}

/* ---- writing ---- */

static const struct row *row_of(const struct remote *r)
{
    for (size_t i = 0; i < ROWS; i++) {
        const char *uri = rows[i].uri;
        bool hosts = strstr(uri, "%h") || strstr(uri, "%m");
        bool name = strstr(uri, "%n") || strstr(uri, "%i");
        if (!strcmp(rows[i].protocol, r->protocol) && hosts == !!*r->hosts && name == !!*r->name &&
            !strstr(uri, "%s") == !*r->socket)
            return &rows[i];
    }
    return NULL;
}

void remote_add_host(struct text *hosts, const char *protocol, const char *name, const char *port)
{
    for (size_t i = 0; !*port && i < ROWS; i++)
        if (!strcmp(rows[i].protocol, protocol))
            port = rows[i].port;
    bool ipv6 = strchr(name, ':');
    text_add(hosts, "%s%s%s%s:%s", hosts->len ? ";" : "", ipv6 ? "[" : "", name, ipv6 ? "]" : "",
             port);
}

static void put_quoted(struct text *t, const char *text)
{
    for (; *text; text++)
        text_add(t, "%s%c", strchr(":;", *text) ? "\\" : "", *text);
}

static bool put(struct text *t, const struct remote *r, enum part part)
{
    const char *const values[PARTS] = {r->hosts, r->hosts, r->name, r->name, r->socket};
    if (part == MONITORS)
        put_quoted(t, values[part]);
    else
        text_add(t, "%s", values[part]);
    return is_all(values[part], legal[part]);
}

char *remote_write(const struct remote *r)
{
    const struct row *row = row_of(r);
    struct remote plain = *r;
    if (row && row->curl && *r->name == '/')
        plain.name++;
    if (!row || *plain.name == '/' || strchr(plain.name, '%'))
        return NULL;
    autotext struct text t = {0};
    bool good = true;
    for (const char *at = row->uri; *at; at++)
        if (*at == '%')
            good &= put(&t, &plain, part_of(*++at));
        else
            text_put(&t, at, 1);
    return good && t.len <= REMOTE_MAX ? text_take(&t, NULL) : NULL;
}
