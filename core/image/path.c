/* SPDX-License-Identifier: GPL-3.0-or-later */
/* path.c - see path.h. Pure functions. */
#include "image/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/remote.h"
#include "base/text.h"

/* Tells whether QEMU takes the text before a ':' as a protocol. If a '/' comes first, QEMU does
 * not. */
static bool has_protocol(const char *name)
{
    return name[strcspn(name, ":/")] == ':';
}

#define PLAIN "\"%1023[-._~:/a-zA-Z0-9]\"" /* characters that no URI quotes; REMOTE_MAX - 1 */
#define HOST "\"host\":" PLAIN ",\"port\":" PLAIN

/* Reads Ceph's monitors. Returns the length of their text, 0 if there are none. */
static int json_monitors(const char *json, struct text *hosts)
{
    static const char begin[] = ",\"server\":[";
    const char *at = json + sizeof(begin) - 1;
    char host[REMOTE_MAX], port[REMOTE_MAX];
    if (strncmp(json, begin, sizeof(begin) - 1) != 0)
        return 0;
    do {
        int end = 0;
        if (sscanf(at, "{" HOST "}%n", host, port, &end) != 2 || !end)
            return 0;
        remote_add_host(hosts, "", host, port);
        at += end;
    } while (*at++ == ',');
    return at[-1] == ']' ? (int)(at - json) : 0;
}

/* Returns the URI of a disk that libvirt names in QEMU's JSON, exactly in libvirt's form; else
 * NULL. */
static char *json_uri(const char *json)
{
#define BEGIN(driver) "json:{\"file\":{\"driver\":\"" driver "\","
    static const char in_unix[] =
        BEGIN("nbd") "\"server\":{\"type\":\"unix\",\"path\":" PLAIN "},\"export\":" PLAIN "%n";
    static const char in_inet[] =
        BEGIN("nbd") "\"server\":{\"type\":\"inet\"," HOST "},\"export\":" PLAIN "%n";
    static const char in_ceph[] = BEGIN("rbd") "\"pool\":" PLAIN ",\"image\":" PLAIN "%n";
#undef BEGIN
    char name[REMOTE_MAX], where[REMOTE_MAX], port[REMOTE_MAX];
    struct remote r = {.protocol = "nbd", .name = name, .socket = "", .hosts = ""};
    autotext struct text hosts = {0}, image = {0};
    int end = 0;
    if (sscanf(json, in_unix, where, name, &end) == 2 && end) {
        r.socket = where;
    } else if (sscanf(json, in_inet, where, port, name, &end) == 3 && end) {
        remote_add_host(&hosts, "", where, port);
    } else if (sscanf(json, in_ceph, where, name, &end) == 2 && end) {
        end += json_monitors(json + end, &hosts);
        text_add(&image, "%s/%s", where, name);
        r.protocol = "rbd";
        r.name = image.s ? image.s : "";
    }
    r.hosts = hosts.s ? hosts.s : "";
    return end && !strcmp(json + end, "}}") ? remote_write(&r) : NULL;
}
#undef HOST
#undef PLAIN

int path_resolve(const char *image, const char *name, char **ret, struct err *e)
{
    static const char file_url[] = "file:";
    const char *local = name;
    autofree char *uri = remote_is(name) ? remote_plain(name) : json_uri(name);
    if (!uri && remote_is(name))
        return err_nomem(e);
    if (uri)
        local = uri;
    else if (!strncmp(name, file_url, sizeof(file_url) - 1) && name[sizeof(file_url) - 1] == '/')
        local = name + sizeof(file_url) - 1;
    if (!*local || (has_protocol(local) && !uri))
        return err_fail(e, EOPNOTSUPP,
                        "'%s' refers to '%s', which is not a local file, nor a disk on another "
                        "host by a plain URI without credentials, query and options",
                        image, name);
    autotext struct text t = {0};
    const char *slash = strrchr(image, '/');
    if (*local != '/' && slash && !uri)
        text_put(&t, image, (size_t)(slash - image) + 1);
    text_add(&t, "%s", local);
    char *path = text_take(&t, NULL);
    if (!path)
        return err_nomem(e);
    *ret = path;
    return 0;
}

/* Reads the value of the only key that ends in "filename". Returns PATH_REMOTE if there is no such
 * key. A text with escapes, or with more than one such key, is PATH_UNKNOWN. */
static int json_filename(const char *json, char **ret)
{
    static const char key[] = "filename\"";
    const char *at = strstr(json, key);
    if (strchr(json, '\\'))
        return PATH_UNKNOWN;
    if (!at)
        return PATH_REMOTE;
    at += sizeof(key) - 1;
    if (strstr(at, key))
        return PATH_UNKNOWN;
    at += strspn(at, " \t\n:");
    size_t len = *at == '"' ? strcspn(at + 1, "\"") : 0;
    if (!len)
        return PATH_UNKNOWN;
    *ret = strndup(at + 1, len);
    return *ret ? PATH_LOCAL : -ENOMEM;
}

static bool is_remote(const char *name)
{
    static const char *const protocols[] = {"nbd",     "rbd",      "iscsi", "iser", "http",
                                            "https",   "ftp",      "ftps",  "ssh",  "nfs",
                                            "gluster", "sheepdog", "vxhs"};
    size_t len = strcspn(name, ":+");
    for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
        if (strlen(protocols[i]) == len && !strncmp(name, protocols[i], len))
            return true;
    return false;
}

int path_lead(const char *image, const char *name, char **ret)
{
    static const char json[] = "json:";
    autofree char *found = NULL;
    struct err ignored;
    if (!strncmp(name, json, sizeof(json) - 1)) {
        int lead = json_filename(name + sizeof(json) - 1, &found);
        if (lead != PATH_LOCAL)
            return lead;
        name = found;
    }
    if (remote_is(name))
        return PATH_REMOTE;
    int r = path_resolve(image, name, ret, &ignored);
    if (r != -EOPNOTSUPP)
        return r < 0 ? r : PATH_LOCAL;
    return is_remote(name) ? PATH_REMOTE : PATH_UNKNOWN;
}
