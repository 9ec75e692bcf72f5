/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pool.c - the links and their users: a call takes a link, gives it back, or finds it dead.
 *
 * All of it is under virt.lock, except that links are closed without it.
 */
#include <errno.h>

#include "base/lock.h"
#include "base/mem.h"
#include "virt/internal.h"
#include "virt/virt.h"

#define LATE_TRY_NS CLOCK_SECOND /* a call waits so long for an attempt after the 5 s */
#define REASON_NS CLOCK_SECOND   /* libvirt may need so long to report why a connection is dead */

/* Tells whether a link may be broken. If one connection has broken, others may have, too, before
 * libvirt reports it. */
static bool is_stale(const struct virt *v, const struct link *l)
{
    return l->closed || (!l->shared && l->opened < v->lost_at);
}

static void remove_at(struct virt *v, unsigned i)
{
    v->links[i] = v->links[--v->n_links];
    v->links[v->n_links] = NULL;
}

/* Moves the idle stale links into `dead`, and returns their number. */
static unsigned remove_stale(struct virt *v, struct link **dead)
{
    unsigned n = 0;
    for (unsigned i = v->n_links; i-- > 0;)
        if (!v->links[i]->uses && is_stale(v, v->links[i])) {
            dead[n++] = v->links[i];
            remove_at(v, i);
        }
    return n;
}

static struct link *find_free(const struct virt *v)
{
    for (unsigned i = 0; i < v->n_links; i++)
        if ((!v->links[i]->uses || v->links[i]->shared) && !is_stale(v, v->links[i]))
            return v->links[i];
    return NULL;
}

/* ---- taking one ---- */

static int fail_waiting(const struct virt *v, struct err *e)
{
    if (v->n_links)
        return err_fail(e, ETIMEDOUT,
                        "every connection to libvirt is taken by a call that has not ended within "
                        "%d s",
                        VIRT_CALL_TIMEOUT);
    return err_fail(e, EHOSTDOWN, "not connected to libvirt '%s': the daemon does not answer",
                    v->uri ? v->uri : "");
}

/* Returns the end of the wait. If there are links, the call waits until another call gives a link
 * back. If there is no link, the call waits for the daemon. */
static uint64_t wait_end(const struct virt *v, uint64_t entered)
{
    if (v->n_links)
        return entered + VIRT_CALL_TIMEOUT * CLOCK_SECOND;
    return max_u64(connector_end(v), entered + LATE_TRY_NS);
}

/* Waits for a free link. If there may be one more link, it has one opened, once per call. */
static int wait_free(struct virt *v, struct link **ret, struct err *e)
{
    uint64_t entered = clock_ns();
    unsigned tries = v->tries;
    while (!(*ret = find_free(v))) {
        if (v->closing)
            return err_fail(e, EHOSTDOWN, "the connection to libvirt is being closed");
        bool tried = v->tries != tries;
        if (tried && !v->n_links)
            return err_fail(e, EHOSTDOWN, "%s", v->failure.text);
        if (!tried && !v->connecting && v->n_links < v->max_links) {
            int r = connector_start(v, e);
            if (r < 0)
                return r;
        }
        if (!virt_wait(v, wait_end(v, entered)) && clock_ns() >= wait_end(v, entered) &&
            !find_free(v))
            return fail_waiting(v, e);
    }
    return 0;
}

bool virt_is_away(struct virt *v)
{
    struct err ignored;
    bool away = true;
    autolock(&v->lock);
    for (unsigned i = 0; i < v->n_links; i++)
        away &= is_stale(v, v->links[i]);
    if (away && !v->connecting && !v->closing)
        (void)connector_start(v, &ignored);
    return away;
}

int virt_acquire(struct virt *v, struct link **ret, struct err *e)
{
    struct link *dead[VIRT_LINKS_MAX], *l = NULL;
    pthread_mutex_lock(&v->lock);
    unsigned n = remove_stale(v, dead);
    int r = wait_free(v, &l, e);
    if (r == 0) {
        l->uses++;
        *ret = l;
    }
    pthread_mutex_unlock(&v->lock);
    while (n)
        link_close(dead[--n]);
    return r;
}

/* ---- giving it back ---- */

static bool too_many_idle(const struct virt *v)
{
    unsigned idle = 0;
    for (unsigned i = 0; i < v->n_links; i++)
        idle += !v->links[i]->uses;
    return idle > LINKS_IDLE;
}

void virt_release(struct virt *v, struct link *l)
{
    bool drop = false;
    pthread_mutex_lock(&v->lock);
    l->uses--;
    if (!l->uses && (is_stale(v, l) || too_many_idle(v)))
        for (unsigned i = v->n_links; i-- > 0 && !drop;)
            if (v->links[i] == l) {
                remove_at(v, i);
                drop = true;
            }
    pthread_cond_broadcast(&v->cond);
    pthread_mutex_unlock(&v->lock);
    if (drop)
        link_close(l);
}

/* Waits for the reason of a loss. libvirt reports it by the close callback, which may come a moment
 * after the failure. */
bool virt_lost(struct virt *v, struct link *l)
{
    uint64_t deadline = clock_ns() + REASON_NS;
    autolock(&v->lock);
    while (!l->closed && virt_wait(v, deadline))
        continue;
    if (!l->closed) {
        l->closed = true;
        if (!l->late)
            v->lost_at = clock_ns();
        atomic_fetch_add(&v->generation, 1);
    }
    return l->late || l->reason == VIR_CONNECT_CLOSE_REASON_KEEPALIVE;
}
