/* untouched.c - see untouched.h. Lock: touched->lock guards the files below it, and is a leaf. */
#include "model/untouched.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "image/image.h"
#include "model/catalog.h"

/* With the option: the clock of a file may be another than that of the daemon's disk. */
#define LATE_NS CLOCK_SECOND

/* ---- what was seen to change ---- */

struct touched {
    pthread_mutex_t lock;
    size_t n; /* noted so far; the n-th is at n % TOUCHED_MAX */
    struct {
        uint64_t dev, ino;
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

/* Under lock. */
static bool is_noted(const struct touched *t, uint64_t dev, uint64_t ino)
{
    for (size_t i = 0; i < t->n && i < TOUCHED_MAX; i++)
        if (t->files[i].dev == dev && t->files[i].ino == ino)
            return true;
    return false;
}

static bool is_touched(struct touched *t, const struct image_id *file)
{
    pthread_mutex_lock(&t->lock);
    bool touched = is_noted(t, file->dev, file->ino);
    pthread_mutex_unlock(&t->lock);
    return touched;
}

/* Is it that file still, and another than it was when it was opened? */
static bool has_changed(const char *path, const struct image_id *then)
{
    struct stat st;
    return stat(path, &st) == 0 && st.st_dev == then->dev && st.st_ino == then->ino &&
           (clock_from(st.st_mtim) != then->mtime_ns || (uint64_t)st.st_size != then->size);
}

static int note_changed(void *ctx, const char *path, const struct image_id *then, struct err *e)
{
    (void)e;
    struct touched *t = ctx;
    if (!has_changed(path, then))
        return 0;
    pthread_mutex_lock(&t->lock);
    if (!is_noted(t, then->dev, then->ino)) {
        size_t at = t->n++ % TOUCHED_MAX;
        t->files[at].dev = then->dev;
        t->files[at].ino = then->ino;
    }
    pthread_mutex_unlock(&t->lock);
    return 0;
}

void model_image_changed(struct model *m, const struct image *im)
{
    struct err ignored;
    (void)image_each_file(im, note_changed, m->touched, &ignored);
}

/* ---- what was written down since ---- */

struct question {
    const struct model *m;
    const struct domain *d;
    const struct snapshot *s;
};

/* Has the disk's bytes at the snapshot in that file? */
static bool has_file(const struct snapshot_disk *disk, const struct image_id *file)
{
    struct stat st;
    return !disk->memory && !disk->tag && disk->path && stat(disk->path, &st) == 0 &&
           st.st_dev == file->dev && st.st_ino == file->ino;
}

static bool is_since(const struct question *q, const struct snapshot *s,
                     const struct image_id *file, uint64_t late_ns)
{
    uint64_t written;
    return virt_snapshot_written(q->m->virt, q->d->name, s->name, &written) &&
           file->mtime_ns <= written + late_ns;
}

/* Was one of the snapshots that have their bytes in the file written down since? */
static bool is_vouched_for(const struct question *q, const struct image_id *file, uint64_t late_ns)
{
    for (size_t i = 0; i < q->d->n; i++) {
        const struct snapshot *s = &q->d->all[i];
        for (size_t k = 0; k < s->n_disks; k++)
            if (has_file(&s->disks[k], file) && is_since(q, s, file, late_ns))
                return true;
    }
    return false;
}

static int check_file(void *ctx, const char *path, const struct image_id *file, struct err *e)
{
    const struct question *q = ctx;
    bool touched = is_touched(q->m->touched, file);
    uint64_t late_ns = touched ? 0 : LATE_NS;
    if ((!touched && !q->m->options.untouched) || is_since(q, q->s, file, late_ns) ||
        is_vouched_for(q, file, late_ns))
        return 0;
    return err_fail(e, EIO,
                    "'%s' was written to%s, and as far as can be seen after libvirt wrote snapshot "
                    "'%s' down%s; who knows that its bytes are right writes the snapshot's "
                    "'description' anew",
                    path, touched ? " while an image on it was open here" : "", q->s->name,
                    touched ? "" : ", which the option 'untouched' forbids");
}

int untouched_check(const struct model *m, const struct domain *d, const struct snapshot *s,
                    const struct image *im, struct err *e)
{
    struct question q = {.m = m, .d = d, .s = s};
    return m->is_test ? 0 : image_each_file(im, check_file, &q, e);
}
