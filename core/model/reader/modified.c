/* SPDX-License-Identifier: GPL-3.0-or-later */
/* modified.c - see reader/modified.h. Lock: touched->lock guards the files below it, and is a leaf.
 */
#include "model/reader/modified.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/lock.h"
#include "image/image.h"
#include "image/layers.h"
#include "image/qemu_locks.h"
#include "model/reader/changes.h"
#include "model/reader/evidence.h"
#include "model/reader/image_backing.h"
#include "model/reader/policy.h"
#include "model/state.h"
#include "model/storage/backing.h"
#include "model/storage/file_chain.h"
#include "virt/xml.h"

/* The last bytes of a file may be written a moment after the overlay on it is made. Its clock may
 * also differ from that of libvirt's host. */
#define LATE_NS CLOCK_SECOND
#define SOON_NS (100 * CLOCK_MS) /* the same, if more than the time tells of a commit */

/* ---- the files that snapfs saw change ---- */

struct touched {
    pthread_mutex_t lock;
    size_t n; /* noted so far; the n-th is at n % TOUCHED_MAX */
    struct {
        uint64_t dev, ino;
        struct touch touch;
    } files[TOUCHED_MAX];
};

struct touched *touched_new(void)
{
    struct touched *t = calloc(1, sizeof(*t));
    if (t)
        pthread_mutex_init(&t->lock, NULL);
    return t;
}

void touched_free(struct touched *t)
{
    if (t)
        pthread_mutex_destroy(&t->lock);
    free(t);
}

/* Returns TOUCHED_MAX for none. Needs the lock. */
static size_t find_noted(const struct touched *t, const struct image_id *file)
{
    for (size_t i = 0; i < t->n && i < TOUCHED_MAX; i++)
        if (t->files[i].dev == file->dev && t->files[i].ino == file->ino)
            return i;
    return TOUCHED_MAX;
}

/* Returns whether the file was seen to change, here or in an earlier mount. */
static bool is_touched(struct touched *t, const struct kept *kept, const char *path,
                       const struct image_id *file, struct touch *ret)
{
    pthread_mutex_lock(&t->lock);
    size_t at = find_noted(t, file);
    if (at < TOUCHED_MAX)
        *ret = t->files[at].touch;
    pthread_mutex_unlock(&t->lock);
    return at < TOUCHED_MAX || evidence_touched(kept, path, file, ret);
}

/* Returns whether the path is still that file, and the file has changed since `then` or is about
 * to. */
static bool has_changed(const char *path, const struct image_id *then)
{
    struct stat st;
    if (stat(path, &st) < 0 || st.st_dev != then->dev || st.st_ino != then->ino)
        return false;
    return clock_from(st.st_mtim) != then->mtime_ns || (uint64_t)st.st_size != then->size ||
           image_has_writer(path);
}

static void note(struct touched *t, const struct image_id *file, const struct touch *touch)
{
    autolock(&t->lock);
    size_t at = find_noted(t, file);
    if (at == TOUCHED_MAX) {
        at = t->n++ % TOUCHED_MAX;
        t->files[at].dev = file->dev;
        t->files[at].ino = file->ino;
        t->files[at].touch = *touch;
    }
    t->files[at].touch.known_ns = max_u64(t->files[at].touch.known_ns, touch->known_ns);
}

struct noting {
    struct model *m;
    const char *uuid;
    uint64_t opened_ns;
};

static int note_changed(void *ctx, const char *path, const struct image_id *then, struct err *e)
{
    const struct noting *n = ctx;
    (void)e;
    if (!has_changed(path, then))
        return 0;
    const struct touch touch = {.before_ns = then->mtime_ns, .known_ns = n->opened_ns};
    note(n->m->touched, then, &touch);
    evidence_touch(n->m, n->uuid, path, then, &touch);
    return 0;
}

void model_image_changed(struct model *m, const char *uuid, struct image *im)
{
    struct err ignored;
    struct noting n = {m, uuid, image_opened(im)};
    if (image_check(im, &ignored) < 0)
        (void)image_each_file(im, note_changed, &n, &ignored);
}

/* ---- the files that the domain itself writes to ---- */

static bool is_layer(void *ctx, const struct stat *st)
{
    const struct image_layer *l = ctx;
    return st->st_dev == l->dev && st->st_ino == l->ino;
}

/* Returns the moment until which snapshots count as made before the live disk's writes. A snapshot
 * that is being made has a time before that of the domain, and its bytes in the live disk until
 * QEMU changes to the overlay. */
