/* SPDX-License-Identifier: GPL-3.0-or-later */
/* content_time.c - see reader/content_time.h. No locks of its own. */
#include "model/reader/content_time.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "model/journal/keep.h"
#include "model/storage/file_marks.h"

#define KIND "merge"

enum { VALUE_SIZE = 84 };

static void written_put(const struct mark_written *w, uint64_t ino, char ret[VALUE_SIZE])
{
    snprintf(ret, VALUE_SIZE, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, ino, w->content_ns,
             w->mtime_ns, w->size);
}

struct asked {
    uint64_t ino, mtime_ns, size; /* mtime_ns and size are 0: the file is being written */
    struct mark_written *found;
};

static bool is_asked(void *ctx, uid_t by, const char *value)
{
    const struct asked *a = ctx;
    struct mark_written w;
    uint64_t of;
    (void)by;
    bool fits = sscanf(value, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &of, &w.content_ns,
                       &w.mtime_ns, &w.size) == 4 &&
                of == a->ino && w.mtime_ns == a->mtime_ns && w.size == a->size;
    if (fits)
        *a->found = w;
    return fits;
}

/* Finds the mark that holds for that time and size. The file may have an older mark beside the kept
 * one: the user who merged into it last may not have been allowed to write to it. */
static bool written_get(const struct kept *kept, const char *path, struct asked *a)
{
    bool fits = mark_written(path, a->found) && a->found->mtime_ns == a->mtime_ns &&
                a->found->size == a->size;
    return fits || kept_find(kept, KIND, path, path, is_asked, a);
}

static bool is_being_written(const struct kept *kept, const char *path, uint64_t ino,
                             struct mark_written *ret)
{
    struct asked a = {.ino = ino, .found = ret};
    return written_get(kept, path, &a);
}

/* Stores the mark in the file's attribute, or among the kept records if the file takes no
 * attribute. */
static int written_set(struct model *m, const char *uuid, const char *path, uint64_t ino,
                       const struct mark_written *w, struct err *e)
{
    char value[VALUE_SIZE];
    struct kept_record r = {KIND, path, value};
    written_put(w, ino, value);
    return mark_set_written(path, w) ? 0 : keep_surely(m, uuid, kept_put_record, &r, e);
}

uint64_t evidence_time(const struct kept *kept, const char *path, const struct image_id *file,
                       bool *ret_marked)
{
    struct mark_written w;
    struct asked a = {file->ino, file->mtime_ns, file->size, &w};
    *ret_marked = written_get(kept, path, &a);
    return *ret_marked ? w.content_ns : file->mtime_ns;
}

bool evidence_is_written(const struct kept *kept, const char *path, const struct image_id *file)
{
    struct mark_written w;
    return is_being_written(kept, path, file->ino, &w);
}

bool evidence_file(const char *path, struct image_id *ret)
{
    struct stat st;
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    *ret = (struct image_id){.dev = st.st_dev,
                             .ino = st.st_ino,
                             .size = (uint64_t)st.st_size,
                             .mtime_ns = clock_from(st.st_mtim)};
    return true;
}

uint64_t evidence_content(const struct kept *kept, const char *path)
{
    struct image_id file;
    bool marked;
    return path && evidence_file(path, &file) ? evidence_time(kept, path, &file, &marked) : 0;
}

/* Sets a mark that holds for no time while the file is written to. It is still there after a
 * crash. */
int evidence_writing(struct model *m, const char *uuid, const char *path, const char *top,
                     struct err *e)
{
    struct image_id file;
    struct mark_written w;
    struct kept *kept autodestroy(kept_unref) = keep_read(m, uuid);
    if (!evidence_file(path, &file) || is_being_written(kept, path, file.ino, &w))
        return 0;
    w = (struct mark_written){
        .content_ns = max_u64(evidence_content(kept, path), evidence_content(kept, top))};
    return written_set(m, uuid, path, file.ino, &w, e);
}

void evidence_written(struct model *m, const char *uuid, const char *path)
{
    struct image_id file;
    struct mark_written w;
    struct err ignored;
    struct kept *kept autodestroy(kept_unref) = keep_read(m, uuid);
    if (!evidence_file(path, &file) || !is_being_written(kept, path, file.ino, &w))
        return;
    w.mtime_ns = file.mtime_ns;
    w.size = file.size;
    (void)written_set(m, uuid, path, file.ino, &w, &ignored);
}
