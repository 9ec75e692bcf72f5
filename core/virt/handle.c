/* SPDX-License-Identifier: GPL-3.0-or-later */
/* handle.c - struct virt itself: makes it, counts its references, waits on it. */
#include <stdlib.h>
#include <string.h>

#include "virt/internal.h"

bool virt_wait(struct virt *v, uint64_t deadline)
{
    return clock_wait(&v->cond, &v->lock, deadline);
}

struct virt *virt_ref(struct virt *v)
{
    atomic_fetch_add(&v->refs, 1);
    return v;
}

void virt_unref(struct virt *v)
{
    if (atomic_fetch_sub(&v->refs, 1) != 1)
        return;
    pthread_cond_destroy(&v->cond);
    pthread_mutex_destroy(&v->lock);
    free(v->wanted);
    free(v->uri);
    free(v);
}

struct virt *virt_new(const char *uri, bool readonly)
{
    struct virt *v = calloc(1, sizeof(*v));
    if (!v)
        return NULL;
    v->refs = 1;
    v->readonly = readonly;
    v->max_links = 1;
    v->timer = -1;
    pthread_mutex_init(&v->lock, NULL);
    pthread_cond_init(&v->cond, NULL);
    v->wanted = uri ? strdup(uri) : NULL;
    if (!uri || v->wanted)
        return v;
    virt_unref(v);
    return NULL;
}
