/* SPDX-License-Identifier: GPL-3.0-or-later */
/* conn.c - opens and closes the connection to libvirt as a whole. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "virt/internal.h"
#include "virt/loop.h"
#include "virt/virt.h"

#define CLOSE_NS CLOCK_SECOND /* virt_close waits so long, for a connector and for the daemon */

/* ---- opening ---- */

/* Tries once to connect. If the daemon hangs, open_first returns, but the attempt goes on. */
static int open_first(struct virt *v, struct err *e)
{
    uint64_t deadline = clock_ns() + VIRT_CALL_TIMEOUT * CLOCK_SECOND;
    autolock(&v->lock);
    int r = connector_start(v, e);
    while (r == 0 && v->connecting && virt_wait(v, deadline))
        continue;
    if (r == 0 && v->connecting)
        r = err_fail(e, ETIMEDOUT, "libvirt's daemon did not answer for %d s", VIRT_CALL_TIMEOUT);
    else if (r == 0 && !v->n_links)
        r = err_fail(e, v->failure.no, "%s", v->failure.text);
    return r;
}

/* Tells whether each connection to the URI has objects of its own. That holds for the test driver
 * on a file, even in a daemon. */
static bool is_single(const char *uri)
{
    const char *path = strstr(uri, ":///");
    return !strncmp(uri, "test", 4) && !(path && !strcmp(path, ":///default"));
}

static int learn_uri(struct virt *v, struct err *e)
{
    struct link *l;
    int r = virt_acquire(v, &l, e);
    if (r < 0)
        return r;
    autofree char *uri = virConnectGetURI(l->conn);
    bool single = l->shared || (uri && is_single(uri));
    v->uri = strdup(uri ? uri : v->wanted ? v->wanted : "");
    v->max_links = single ? 1 : VIRT_LINKS_MAX;
    v->owner = l->owner;
    virt_release(v, l);
    return v->uri ? 0 : err_nomem(e);
}

int virt_open(const char *uri, bool readonly, struct virt **ret, struct err *e)
{
    struct virt *v = virt_new(uri, readonly);
    if (!v)
        return err_nomem(e);
    int r = loop_ref(e);
    if (r < 0) {
        virt_unref(v);
        return r;
    }
    deadlines_start(v);
    r = open_first(v, e);
    if (r == 0)
        r = learn_uri(v, e);
    if (r < 0) {
        virt_close(v);
        return r;
    }
    *ret = v;
    return 0;
}

/* ---- closing ---- */

/* The links of one virt_close. Their sockets are kept apart, because the links are freed meanwhile.
 * */
struct goodbye {
    struct virt *v;
    struct link *links[VIRT_LINKS_MAX];
    struct sockets sockets[VIRT_LINKS_MAX];
    unsigned n;
    bool done; /* under v->lock */
};

static void *say_goodbye(void *arg)
{
    struct goodbye *g = arg;
    for (unsigned i = 0; i < g->n; i++)
        link_close(g->links[i]);
    autolock(&g->v->lock);
    g->done = true;
    pthread_cond_broadcast(&g->v->cond);
    return NULL;
}

/* Takes the links. A connector that is still at work finds v->closing and closes its own link. */
static void take_links(struct virt *v, struct goodbye *g)
{
    uint64_t deadline = clock_ns() + CLOSE_NS;
    autolock(&v->lock);
    v->closing = true;
    pthread_cond_broadcast(&v->cond);
    while (v->connecting && virt_wait(v, deadline))
        continue;
    for (g->n = 0; g->n < v->n_links; g->n++) {
        g->links[g->n] = v->links[g->n];
        g->sockets[g->n] = v->links[g->n]->sockets;
        v->links[g->n]->sockets = (struct sockets){0};
    }
    v->n_links = 0;
}

static void break_links(struct goodbye *g)
{
    for (unsigned i = 0; i < g->n; i++)
        sockets_break(&g->sockets[i]);
}

/* Closes the links. A close asks the daemon, which may hang, so the connections are broken after
 * CLOSE_NS. */
static void part(struct virt *v, struct goodbye *g)
{
    pthread_t id;
    uint64_t deadline = clock_ns() + CLOSE_NS;
    if (thread_start(&id, say_goodbye, g)) {
        break_links(g);
        say_goodbye(g);
        return;
    }
    pthread_mutex_lock(&v->lock);
    while (!g->done && virt_wait(v, deadline))
        continue;
    if (!g->done)
        break_links(g);
    pthread_mutex_unlock(&v->lock);
    pthread_join(id, NULL);
}

void virt_close(struct virt *v)
{
    if (!v)
        return;
    struct goodbye g = {.v = v};
    take_links(v, &g);
    if (g.n)
        part(v, &g);
    for (unsigned i = 0; i < g.n; i++)
        sockets_close(&g.sockets[i]);
    deadlines_stop(v);
    loop_unref();
    virt_unref(v);
}
