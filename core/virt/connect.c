/* SPDX-License-Identifier: GPL-3.0-or-later */
/* connect.c - the connector: the thread that opens a link.
 *
 * virConnectOpen to a daemon that hangs does not return, so it runs in a thread of its own. Every
 * thread that needs the link waits with a deadline (pool.c). At most one connector runs at a time.
 * The connector tries at least once. It stops when VIRT_RECONNECT_WAIT seconds have passed since
 * the loss.
 */
#include <errno.h>

#include "base/mem.h"
#include "base/thread.h"
#include "virt/internal.h"
#include "virt/loop.h"
#include "virt/virt.h"

#define RETRY_NS (CLOCK_SECOND / 10) /* between two attempts */

uint64_t connector_end(const struct virt *v)
{
    return v->lost_at ? v->lost_at + VIRT_RECONNECT_WAIT * CLOCK_SECOND : 0;
}

/* Adds a link, with v->lock held. The first link after a loss is a reconnect. */
static void install(struct virt *v, struct link *l)
{
    atomic_store(&v->version, l->version);
    if (!v->n_links)
        atomic_fetch_add(&v->generation, 1);
    v->links[v->n_links++] = l;
}

/* Handles the result of one attempt, with v->lock held. Tells whether the connector is done. */
static bool attempt_ends(struct virt *v, struct link **l, const struct err *failure)
{
    if (*l && !v->closing && v->n_links < VIRT_LINKS_MAX) {
        install(v, take(*l));
        return true;
    }
    if (!v->closing && clock_ns() + RETRY_NS < connector_end(v)) {
        virt_wait(v, clock_ns() + RETRY_NS);
        return v->closing;
    }
    v->failure = *failure;
    v->tries++;
    return true;
}

static void *connector(void *arg)
{
    struct virt *v = arg;
    bool done = false;
    while (!done) {
        struct err failure = {.no = EHOSTDOWN, .text = "the connection is being closed"};
        struct link *l = NULL;
        link_open(v, &l, &failure);
        pthread_mutex_lock(&v->lock);
        done = attempt_ends(v, &l, &failure);
        if (done) {
            v->connecting = false;
            pthread_cond_broadcast(&v->cond);
        }
        pthread_mutex_unlock(&v->lock);
        link_close(l);
    }
    loop_unref();
    virt_unref(v);
    return NULL;
}

/* Starts the connector. It counts as a user of the event loop, because it may outlive virt_close if
 * the daemon hangs. v is already a user, so loop_ref only counts here. */
int connector_start(struct virt *v, struct err *e)
{
    int r = loop_ref(e);
    if (r < 0)
        return r;
    virt_ref(v);
    v->connecting = true;
    int no = thread_start_detached(connector, v);
    if (no) {
        v->connecting = false;
        loop_unref();
        virt_unref(v);
        return err_fail(e, no, "cannot start the thread that connects to libvirt");
    }
    return 0;
}
