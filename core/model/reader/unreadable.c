/* SPDX-License-Identifier: GPL-3.0-or-later */
/* unreadable.c - see unreadable.h. Lock: unreadable->lock guards the hashes, and is a leaf. */
#include "model/reader/unreadable.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/lock.h"
#include "base/printable.h"
#include "model/state.h"

struct unreadable {
    pthread_mutex_t lock;
    size_t n;
    uint64_t images[UNREADABLE_MAX]; /* hashes of them */
};

struct unreadable *unreadable_new(void)
{
    struct unreadable *u = calloc(1, sizeof(*u));
    if (u)
        pthread_mutex_init(&u->lock, NULL);
    return u;
}

void unreadable_free(struct unreadable *u)
{
    if (u)
        pthread_mutex_destroy(&u->lock);
    free(u);
}

/* Puts the image among those that cannot be read, or takes it out. Returns whether that is new. */
static bool set(struct unreadable *u, uint64_t image, bool failed)
{
    size_t i = 0;
    autolock(&u->lock);
    while (i < u->n && u->images[i] != image)
        i++;
    bool there = i < u->n, changes = there != failed && (there || u->n < UNREADABLE_MAX);
    if (changes && failed)
        u->images[u->n++] = image;
    else if (changes)
        u->images[i] = u->images[--u->n];
    return changes;
}

static void say(struct model *m, const struct domain *d, const struct snapshot *s,
                const struct snapshot_disk *disk, const struct err *failure)
{
    autotext struct text line = {0};
    const char *where = disk->untracked_tag ? "unmanaged" : "by-name";
    text_add(&line, "%s/%s/%s/%s ", d->coded, where, s->coded, disk->file);
    if (failure)
        text_add(&line, "cannot be read: %s: %s; it stays listed, and opening it fails",
                 err_name(failure->no), failure->text);
    else
        text_add(&line, "can be read again");
    if (line.failed || !m->options.say)
        return;
    printable(line.s);
    m->options.say(failure, line.s);
}

/* Returns whether the failure says nothing about the image: libvirt is away, or the domain was read
 * anew. */
static bool is_passing(const struct err *failure)
{
    return failure->no == ESTALE || err_is_unsure(failure) || failure->no == ESHUTDOWN;
}

void unreadable_note(struct model *m, const struct domain *d, const struct snapshot *s,
                     const struct snapshot_disk *disk, const struct err *failure)
{
    uint64_t image = hash_str(hash_str(hash_str(HASH_START, d->uuid), s->coded), disk->file);
    if (disk->unsupported || disk->absent || (failure && is_passing(failure)))
        return;
    image = hash_end(hash_u64(image, (uint64_t)snapshot_created(s)));
    if (set(m->unreadable, image, failure))
        say(m, d, s, disk, failure);
}
