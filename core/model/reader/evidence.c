/* SPDX-License-Identifier: GPL-3.0-or-later */
/* evidence.c - see reader/evidence.h. No locks of its own. */
#include "model/reader/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file_birth.h"
#include "base/mounts.h"
#include "model/catalog/domain.h"
#include "model/state.h"
#include "model/storage/file_chain.h"
#include "model/reader/open.h"
#include "model/journal/keep.h"
#include "model/storage/file_marks.h"
#include "virt/xml.h"

#define WRITTEN "merge"
#define RIGHT "right"
#define TOUCHED "touched"
#define MERGED "merged"

enum { KEY_SIZE = 17, VALUE_SIZE = 84 };

struct record {
    const char *kind, *key, *value;
};

static int put(void *ctx, struct kept *k)
{
    const struct record *r = ctx;
    kept_set(k, r->kind, r->key, r->value);
    return 0;
}

/* ---- content time ---- */

static void written_put(const struct mark_written *w, uint64_t ino, char ret[VALUE_SIZE])
{
    snprintf(ret, VALUE_SIZE, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, ino, w->content_ns,
             w->mtime_ns, w->size);
}

static bool written_kept(const struct kept *kept, const char *path, uint64_t ino,
                         struct mark_written *ret)
{
    uint64_t of;
    const char *value = kept_get(kept, WRITTEN, path);
    return value &&
           sscanf(value, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &of, &ret->content_ns,
                  &ret->mtime_ns, &ret->size) == 4 &&
           of == ino;
}

static bool written_get(const struct kept *kept, const char *path, uint64_t ino,
                        struct mark_written *ret)
{
    return mark_written(path, ret) || written_kept(kept, path, ino, ret);
}

/* In the file's attribute; where it takes none, in what is kept. */
static void written_set(struct model *m, const char *uuid, const char *path, uint64_t ino,
                        const struct mark_written *w)
{
    char value[VALUE_SIZE];
    struct record r = {WRITTEN, path, value};
    written_put(w, ino, value);
    if (!mark_set_written(path, w))
        keep(m, uuid, put, &r);
}

uint64_t evidence_time(const struct kept *kept, const char *path, const struct image_id *file,
                       bool *ret_marked)
{
    struct mark_written w;
    *ret_marked = written_get(kept, path, file->ino, &w) && w.mtime_ns == file->mtime_ns &&
                  w.size == file->size;
    return *ret_marked ? w.content_ns : file->mtime_ns;
}

