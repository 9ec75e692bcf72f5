/* SPDX-License-Identifier: GPL-3.0-or-later */
/* deadline.c - gives up a read that libvirt does not answer.
 *
 * Keepalive finds a daemon that has stopped. But a daemon can also be alive and stuck with one
 * domain. All calls about that domain, and the list, then wait as long as the daemon does. Such a
 * call cannot be cancelled, but snapfs can break its connection, and then the call fails. One timer
 * of the event loop does that; it runs only while there are reads to watch. The fields are under
 * virt.lock.
 */
#include "base/lock.h"
#include "base/mem.h"
#include "virt/internal.h"
#include "virt/virt.h"

/* Longer than keepalive's time, so that keepalive finds a stopped daemon first. */
#define DEADLINE_NS ((VIRT_CALL_TIMEOUT + 2) * CLOCK_SECOND)

#define HURRY_NS CLOCK_SECOND /* the same, for reads after the mount has ended */

static struct link *find_link(struct virt *v, virConnectPtr conn)
{
    for (unsigned i = 0; i < v->n_links; i++)
        if (v->links[i]->conn == conn)
            return v->links[i];
    return NULL;
}

static int milliseconds(uint64_t ns)
{
    return (int)(ns / (CLOCK_SECOND / 1000)) + 1;
}

/* Breaks the links whose time is over. Returns the earliest deadline of the others, 0 for none. */
static uint64_t break_late(struct virt *v, uint64_t now)
{
    uint64_t next = 0;
    for (unsigned i = 0; i < v->n_links; i++) {
        struct link *l = v->links[i];
        if (l->deadline && l->deadline <= now) {
            l->deadline = 0;
            l->late = true;
            sockets_break(&l->sockets);
        }
        if (l->deadline && (!next || l->deadline < next))
            next = l->deadline;
    }
    return next;
}

/* Breaks late links. It stops the timer first and starts it last. A thread that finds `watching`
 * false in between starts the timer again. */
static void on_timer(int timer, void *opaque)
{
    struct virt *v = opaque;
    virEventUpdateTimeout(timer, -1);
    pthread_mutex_lock(&v->lock);
    uint64_t now = clock_ns();
    uint64_t next = break_late(v, now);
    v->watching = next != 0;
    pthread_mutex_unlock(&v->lock);
    if (next)
        virEventUpdateTimeout(timer, milliseconds(next - now));
}

static void drop_ref(void *opaque)
{
    virt_unref(opaque);
}

void deadlines_start(struct virt *v)
{
    v->timer = virEventAddTimeout(-1, on_timer, virt_ref(v), drop_ref);
    if (v->timer < 0)
        virt_unref(v);
}

void deadlines_stop(struct virt *v)
{
    if (v->timer >= 0)
        virEventRemoveTimeout(v->timer);
    v->timer = -1;
}

void deadline_begin(struct virt *v, virConnectPtr conn)
{
    pthread_mutex_lock(&v->lock);
    uint64_t patience = v->hurried ? HURRY_NS : DEADLINE_NS;
    struct link *l = find_link(v, conn);
    bool watch = l && !l->shared && v->timer >= 0;
    if (watch)
        l->deadline = clock_ns() + patience;
    bool start = watch && !v->watching;
    v->watching |= watch;
    pthread_mutex_unlock(&v->lock);
    if (start)
        virEventUpdateTimeout(v->timer, milliseconds(patience));
}

void virt_hurry(struct virt *v)
{
    pthread_mutex_lock(&v->lock);
    uint64_t latest = clock_ns() + HURRY_NS;
    v->hurried = true;
    for (unsigned i = 0; i < v->n_links; i++)
        v->links[i]->deadline = min_u64(v->links[i]->deadline, latest);
    bool watching = v->watching;
    pthread_mutex_unlock(&v->lock);
    if (watching)
        virEventUpdateTimeout(v->timer, milliseconds(HURRY_NS));
}

void deadline_end(struct virt *v, virConnectPtr conn)
{
    autolock(&v->lock);
    struct link *l = find_link(v, conn);
    if (l)
        l->deadline = 0;
}
