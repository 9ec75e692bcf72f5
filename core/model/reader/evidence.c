/* SPDX-License-Identifier: GPL-3.0-or-later */
/* evidence.c - see reader/evidence.h. No locks of its own. */
#include "model/reader/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file_birth.h"
#include "base/mounts.h"
#include "model/catalog/domain.h"
#include "model/state.h"
#include "model/storage/file_chain.h"
#include "model/reader/open_chain.h"
#include "model/journal/keep.h"
#include "model/storage/file_marks.h"
#include "virt/xml.h"

#define RIGHT "right"
#define TOUCHED "touched"
#define MERGED "merged"

enum { KEY_SIZE = 17, VALUE_SIZE = 84 };

/* ---- the time of a snapshot ---- */

static void key_of(const struct domain *d, const struct snapshot *s, char ret[KEY_SIZE])
{
    snprintf(ret, KEY_SIZE, "%016" PRIx64, domain_disk_ident(d->uuid, s, "", 0));
}

struct latest_kept {
    const struct snapshot *s;
    uint64_t ns;
};

static bool note_latest(void *ctx, uid_t by, const char *value)
{
    struct latest_kept *l = ctx;
    uint64_t ns;
    for (size_t i = 0; by != geteuid() && i < l->s->n_disks; i++)
        if (l->s->disks[i].path && !kept_counts(by, l->s->disks[i].path))
            return false;
    if (sscanf(value, "%" SCNu64, &ns) == 1)
        l->ns = max_u64(l->ns, ns);
    return false;
}

uint64_t evidence_kept(const struct domain *d, const struct snapshot *s)
{
    char key[KEY_SIZE];
    struct latest_kept l = {.s = s};
    key_of(d, s, key);
    kept_find(d->kept, RIGHT, key, NULL, note_latest, &l);
    return l.ns;
}

static void keep_time(struct model *m, const struct domain *d, const struct snapshot *s,
                      uint64_t ns)
{
    char key[KEY_SIZE], value[VALUE_SIZE];
    struct kept_record r = {RIGHT, key, value};
    key_of(d, s, key);
    snprintf(value, sizeof(value), "%" PRIu64, ns);
    if (ns)
        keep(m, d->uuid, kept_put_record, &r);
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

/* Returns whether another snapshot has an overlay of that name. Then its birth tells nothing. */
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

/* Keeps the time of the files that hold the disks themselves. The files below them are older. */
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

/* Returns whether the path is that of a snapshot that has gone. */
static bool was_of_gone(const struct domain *before, const struct domain *after, const char *path)
{
    for (size_t i = 0; i < before->n; i++)
        if (!same_in(after, &before->all[i]) && is_content(&before->all[i], path))
            return true;
    return false;
}

/* Returns whether one of its disks is now in the file of a snapshot that has gone. */
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

/* Returns whether the files of `s` are no newer than libvirt's document of the moved snapshot.
 * libvirt writes that document after the files are right, among them those of a snapshot whose disk
 * now uses the moved snapshot's overlay. */
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

struct touches {
    uint64_t ino;
    bool found;
    struct touch all;
};

/* Adds a record: keeps the earliest time that the file had, and the latest known moment. Records of
 * all users count. */
static bool note_touch(void *ctx, uid_t by, const char *value)
{
    struct touches *t = ctx;
    struct touch one = {0};
    uint64_t ino;
    (void)by;
    if (sscanf(value, "%" SCNu64 " %" SCNu64 " %" SCNu64, &ino, &one.before_ns, &one.known_ns) <
            2 ||
        ino != t->ino)
        return false;
    if (!t->found || one.before_ns < t->all.before_ns)
        t->all.before_ns = one.before_ns;
    t->all.known_ns = max_u64(t->all.known_ns, one.known_ns);
    t->found = true;
    return false;
}

bool evidence_touched(const struct kept *kept, const char *path, const struct image_id *file,
                      struct touch *ret)
{
    struct touches t = {.ino = file->ino};
    kept_find(kept, TOUCHED, path, NULL, note_touch, &t);
    if (t.found)
        *ret = t.all;
    return t.found;
}

void evidence_touch(struct model *m, const char *uuid, const char *path,
                    const struct image_id *file, const struct touch *touch)
{
    char value[VALUE_SIZE];
    struct kept_record r = {TOUCHED, path, value};
    struct kept *kept autodestroy(kept_unref) = keep_read(m, uuid);
    struct touch all = *touch, before;
    if (evidence_touched(kept, path, file, &before)) {
        if (before.known_ns >= touch->known_ns)
            return;
        all.before_ns = before.before_ns;
    }
    snprintf(value, sizeof(value), "%" PRIu64 " %" PRIu64 " %" PRIu64, file->ino, all.before_ns,
             all.known_ns);
    keep(m, uuid, kept_put_record, &r);
}

/* ---- what was merged into a file ---- */

static void key_of_disk(const struct domain *d, const struct snapshot *s,
                        const struct snapshot_disk *disk, char ret[KEY_SIZE])
{
    snprintf(ret, KEY_SIZE, "%016" PRIx64, domain_disk_ident(d->uuid, s, disk->target, 0));
}

static bool is_inode(void *ctx, uid_t by, const char *value)
{
    uint64_t ino;
    (void)by;
    return sscanf(value, "%" SCNu64, &ino) == 1 && ino == *(const uint64_t *)ctx;
}

bool evidence_merged(const struct domain *d, const struct snapshot *s,
                     const struct snapshot_disk *disk, const struct image_id *file)
{
    char key[KEY_SIZE];
    uint64_t ino = file->ino;
    key_of_disk(d, s, disk, key);
    return kept_find(d->kept, MERGED, key, NULL, is_inode, &ino);
}

void evidence_merge(struct model *m, const struct domain *d, const struct snapshot *s,
                    const struct snapshot_disk *disk, const struct image_id *file)
{
    char key[KEY_SIZE], value[VALUE_SIZE];
    struct kept_record r = {MERGED, key, value};
    if (evidence_merged(d, s, disk, file))
        return;
    key_of_disk(d, s, disk, key);
    snprintf(value, sizeof(value), "%" PRIu64, file->ino);
    keep(m, d->uuid, kept_put_record, &r);
}
