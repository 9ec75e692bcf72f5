/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file_marks.c - see storage/file_marks.h. No locks. */
#include "model/storage/file_marks.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

#define MADE "user.snapfs.made"
#define LEFT "user.snapfs.left"
#define BASE "user.snapfs.base"
#define WRITTEN "user.snapfs.written"

enum { VALUE_MAX = 64 << 10 /* Linux has none that is longer */, HEX_DIGITS = 16 };

/* ---- one attribute ---- */

/* Returns the part of the attribute after the inode number; the caller owns it. Returns NULL if
 * there is no attribute, or if it has another inode number. */
static char *get(int fd, const char *name)
{
    struct stat st;
    autofree char *value = calloc(1, VALUE_MAX + 1);
    char own[32];
    if (!value || fstat(fd, &st) < 0 || fgetxattr(fd, name, value, VALUE_MAX) < 0)
        return NULL;
    size_t len = (size_t)snprintf(own, sizeof(own), "%" PRIu64 " ", (uint64_t)st.st_ino);
    return strncmp(value, own, len) ? NULL : strdup(value + len);
}

static bool set(int fd, const char *name, const char *value)
{
    struct stat st;
    autotext struct text t = {0};
    if (fstat(fd, &st) < 0)
        return false;
    text_add(&t, "%" PRIu64 " %s", (uint64_t)st.st_ino, value);
    return !t.failed && t.len <= VALUE_MAX && fsetxattr(fd, name, t.s, t.len, 0) == 0;
}

static int open_file(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

/* ---- made, base ---- */

static bool set_on(const char *path, const char *name)
{
    autoclose int fd = open_file(path);
    return fd >= 0 && set(fd, name, "");
}

static bool is_on(const char *path, const char *name)
{
    autoclose int fd = open_file(path);
    autofree char *value = fd >= 0 ? get(fd, name) : NULL;
    return value != NULL;
}

bool mark_made(const char *path)
{
    return set_on(path, MADE);
}

bool mark_is_made(const char *path)
{
    return is_on(path, MADE);
}

void mark_base(const char *path)
{
    (void)set_on(path, BASE);
}

bool mark_is_base(const char *path)
{
    return is_on(path, BASE);
}

void mark_no_base(const char *path)
{
    autoclose int fd = open_file(path);
    if (fd >= 0)
        (void)!fremovexattr(fd, BASE);
}

/* ---- written ---- */

bool mark_set_written(const char *path, const struct mark_written *w)
{
    char value[80];
    autoclose int fd = open_file(path);
    snprintf(value, sizeof(value), "%" PRIu64 " %" PRIu64 " %" PRIu64, w->content_ns, w->mtime_ns,
             w->size);
    return fd >= 0 && set(fd, WRITTEN, value);
}

bool mark_is_possible(const char *path)
{
    char value[1];
    autoclose int fd = open_file(path);
    return fd >= 0 && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0 &&
           (fgetxattr(fd, WRITTEN, value, 0) >= 0 || errno == ENODATA);
}

bool mark_written(const char *path, struct mark_written *ret)
{
    autoclose int fd = open_file(path);
    autofree char *value = fd >= 0 ? get(fd, WRITTEN) : NULL;
    return value && sscanf(value, "%" SCNu64 " %" SCNu64 " %" SCNu64, &ret->content_ns,
                           &ret->mtime_ns, &ret->size) == 3;
}

/* ---- left ---- */

bool mark_left(const char *path, const uint64_t *entries, size_t n)
{
    autoclose int fd = open_file(path);
    autofree char *before = fd >= 0 ? get(fd, LEFT) : NULL;
    autotext struct text t = {0};
    if (fd < 0)
        return false;
    text_add(&t, "%s", before ? before : "");
    for (size_t i = 0; i < n; i++)
        text_add(&t, "%0*" PRIx64 " ", HEX_DIGITS, entries[i]);
    return !t.failed && set(fd, LEFT, t.s);
}

struct marks mark_read(const char *path)
{
    struct marks m = {0};
    autoclose int fd = open_file(path);
    autofree char *value = fd >= 0 ? get(fd, LEFT) : NULL;
    if (!value)
        return m;
    m.entries = calloc(MARKS_MAX, sizeof(*m.entries));
    for (const char *p = value; m.entries && m.n < MARKS_MAX; p += HEX_DIGITS + 1) {
        if (strspn(p, "0123456789abcdef") != HEX_DIGITS || p[HEX_DIGITS] != ' ')
            break;
        if (sscanf(p, "%16" SCNx64, &m.entries[m.n]) == 1)
            m.n++;
    }
    return m;
}

bool mark_is_left(const struct marks *m, uint64_t entry)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->entries[i] == entry)
            return true;
    return false;
}

void mark_drop(struct marks *m)
{
    free(m->entries);
    *m = (struct marks){0};
}
