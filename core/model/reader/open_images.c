/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open_images.c - see open_images.h. Locks: open_images->lock guards the list, and is a leaf. The
 * members of an open_image are set when it begins, except `gone` and what open_again.c renews. */
#include "model/reader/open_images.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/lock.h"
#include "model/activity/queue.h"
#include "model/catalog/tag_dirs.h"
#include "model/reader/open_image.h"
#include "model/reader/open_marks.h"
#include "model/state.h"
#include "virt/xml.h"

struct open_images {
    pthread_mutex_t lock;
    struct open_image *first;
};

struct open_images *open_images_new(void)
{
    struct open_images *a = calloc(1, sizeof(*a));
    if (a)
        pthread_mutex_init(&a->lock, NULL);
    return a;
}

void open_images_free(struct open_images *a)
{
    if (!a)
        return;
    pthread_mutex_destroy(&a->lock);
    free(a);
}

static void open_image_free(struct open_image *o)
{
    open_mark_drop(o->mark);
    free(o->name);
    free(o->disk);
    free(o->file);
    free(o);
}

static bool fill(struct open_image *o, const struct snapshot *s, const struct snapshot_disk *disk,
                 const struct image_opener *who)
{
    o->untracked_tag = s->untracked_tag != NULL;
    o->created = s->untracked_tag ? 0 : snapshot_created(s);
    o->number = disk->number;
    o->ino = who->ino;
    o->pid = who->pid;
    o->when = time(NULL);
    o->name = strdup(s->name);
    o->disk = strdup(disk->file);
    o->file = strdup(who->file);
    return o->name && o->disk && o->file;
}

/* Counts the operations that have ended. Up to now the files are right. */
static void count(struct open_image *o)
{
    o->operations = queue_left(o->m->activity, NULL, NULL);
    o->counted = open_mark_counted(o->mark);
}

static void add(struct open_images *a, struct open_image *o)
{
    autolock(&a->lock);
    o->at = &a->first;
    o->next = a->first;
    if (o->next)
        o->next->at = &o->next;
    a->first = o;
}

int open_image_begin(struct model *m, const struct domain *d, const struct snapshot *s,
                     const struct snapshot_disk *disk, const struct image_opener *who,
                     struct open_image **ret, struct err *e)
{
    struct open_image *o = calloc(1, sizeof(*o));
    if (!o)
        return err_nomem(e);
    o->m = m;
    memcpy(o->uuid, d->uuid, sizeof(o->uuid));
    int r = fill(o, s, disk, who) ? 0 : err_nomem(e);
    int64_t made = o->untracked_tag ? (int64_t)s->untracked_tag->mark
                                    : o->created; /* tells apart tags of one name */
    if (r == 0 && !m->is_test)
        r = open_mark_take(m, o->uuid, o->name, made, who, &o->mark, e);
    if (r < 0) {
        open_image_free(o);
        return r;
    }
    count(o);
    add(m->open_images, o);
    *ret = o;
    return 0;
}

void open_image_end(struct open_image *o)
{
    if (!o)
        return;
    struct open_images *a = o->m->open_images;
    pthread_mutex_lock(&a->lock);
    *o->at = o->next;
    if (o->next)
        o->next->at = o->at;
    pthread_mutex_unlock(&a->lock);
    open_image_free(o);
}

bool open_image_is_gone(const struct open_image *o)
{
    return atomic_load(&o->gone);
}

static bool is_of(const struct open_image *o, const struct domain *d, const struct snapshot *s)
{
    return !o->untracked_tag && o->created == snapshot_created(s) && !strcmp(o->uuid, d->uuid) &&
           !strcmp(o->name, s->name);
}

void open_images_gone(struct model *m, const struct domain *d, const struct snapshot *s)
{
    struct open_images *a = m->open_images;
    autolock(&a->lock);
    for (struct open_image *o = a->first; o; o = o->next)
        if (is_of(o, d, s))
            atomic_store(&o->gone, true);
}

/* ---- the list ---- */

static struct open_file *find_file(const struct open_files *f, const struct open_image *o)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->items[i].ino == o->ino && !strcmp(f->items[i].file, o->file))
            return &f->items[i];
    return NULL;
}

/* Adds the image's file to the list, once. Returns false without memory. */
static bool put_file(struct open_files *f, const struct open_image *o)
{
    if (find_file(f, o)) /* the list begins with the latest */
        return true;
    if (!mem_room(f->items, f->n))
        return false;
    char *file = strdup(o->file);
    if (!file)
        return false;
    f->items[f->n++] =
        (struct open_file){.file = file, .ino = o->ino, .pid = o->pid, .when = o->when};
    return true;
}

int open_images_list(struct model *m, const struct domain *d, const struct snapshot *s,
                     struct open_files *ret, struct err *e)
{
    struct open_images *a = m->open_images;
    bool ok = true;
    pthread_mutex_lock(&a->lock);
    for (const struct open_image *o = a->first; ok && o; o = o->next)
        ok = !is_of(o, d, s) || put_file(ret, o);
    pthread_mutex_unlock(&a->lock);
    return ok ? 0 : err_nomem(e);
}
