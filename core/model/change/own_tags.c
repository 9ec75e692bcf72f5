/* SPDX-License-Identifier: GPL-3.0-or-later */
/* own_tags.c - see own_tags.h. No locks: called under the domain's operation. */
#include "model/change/own_tags.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "model/storage/file_marks.h"

#define MAGIC "QFI\xfb"

/* Returns whether the file may hold tags. A file that cannot be opened may be a qcow2. */
static bool may_hold_tags(const char *path)
{
    char magic[sizeof(MAGIC) - 1];
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : pread(fd, magic, sizeof(magic), 0);
    return n < 0 || (n == sizeof(magic) && !memcmp(magic, MAGIC, sizeof(magic)));
}

int own_tags_read(const char *path, struct image_tags **ret, struct err *e)
{
    struct image_source source = {.path = path, .format = "qcow2"};
    return image_tags_read(&source, NULL, ret, e);
}

bool own_tags_have(const struct image_tags *t, uint64_t entry)
{
    for (size_t i = 0; t && i < t->n; i++)
        if (t->tags[i].identity.entry == entry)
            return true;
    return false;
}

bool own_tags_are_kept(const char *path, const char *original, const struct left_tags *left,
                       struct text *why)
{
    struct image_tags *own autodestroy(image_tags_free) = NULL;
    struct image_tags *others autodestroy(image_tags_free) = NULL;
    struct marks marks __attribute__((cleanup(mark_drop))) = {0};
    struct err e;
    if (!may_hold_tags(path))
        return false;
    if (own_tags_read(path, &own, &e) < 0) {
        if (!original)
            text_add(why, "its snapshot table cannot be read: %s", e.text);
        return !original;
    }
    if (original)
        own_tags_read(original, &others, NULL);
    marks = mark_read(path);
    for (size_t i = 0; i < own->n; i++) {
        uint64_t entry = own->tags[i].identity.entry;
        if (mark_is_left(&marks, entry) || left_tags_have(left, path, entry) ||
            own_tags_have(others, entry))
            continue;
        text_add(why, "it holds the tag '%s', which no snapshot has", own->tags[i].name);
        return true;
    }
    return false;
}
