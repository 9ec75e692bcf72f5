/* SPDX-License-Identifier: GPL-3.0-or-later */
/* walks.c - see walks.h. Lock: walks.lock, a leaf. */
#include "fuse/walks.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

void walks_init(struct walks *w)
{
    *w = (struct walks){0};
    pthread_mutex_init(&w->lock, NULL);
}

void walks_destroy(struct walks *w)
{
    for (unsigned i = 0; i < WALKS_LINKS; i++)
        free(w->links[i].target);
    pthread_mutex_destroy(&w->lock);
}

/* Returns the thread's place. A thread may lose its link to another thread. */
static unsigned place_of(pid_t thread)
{
    return (unsigned)thread % WALKS_LINKS;
}

void walks_link(struct walks *w, pid_t thread, uint64_t node, const char *target)
{
    char *copy = target ? strdup(target) : NULL;
    unsigned i = place_of(thread);
    pthread_mutex_lock(&w->lock);
    char *old = w->links[i].target;
    w->links[i].thread = thread;
    w->links[i].until = clock_ns() + WALKS_MS * CLOCK_MS;
    w->links[i].node = node;
    w->links[i].target = copy;
    pthread_mutex_unlock(&w->lock);
    free(old);
}

static bool has_component(const char *path, const char *name)
{
    size_t len = strlen(name);
    for (const char *p = path; *p; p += strcspn(p, "/")) {
        p += *p == '/';
        if (strcspn(p, "/") == len && !strncmp(p, name, len))
            return true;
    }
    return false;
}

uint64_t walks_led_by(struct walks *w, pid_t thread, const char *name, char **ret_target)
{
    unsigned i = place_of(thread);
    pthread_mutex_lock(&w->lock);
    bool led = w->links[i].thread == thread && w->links[i].until > clock_ns() &&
               w->links[i].target && has_component(w->links[i].target, name);
    if (led)
        *ret_target = strdup(w->links[i].target);
    uint64_t node = led && *ret_target ? w->links[i].node : 0;
    pthread_mutex_unlock(&w->lock);
    return node;
}

bool walks_first(struct walks *w, pid_t thread, uint64_t directory, const char *name)
{
    uint64_t now = clock_ns();
    uint64_t lookup = hash_u64(hash_u64(HASH_START, (uint64_t)thread), directory);
    lookup = hash_end(hash_str(lookup, name));
    bool first = true;
    pthread_mutex_lock(&w->lock);
    for (unsigned i = 0; first && i < WALKS_STALE; i++)
        if (w->stale[i].lookup == lookup && w->stale[i].until > now) {
            w->stale[i].until = 0; /* a later walk begins anew */
            first = false;
        }
    if (first) {
        w->stale[w->next].lookup = lookup;
        w->stale[w->next].until = now + WALKS_MS * CLOCK_MS;
        w->next = (w->next + 1) % WALKS_STALE;
    }
    pthread_mutex_unlock(&w->lock);
    return first;
}
