/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_name.c - names of directories: what decodes was coded, and coding can be inverted. And names
 * of files in images. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/name.h"
#include "base/remote.h"
#include "image/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What resolves is a path, and leads there, or is on another host. */
static void try_path(const char *text)
{
    autofree char *path = NULL, *lead = NULL;
    struct err e;
    int r = path_resolve("/a/b", text, &path, &e), where = path_lead("/a/b", text, &lead);
    bool remote = r == 0 && remote_is(path);
    if (remote && where == PATH_LOCAL)
        __builtin_trap();
    if (r == 0 && !remote && (*path != '/' || where != PATH_LOCAL || strcmp(path, lead) != 0))
        __builtin_trap();
    if ((where == PATH_LOCAL) != (lead != NULL) || (r < 0 && r != -EOPNOTSUPP))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autofree char *text = strndup((const char *)data, size);
    autofree char *name = NULL, *coded = NULL, *again = NULL, *back = NULL;
    struct err e;
    if (!text)
        return 0;
    (void)name_check_new(text, &e);
    try_path(text);
    if (name_decode(text, &name, &e) == 0) {
        again = name_encode(name);
        if (!again || strcmp(again, text) != 0)
            __builtin_trap();
    }
    coded = name_encode(text);
    if (!coded || strlen(coded) > NAME_CODED_MAX || strchr(coded, '/'))
        __builtin_trap();
    bool cut =
        strlen(text) * 3 > NAME_CODED_MAX; /* maybe: such a name cannot be told from its code */
    if (*text && !cut && name_decode(coded, &back, &e) == 0 && strcmp(back, text) != 0)
        __builtin_trap();
    return 0;
}
