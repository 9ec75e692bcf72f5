/* SPDX-License-Identifier: GPL-3.0-or-later */
/* retold.c - see retold.h. Lock: retold.lock, a leaf. */
#include "fuse/retold.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

void retold_init(struct retold *r)
{
    *r = (struct retold){0};
    pthread_mutex_init(&r->lock, NULL);
}

void retold_destroy(struct retold *r)
{
    for (unsigned i = 0; i < RETOLD_LINKS; i++)
        free(r->links[i].target);
    pthread_mutex_destroy(&r->lock);
}

void retold_link(struct retold *r, pid_t thread, const char *target)
{
    char *copy = target ? strdup(target) : NULL;
    unsigned i = (unsigned)thread % RETOLD_LINKS; /* a thread may lose its link to another thread */
    pthread_mutex_lock(&r->lock);
    char *old = r->links[i].target;
    r->links[i].thread = thread;
    r->links[i].until = clock_ns() + RETOLD_MS * CLOCK_MS;
    r->links[i].target = copy;
    pthread_mutex_unlock(&r->lock);
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

bool retold_is_led(struct retold *r, pid_t thread, const char *name)
{
    unsigned i = (unsigned)thread % RETOLD_LINKS;
    pthread_mutex_lock(&r->lock);
    bool led = r->links[i].thread == thread && r->links[i].until > clock_ns() &&
               r->links[i].target && has_component(r->links[i].target, name);
    pthread_mutex_unlock(&r->lock);
    return led;
}

static uint64_t hash_of(const char *uuid)
{
    return hash_end(hash_str(HASH_START, uuid));
}

/* Returns the domain's place, under the lock. If two deletes run at a time, the first end counts
 * for both. */
static unsigned place_of(const struct retold *r, uint64_t domain)
{
    for (unsigned i = 0; i < RETOLD_DELETES_MAX; i++)
        if (r->deletes[i].domain == domain)
            return i;
    return RETOLD_DELETES_MAX;
}

void retold_delete(struct retold *r, const char *uuid, bool begins)
{
    uint64_t domain = hash_of(uuid);
    pthread_mutex_lock(&r->lock);
    unsigned i = place_of(r, domain);
    if (i == RETOLD_DELETES_MAX)
        i = r->next_delete++ % RETOLD_DELETES_MAX;
    r->deletes[i].domain = domain;
    r->deletes[i].until = begins ? UINT64_MAX : clock_ns() + RETOLD_DELETES_MS * CLOCK_MS;
    pthread_mutex_unlock(&r->lock);
}

bool retold_is_deleted(struct retold *r, const char *uuid)
{
    uint64_t domain = hash_of(uuid);
    pthread_mutex_lock(&r->lock);
    unsigned i = place_of(r, domain);
    bool lately = i < RETOLD_DELETES_MAX && r->deletes[i].until > clock_ns();
    pthread_mutex_unlock(&r->lock);
    return lately;
}

bool retold_first(struct retold *r, pid_t thread, uint64_t directory, const char *name)
{
    uint64_t now = clock_ns();
    uint64_t lookup = hash_u64(hash_u64(HASH_START, (uint64_t)thread), directory);
    lookup = hash_end(hash_str(lookup, name));
    bool first = true;
    pthread_mutex_lock(&r->lock);
    for (unsigned i = 0; first && i < RETOLD_MAX; i++)
        if (r->told[i].lookup == lookup && r->told[i].until > now) {
            r->told[i].until = 0; /* a later walk begins anew */
            first = false;
        }
    if (first) {
        r->told[r->next].lookup = lookup;
        r->told[r->next].until = now + RETOLD_MS * CLOCK_MS;
        r->next = (r->next + 1) % RETOLD_MAX;
    }
    pthread_mutex_unlock(&r->lock);
    return first;
}