static uint64_t last_made(const struct domain *d)
{
    uint64_t last = 0;
    for (size_t i = 0; i < d->n; i++)
        last = max_u64(last, evidence_made(policy_mounts(d), d, &d->all[i]));
    return min_u64(last, d->asked_ns);
}

void modified_note_live(struct model *m, struct domain *d, const struct snapshot *s,
                        const struct snapshot_disk *disk)
{
    struct allowance a = {.model = m, .domain = d, .snapshot = s};
    struct image_policy policy = policy_of(&a);
    struct image_layer *layers = NULL;
    size_t n = 0;
    bool unknown;
    struct err ignored;
    autobacking struct backing b = {0};
    if (disk->memory || disk->untracked_tag || backing_of_image(d, s, disk, &b, &ignored) < 0)
        return;
    const struct touch touch = {.known_ns = last_made(d)};
    (void)image_layers(&b.source, &policy, &layers, &n, &unknown, NULL);
    for (size_t i = disk->tag ? 1 : 0; i < n; i++) {
        const struct image_id file = {.dev = layers[i].dev, .ino = layers[i].ino};
        if (!policy_live_disk(d, is_layer, &layers[i]))
            continue;
        note(m->touched, &file, &touch);
        evidence_touch(m, d->uuid, layers[i].path, &file, &touch);
    }
    image_layers_free(layers, n);
}

/* ---- whether the file is as it should be ---- */

struct question {
    struct model *m;
    const struct domain *d;
    const struct snapshot *s;
    const struct snapshot_disk *disk;
    const struct mounts *mounts;
    uint64_t known_ns; /* of a file that was seen to change (struct touch), else 0 */
};

static bool is_file(const struct question *q, const char *path, const struct image_id *file)
{
    struct stat st;
    return path && follow_stat(q->mounts, path, &st) && st.st_dev == file->dev &&
           st.st_ino == file->ino;
}

/* Returns whether the snapshot has the bytes of a disk in that file. */
static bool has_file(const struct question *q, const struct snapshot *s,
                     const struct image_id *file)
{
    for (size_t i = 0; i < s->n_disks; i++)
        if (!s->disks[i].tag && is_file(q, s->disks[i].path, file))
            return true;
    return false;
}

/* Returns whether the time is right for a file of saved memory. libvirt may write such a file for
 * minutes after the snapshot was begun. */
static bool is_memory_right(const struct question *q, uint64_t time_ns)
{
    uint64_t written;
    return q->disk->memory && virt_snapshot_written(q->m->virt, q->d->name, q->s->name, &written) &&
           time_ns <= written + LATE_NS;
}

/* Returns whether content of that time is not later than the snapshot. If the file has the
 * snapshot's own bytes and a record has a time for it, only the time in the record counts. */
static bool is_in_time(const struct question *q, const struct snapshot *s, bool own,
                       uint64_t time_ns, uint64_t late_ns)
{
    uint64_t kept = evidence_kept(q->d, s);
    if (time_ns <= kept || (kept && own))
        return time_ns <= kept;
    uint64_t made = evidence_made(q->mounts, q->d, s);
    return time_ns <= made + (made <= q->known_ns ? 0 : late_ns);
}

/* Returns whether the time is right for the snapshot, or for an ancestor whose bytes are in the
 * file. */
static bool is_right(const struct question *q, const struct image_id *file, uint64_t time_ns,
                     uint64_t late_ns)
{
    for (const struct snapshot *s = q->s; s; s = s->parent) {
        bool own = has_file(q, s, file);
        if ((own || s == q->s) && is_in_time(q, s, own, time_ns, late_ns))
            return true;
    }
    return is_memory_right(q, time_ns);
}

/* Finds the snapshot below `q->s` whose overlay uses the file of q->disk directly. In that case,
 * another program has merged the files between them into the file. The file then has the bytes of a
 * later moment. */
static const struct snapshot *find_merged(const struct question *q)
{
    for (size_t i = 0; i < q->d->n; i++) {
        const struct snapshot *s = &q->d->all[i];
        for (size_t k = 0; snapshot_is_below(s, q->s) && k < s->parsed->n_disks; k++) {
            const struct xml_snapshot_disk *x = &s->parsed->disks[k];
            if (x->overlay.path && !strcmp(x->target, q->disk->target) &&
                follow_depth(q->mounts, x->overlay.path, q->disk->path, NULL) == 1)
                return s;
        }
    }
    return NULL;
}

