/* SPDX-License-Identifier: GPL-3.0-or-later */
/* overlay_name.c - see storage/overlay_name.h. Pure except for the random part. */
#include "model/storage/overlay_name.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/uuid.h"

enum { STEM_MAX = 200 /* bytes of a file's name; a uuid and a suffix follow */ };

/* Returns whether the path gets another meaning if libvirt writes it in XML or in an option of
 * qemu-img. */
static bool is_odd(const char *path)
{
    for (const unsigned char *p = (const unsigned char *)path; *p; p++)
        if (*p < 0x20 || *p == 0x7f || *p == ',')
            return true;
    return false;
}

size_t overlay_stem(const char *name, size_t max)
{
    const char *dot = strrchr(name, '.');
    size_t len = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    if (len <= max)
        return len;
    for (len = max; len > 0 && ((unsigned char)name[len] & 0xc0) == 0x80; len--)
        ;
    return len;
}

/* Returns whether the ending names the file's format. A user has chosen such an ending. */
static bool ends_in_format(const char *path)
{
    static const char *const formats[] = {"qcow2", "qcow", "img", "raw", "image", "vmdk",
                                          "vdi",   "vhdx", "vhd", "qed", "iso"};
    const char *ending = strrchr(path, '.');
    for (size_t i = 0; ending && i < sizeof(formats) / sizeof(*formats); i++)
        if (!strcmp(ending + 1, formats[i]))
            return true;
    return false;
}

bool overlay_is_named_so(const char *path, const char *content)
{
    const char *slash = strrchr(content, '/'), *name = slash ? slash + 1 : content;
    size_t len = (size_t)(name - content) + overlay_stem(name, STEM_MAX);
    return !strncmp(path, content, len) && path[len] == '.' && !strchr(path + len, '/') &&
           strcmp(path, content) != 0 && !ends_in_format(path);
}

int overlay_name(const char *content, char **ret, struct err *e)
{
    autotext struct text t = {0};
    char uuid[UUID_LEN + 1];
    const char *slash = strrchr(content, '/'), *name = slash ? slash + 1 : content;
    if (!slash || is_odd(content))
        return err_fail(e, EOPNOTSUPP,
                        "'%s' has a comma or a control character in its path, which libvirt would "
                        "write as another name",
                        content);
    int r = uuid_make(uuid, e);
    if (r < 0)
        return r;
    text_add(&t, "%.*s%.*s.%s", (int)(name - content), content, (int)overlay_stem(name, STEM_MAX),
             name, uuid);
    *ret = text_take(&t, NULL);
    return *ret ? 0 : err_nomem(e);
}
