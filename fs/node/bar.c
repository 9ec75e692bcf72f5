/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bar.c - see bar.h. `bar.lock` is held only over lookups in an immutable domain. */
#include "node/bar.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/mem.h"
#include "model/model.h"

#define BAR_NS (BAR_SECONDS * CLOCK_SECOND)

void bar_init(struct bar *b)
{
    *b = (struct bar){0};
    pthread_mutex_init(&b->lock, NULL);
}

void bar_destroy(struct bar *b)
{
    pthread_mutex_destroy(&b->lock);
}

static void drop_expired(struct bar *b, uint64_t now)
{
    size_t kept = 0;
    for (size_t i = 0; i < b->n; i++)
        if (b->items[i].until > now)
            b->items[kept++] = b->items[i];
    b->n = kept;
}

void bar_note(struct bar *b, uint64_t ident, uint64_t now)
{
    autolock(&b->lock);
    drop_expired(b, now);
    size_t i = 0;
    while (i < b->n && b->items[i].ident != ident)
        i++;
    if (i == BAR_MAX) {
        b->all_until = now + BAR_NS;
    } else {
        b->items[i].ident = ident;
        b->items[i].until = now + BAR_NS;
        b->n = max_u64(b->n, i + 1);
    }
}

/* Tells whether `s` is the snapshot with this ident, or above it. */
static bool is_at_or_above(const struct domain *d, const struct snapshot *s, uint64_t ident)
{
    const struct snapshot *below = domain_find_ident(d, ident);
    while (below && below != s)
        below = below->parent;
    return below != NULL;
}

bool bar_holds(struct bar *b, const struct domain *d, const struct snapshot *s, uint64_t now)
{
    autolock(&b->lock);
    drop_expired(b, now);
    bool barred = b->all_until > now;
    for (size_t i = 0; i < b->n && !barred; i++)
        barred = is_at_or_above(d, s, b->items[i].ident);
    return barred;
}
