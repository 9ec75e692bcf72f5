/* path.c - see path.h. Pure functions. */
#include "image/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* QEMU takes what stands before a ':' for a protocol, unless a '/' comes first. */
static bool has_protocol(const char *name)
{
    return name[strcspn(name, ":/")] == ':';
}

bool path_is_remote(const char *path)
{
    static const char *const schemes[] = {"nbd://", "nbd+unix://"};
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-._~:/?#[]@!$&'()*+,;=%";
    bool found = false;
    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
        found |= !strncmp(path, schemes[i], strlen(schemes[i]));
    size_t len = found ? strspn(path, legal) : 0;
    return len && !path[len] && len <= REMOTE_MAX;
}

enum { URI_MAX = 4 * REMOTE_MAX };

/* The URI of an export that libvirt has named in QEMU's JSON, and only as it does; "" for none. */
static void json_uri(const char *json, char uri[URI_MAX])
{
#define PLAIN "\"%1023[-._~/a-zA-Z0-9]\"" /* no URI has to quote it; REMOTE_MAX - 1 */
    static const char in_unix[] =
        "json:{\"file\":{\"driver\":\"nbd\",\"server\":{\"type\":\"unix\","
        "\"path\":" PLAIN "},\"export\":" PLAIN "}}%n";
    static const char in_inet[] =
        "json:{\"file\":{\"driver\":\"nbd\",\"server\":{\"type\":\"inet\","
        "\"host\":" PLAIN ",\"port\":" PLAIN "},\"export\":" PLAIN "}}%n";
#undef PLAIN
    char where[REMOTE_MAX], export[REMOTE_MAX], port[REMOTE_MAX];
    int end = 0;
    uri[0] = '\0';
    if (sscanf(json, in_unix, where, export, &end) == 2 && end && !json[end])
        snprintf(uri, URI_MAX, "nbd+unix:///%s?socket=%s", export, where);
    else if (sscanf(json, in_inet, where, port, export, &end) == 3 && end && !json[end])
        snprintf(uri, URI_MAX, "nbd://%s:%s/%s", where, port, export);
}

int path_resolve(const char *image, const char *name, char **ret, struct err *e)
{
    static const char file_url[] = "file:";
    const char *local = name;
    char uri[URI_MAX];
    json_uri(name, uri);
    if (path_is_remote(uri))
        local = uri;
    else if (!strncmp(name, file_url, sizeof(file_url) - 1) && name[sizeof(file_url) - 1] == '/')
        local = name + sizeof(file_url) - 1;
    bool remote = path_is_remote(local);
    if (!*local || (has_protocol(local) && !remote))
        return err_fail(e, EOPNOTSUPP, "'%s' refers to '%s', which is not a local file", image,
                        name);
    autotext struct text t = {0};
    const char *slash = strrchr(image, '/');
    if (*local != '/' && slash && !remote)
        text_put(&t, image, (size_t)(slash - image) + 1);
    text_add(&t, "%s", local);
    char *path = text_take(&t, NULL);
    if (!path)
        return err_nomem(e);
    *ret = path;
    return 0;
}

/* The value of the only key that ends in "filename"; PATH_REMOTE when there is none. A text with
 * escapes or more than one such key is not looked into. */
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
    if (path_is_remote(name))
        return PATH_REMOTE;
    int r = path_resolve(image, name, ret, &ignored);
    if (r != -EOPNOTSUPP)
        return r < 0 ? r : PATH_LOCAL;
    return is_remote(name) ? PATH_REMOTE : PATH_UNKNOWN;
}
