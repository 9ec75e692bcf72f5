/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_snapshots.c - the input is a snapshot table: one byte how many entries it claims, then it.
 *
 * The walk over the file gives what parsing it in one piece does.
 */
#include <sys/mman.h>

#include "image/snapshots.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_inside(const struct snapshot *s)
{
    const char *end = (const char *)s->bytes + s->len;
    return s->len >= SNAPSHOT_FIXED && s->id + s->id_len == s->name &&
           s->name + s->name_len == end && s->disk_size % VIRTUAL_SECTOR == 0;
}

static void walk(const struct image_file *f, const uint8_t *data, size_t size, unsigned count)
{
    struct snapshot_walk w;
    struct snapshot s, same;
    size_t at = 0;
    unsigned n = 0;
    struct err e;
    snapshot_walk_begin(&w, f, count, 0, 1 << 20, 0);
    int r;
    while ((r = snapshot_walk_next(&w, &s, &e)) == 1) {
        if (at > size || snapshot_parse(data + at, size - at, 1 << 20, &same) != 0 ||
            s.len != same.len || snapshot_hash(&s) != snapshot_hash(&same) || !is_inside(&s))
            __builtin_trap();
        (void)snapshot_text_is(s.name, s.name_len, "a");
        at += (s.len + 7) / 8 * 8;
        n++;
    }
    if ((r == 0) != (n == count))
        __builtin_trap();
    if (r < 0 && at < size && snapshot_parse(data + at, size - at, 0, &same) == 0)
        __builtin_trap();
    snapshot_walk_end(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    if (fd < 0)
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (!size || ftruncate(fd, 0) < 0 || pwrite(fd, data + 1, size - 1, 0) != (ssize_t)size - 1)
        return 0;
    struct image_file f = {.path = (char[]){"x"}, .fd = fd, .size = size - 1};
    walk(&f, data + 1, size - 1, data[0]);
    return 0;
}
