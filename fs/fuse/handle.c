/* handle.c - see handle.h. handles.lock is a leaf. */
#include "fuse/handle.h"

#include <stdlib.h>

#include "base/budget.h"
#include "image/image.h"

void handles_init(struct handles *all)
{
    *all = (struct handles){0};
    pthread_mutex_init(&all->lock, NULL);
}

void handles_destroy(struct handles *all)
{
    while (all->first)
        handle_free(all->first);
    pthread_mutex_destroy(&all->lock);
}

struct handle *handle_new(struct handles *all, const struct place *p)
{
    struct handle *h = calloc(1, sizeof(*h));
    if (!h)
        return NULL;
    h->all = all;
    h->place = *p;
    h->at = &all->first;
    pthread_mutex_lock(&all->lock);
    h->next = all->first;
    if (h->next)
        h->next->at = &h->next;
    all->first = h;
    pthread_mutex_unlock(&all->lock);
    return h;
}

static void unlink_handle(struct handle *h)
{
    pthread_mutex_lock(&h->all->lock);
    *h->at = h->next;
    if (h->next)
        h->next->at = h->at;
    pthread_mutex_unlock(&h->all->lock);
}

void handle_free(struct handle *h)
{
    if (!h)
        return;
    unlink_handle(h);
    listing_free(h->listing);
    image_unref(h->image);
    budget_give(h->text ? h->text_len : 0);
    free(h->text);
    draft_drop(&h->draft);
    free(h);
}
