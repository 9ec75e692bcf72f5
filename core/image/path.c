/* path.c - see path.h. Pure functions. */
#include "image/path.h"

#include <errno.h>

#include "base/text.h"

/* QEMU takes what stands before a ':' for a protocol, unless a '/' comes first. */
static bool has_protocol(const char *name)
{
    return name[strcspn(name, ":/")] == ':';
}

int path_resolve(const char *image, const char *name, char **ret, struct err *e)
{
    static const char file_url[] = "file:";
    const char *local = name;
    if (!strncmp(name, file_url, sizeof(file_url) - 1) && name[sizeof(file_url) - 1] == '/')
        local = name + sizeof(file_url) - 1;
    if (!*local || has_protocol(local))
        return err_fail(e, EOPNOTSUPP, "'%s' refers to '%s', which is not a local file", image,
                        name);
    autotext struct text t = {0};
    const char *slash = strrchr(image, '/');
    if (*local != '/' && slash)
        text_put(&t, image, (size_t)(slash - image) + 1);
    text_add(&t, "%s", local);
    char *path = text_take(&t, NULL);
    if (!path)
        return err_nomem(e);
    *ret = path;
    return 0;
}