/* Finds the snapshot that tells of a merge, if the file was also written to after the snapshot was
 * made. A time that is later by SOON_NS is enough. */
static const struct snapshot *find_commit(const struct question *q, uint64_t time_ns)
{
    return is_in_time(q, q->s, true, time_ns, SOON_NS) ? NULL : find_merged(q);
}

/* Notes the disk of q->s if `s` is the snapshot that tells of a merge into its file. */
static void note_merge_of(const struct question *q, const struct snapshot *s)
{
    const struct snapshot_disk *disk = q->disk;
    struct image_id file;
    struct stat st;
    bool marked;
    if (disk->tag || disk->memory || disk->no || !follow_stat(q->mounts, disk->path, &st) ||
        !evidence_file(disk->path, &file))
        return;
    if (find_commit(q, evidence_time(q->d->kept, disk->path, &file, &marked)) == s)
        evidence_merge(q->m, q->d, q->s, disk, &file);
}

void modified_note_merges(struct model *m, const struct domain *d, const struct snapshot *s)
{
    struct question q = {.m = m, .d = d, .mounts = policy_mounts(d)};
    for (q.s = s->parent; q.s && !m->is_test; q.s = q.s->parent) {
        for (size_t i = 0; i < q.s->n_disks; i++) {
            q.disk = &q.s->disks[i];
            note_merge_of(&q, s);
        }
    }
}

static int refuse(const struct question *q, const char *path, const char *how, const char *name,
                  struct err *e)
{
    return err_fail(e, EIO,
                    "cannot read '%s': it was written to after snapshot '%s' was made%s%s; if its "
                    "data is intact, rewrite the snapshot's 'description' to clear this",
                    path, q->s->name, how, name);
}

/* Returns whether the file was written to after the snapshot was made. While an image is open, or
 * after the file was the live disk, the files of earlier snapshots get no late writes. So extra
 * time is only for a snapshot that was made after known_ns. */
static bool is_spoilt(const struct question *q, const struct image_id *file, uint64_t time_ns,
                      bool marked, const struct touch *touch)
{
    struct question seen = *q;
    seen.known_ns = marked ? 0 : touch->known_ns;
    return time_ns > touch->before_ns &&
           !is_right(&seen, file, time_ns, marked || touch->known_ns ? LATE_NS : SOON_NS);
}

static int check_time(const struct question *q, const char *path, const struct image_id *file,
                      struct err *e)
{
    struct touch touch = {0};
    bool marked, own = !q->disk->memory && !q->disk->tag && is_file(q, q->disk->path, file);
    bool touched = is_touched(q->m->touched, q->d->kept, path, file, &touch);
    if (!own && !touched && !q->m->options.untouched)
        return 0;
    uint64_t time_ns = evidence_time(q->d->kept, path, file, &marked);
    if (touched && is_spoilt(q, file, time_ns, marked, &touch))
        return refuse(
            q, path,
            touch.before_ns ? ", while an image on it was open here" : ", as the live disk", "", e);
    const struct snapshot *commit = own ? find_commit(q, time_ns) : NULL;
    if (commit) {
        evidence_merge(q->m, q->d, q->s, q->disk, file);
        return refuse(q, path, ", and an overlay was merged into it before snapshot ", commit->name,
                      e);
    }
    if (own && evidence_merged(q->d, q->s, q->disk, file) &&
        !is_in_time(q, q->s, true, time_ns, SOON_NS))
        return refuse(q, path, ", and an overlay was merged into it", "", e);
    if (q->m->options.untouched && !is_right(q, file, time_ns, LATE_NS))
        return refuse(q, path, ", which the option 'untouched' forbids", "", e);
    return 0;
}

/* Checks one file. If snapfs is about to write to the file, the file's time does not count until
 * the operation has ended: EIO becomes EBUSY. */
static int check_file(void *ctx, const char *path, const struct image_id *file, struct err *e)
{
    const struct question *q = ctx;
    int r = check_time(q, path, file, e);
    if (r == -EIO && evidence_is_written(q->d->kept, path, file) && changes_anywhere(q->m))
        return err_fail(e, EBUSY, "an operation that is under way writes to '%s'", path);
    return r;
}

int modified_check(struct model *m, const struct domain *d, const struct snapshot *s,
                   const struct snapshot_disk *disk, const struct image *im, struct err *e)
{
    struct question q = {.m = m, .d = d, .s = s, .disk = disk, .mounts = policy_mounts(d)};
    return m->is_test || disk->untracked_tag ? 0 : image_each_file(im, check_file, &q, e);
}