bool evidence_is_written(const struct kept *kept, const char *path, const struct image_id *file)
{
    struct mark_written w;
    return written_get(kept, path, file->ino, &w) && !w.mtime_ns;
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

static struct kept *read_kept(const char *uuid)
{
    struct kept *k = NULL;
    struct err ignored;
    (void)kept_read(uuid, NULL, &k, &ignored);
    return k;
}

/* While it is written to, the mark holds for no time at all; it is still there after a crash. */
void evidence_writing(struct model *m, const char *uuid, const char *path, const char *top)
{
    struct image_id file;
    struct mark_written w;
    struct kept *kept autodestroy(kept_unref) = read_kept(uuid);
    if (!evidence_file(path, &file) || (written_get(kept, path, file.ino, &w) && !w.mtime_ns))
        return;
    w = (struct mark_written){
        .content_ns = max_u64(evidence_content(kept, path), evidence_content(kept, top))};
    written_set(m, uuid, path, file.ino, &w);
}

void evidence_written(struct model *m, const char *uuid, const char *path)
{
    struct image_id file;
    struct mark_written w;
    struct kept *kept autodestroy(kept_unref) = read_kept(uuid);
    if (!evidence_file(path, &file) || !written_get(kept, path, file.ino, &w) || w.mtime_ns)
        return;
    w.mtime_ns = file.mtime_ns;
    w.size = file.size;
    written_set(m, uuid, path, file.ino, &w);
}

/* ---- the time of a snapshot ---- */

static void key_of(const struct domain *d, const struct snapshot *s, char ret[KEY_SIZE])
{
    snprintf(ret, KEY_SIZE, "%016" PRIx64, domain_disk_ident(d->uuid, s, "", 0));
}

uint64_t evidence_kept(const struct domain *d, const struct snapshot *s)
{
    char key[KEY_SIZE];
    uint64_t ns = 0;
    key_of(d, s, key);
    const char *value = kept_get(d->kept, RIGHT, key);
    return value && sscanf(value, "%" SCNu64, &ns) == 1 ? ns : 0;
}

static void keep_time(struct model *m, const struct domain *d, const struct snapshot *s,
                      uint64_t ns)
{
    char key[KEY_SIZE], value[VALUE_SIZE];
    struct record r = {RIGHT, key, value};
    key_of(d, s, key);
    snprintf(value, sizeof(value), "%" PRIu64, ns);
    if (ns)
        keep(m, d->uuid, put, &r);
}

struct latest {
    const struct kept *kept;
    uint64_t ns;
};

static int see_latest(void *ctx, const char *path, const struct image_id *file, struct err *e)
{
    struct latest *l = ctx;
    bool marked;
    (void)e;
    l->ns = max_u64(l->ns, evidence_time(l->kept, path, file, &marked));
    return 0;
}

void evidence_keep(struct model *m, struct domain *d, const struct snapshot *s)
{
    struct latest l = {.kept = d->kept};
    struct err ignored;
    for (size_t i = 0; i < s->n_images; i++)
        (void)images_each_file(m, d, s, &s->disks[i], see_latest, &l, &ignored);
    keep_time(m, d, s, l.ns);
}

/* Has another snapshot an overlay of that name? Then its birth tells nothing. */
static bool is_shared(const struct domain *d, const struct snapshot *s, const char *overlay)
{
    for (size_t i = 0; i < d->n; i++) {
        const struct xml_snapshot *x = d->all[i].parsed;
        for (size_t k = 0; &d->all[i] != s && k < x->n_disks; k++)
            if (x->disks[k].overlay.path && !strcmp(x->disks[k].overlay.path, overlay))
                return true;
    }
    return false;
}

uint64_t evidence_made(const struct mounts *mounts, const struct domain *d,
                       const struct snapshot *s)
{
    uint64_t made = (uint64_t)snapshot_created(s) * CLOCK_SECOND;
    for (size_t i = 0; i < s->parsed->n_disks; i++) {
        const char *overlay = s->parsed->disks[i].overlay.path;
        struct file_birth birth;
        struct stat st;
        if (overlay && !is_shared(d, s, overlay) && follow_stat(mounts, overlay, &st) &&
            file_birth(overlay, &birth) == 0)
            made = max_u64(made, birth.ns);
    }
    return made;
}

static const struct snapshot *same_in(const struct domain *d, const struct snapshot *s)
{
    const struct snapshot *same = domain_find_name(d, s->name);
    return same && snapshot_created(same) == snapshot_created(s) ? same : NULL;
}

/* Of the files that hold the disks alone: what is below them is older. */
static void keep_tops(struct model *m, struct domain *d, const struct snapshot *s)
{
    uint64_t ns = 0;
    for (size_t i = 0; i < s->n_disks; i++)
        if (!s->disks[i].tag && !s->disks[i].no)
            ns = max_u64(ns, evidence_content(d->kept, s->disks[i].path));
    keep_time(m, d, s, ns);
}

void evidence_keep_new(struct model *m, const struct domain *before, struct domain *after)
{
    for (size_t i = 0; i < after->n; i++)
        if (!same_in(before, &after->all[i]))
            keep_tops(m, after, &after->all[i]);
}

static bool is_content(const struct snapshot *s, const char *path)
{
    for (size_t i = 0; i < s->n_disks; i++)
        if (s->disks[i].path && !strcmp(s->disks[i].path, path))
            return true;
    return false;
}

/* Is the path that of a snapshot that has gone? */
static bool was_of_gone(const struct domain *before, const struct domain *after, const char *path)
{
    for (size_t i = 0; i < before->n; i++)
        if (!same_in(after, &before->all[i]) && is_content(&before->all[i], path))
            return true;
    return false;
}

/* Is one of its disks in the file now of a snapshot that has gone? */
static bool has_moved(const struct domain *before, const struct domain *after,
                      const struct snapshot *s)
{
    const struct snapshot *was = same_in(before, s);
    for (size_t i = 0; was && i < s->n_disks; i++) {
        const char *path = s->disks[i].tag ? NULL : s->disks[i].path;
        if (path && !is_content(was, path) && was_of_gone(before, after, path))
            return true;
    }
    return false;
}

/* libvirt writes the moved snapshot down once its files are right, those with a disk that stands on
 * its overlay now among them. */
static bool is_written_since(const struct model *m, const struct domain *d,
                             const struct snapshot *moved, const struct snapshot *s)
{
    uint64_t written;
    struct image_id file;
    if (!virt_snapshot_written(m->virt, d->name, moved->name, &written))
        return false;
    for (size_t i = 0; i < s->n_disks; i++)
        if (s->disks[i].path && evidence_file(s->disks[i].path, &file) && file.mtime_ns > written)
            return false;
    return true;
}

static void keep_if_written(struct model *m, struct domain *d, const struct snapshot *moved,
                            const struct snapshot *s)
{
    if (is_written_since(m, d, moved, s))
        keep_tops(m, d, s);
}

void evidence_keep_moved(struct model *m, const struct domain *before, struct domain *after)
{
    for (size_t i = 0; i < after->n; i++) {
        const struct snapshot *s = &after->all[i];
        if (!has_moved(before, after, s))
            continue;
        keep_if_written(m, after, s, s);
        for (size_t k = 0; k < s->n_children; k++)
            keep_if_written(m, after, s, s->children[k]);
    }
}

/* ---- what was seen to change ---- */

bool evidence_touched(const struct kept *kept, const char *path, const struct image_id *file,
                      struct touch *ret)
{
    uint64_t ino;
    struct touch touch = {0};
    const char *value = kept_get(kept, TOUCHED, path);
    int n = value ? sscanf(value, "%" SCNu64 " %" SCNu64 " %" SCNu64, &ino, &touch.before_ns,
                           &touch.known_ns)
                  : 0;
    if (n < 2 || ino != file->ino)
        return false;
    *ret = touch;
    return true;
}

void evidence_touch(struct model *m, const char *uuid, const char *path,
                    const struct image_id *file, const struct touch *touch)
{
    char value[VALUE_SIZE];
    struct record r = {TOUCHED, path, value};
    struct kept *kept autodestroy(kept_unref) = read_kept(uuid);
    struct touch all = *touch, before;
    if (evidence_touched(kept, path, file, &before)) {
        if (before.known_ns >= touch->known_ns)
            return;
        all.before_ns = before.before_ns;
    }
    snprintf(value, sizeof(value), "%" PRIu64 " %" PRIu64 " %" PRIu64, file->ino, all.before_ns,
             all.known_ns);
    keep(m, uuid, put, &r);
}

/* ---- what was merged into a file ---- */

static void key_of_disk(const struct domain *d, const struct snapshot *s,
                        const struct snapshot_disk *disk, char ret[KEY_SIZE])
{
    snprintf(ret, KEY_SIZE, "%016" PRIx64, domain_disk_ident(d->uuid, s, disk->target, 0));
}

bool evidence_merged(const struct domain *d, const struct snapshot *s,
                     const struct snapshot_disk *disk, const struct image_id *file)
{
    char key[KEY_SIZE];
    uint64_t ino;
    key_of_disk(d, s, disk, key);
    const char *value = kept_get(d->kept, MERGED, key);
    return value && sscanf(value, "%" SCNu64, &ino) == 1 && ino == file->ino;
}

void evidence_merge(struct model *m, const struct domain *d, const struct snapshot *s,
                    const struct snapshot_disk *disk, const struct image_id *file)
{
    char key[KEY_SIZE], value[VALUE_SIZE];
    struct record r = {MERGED, key, value};
    if (evidence_merged(d, s, disk, file))
        return;
    key_of_disk(d, s, disk, key);
    snprintf(value, sizeof(value), "%" PRIu64, file->ino);
    keep(m, d->uuid, put, &r);
}
