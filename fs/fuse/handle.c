/* SPDX-License-Identifier: GPL-3.0-or-later */
/* handle.c - see handle.h. handles.lock is a leaf. */
#include "fuse/handle.h"

#include <stdlib.h>

#include "base/budget.h"
#include "base/lock.h"
#include "image/image.h"
#include "model/reader/open_images.h"

void handles_init(struct handles *all)
{
    *all = (struct handles){0};
    pthread_mutex_init(&all->lock, NULL);
    pthread_cond_init(&all->swept, NULL);
}

void handles_destroy(struct handles *all)
{
    while (all->first)
        handle_free(all->first);
    pthread_cond_destroy(&all->swept);
    pthread_mutex_destroy(&all->lock);
}

struct handle *handle_new(struct handles *all, const struct place *p)
{
    struct handle *h = calloc(1, sizeof(*h));
    if (!h)
        return NULL;
    h->all = all;
    h->refs = 1;
    h->place = *p;
    h->at = &all->first;
    autolock(&all->lock);
    h->next = all->first;
    if (h->next)
        h->next->at = &h->next;
    all->first = h;
    return h;
}

/* Takes one reference back. Returns true if it was the last one, after it has taken the handle off
 * the list. */
static bool unlink_handle(struct handle *h)
{
    autolock(&h->all->lock);
    bool last = --h->refs == 0;
    if (last) {
        *h->at = h->next;
        if (h->next)
            h->next->at = h->at;
    }
    return last;
}

void handle_is_open(struct handle *h, uint64_t ino)
{
    autolock(&h->all->lock);
    h->ino = ino;
}

/* Returns the node of a handle that was not seen yet; 0 if there is none. */
static uint64_t next_gone(struct handles *all)
{
    uint64_t ino = 0;
    autolock(&all->lock);
    for (struct handle *h = all->first; !ino && h; h = h->next)
        if (h->ino && !h->seen && open_image_is_gone(h->open)) {
            h->seen = true;
            ino = h->ino;
        }
    return ino;
}

void handles_each_gone(struct handles *all, void (*see)(void *ctx, uint64_t ino), void *ctx)
{
    for (uint64_t ino; (ino = next_gone(all));)
        see(ctx, ino);
}

struct image *handle_image(struct handle *h)
{
    autolock(&h->all->lock);
    return image_ref(h->image);
}

void handle_free(struct handle *h)
{
    if (!h || !unlink_handle(h))
        return;
    listing_free(h->listing);
    image_unref(h->image);
    open_image_end(h->open);
    budget_give(h->text ? h->text_len : 0);
    free(h->text);
    input_drop(&h->input);
    free(h);
}
