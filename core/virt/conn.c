/* conn.c - the connection as a whole: opening, losing, coming back, closing.
 *
 * virConnectOpen to a daemon that hangs does not return, so each attempt is made by a thread of its
 * own, the connector, and everyone who needs the connection waits for it with a deadline. There is
 * at most one. It tries until VIRT_RECONNECT_WAIT seconds have passed since the loss, at least once.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "virt/errors.h"
#include "virt/internal.h"
#include "virt/loop.h"
#include "virt/virt.h"

#define SECOND UINT64_C(1000000000)
#define RETRY_NS (SECOND / 10)     /* between two attempts */
#define LATE_TRY_NS SECOND         /* what a call waits for an attempt when the 5 s are over */
#define REASON_NS SECOND           /* what libvirt may take to say why a connection is dead */
#define CLOSE_NS SECOND            /* what virt_close waits for a connector */

uint64_t virt_clock(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec;
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

/* Waits on v->cond until `deadline` (virt_clock); false when it has passed. */
static bool wait_until(struct virt *v, uint64_t deadline)
{
    struct timespec ts = {.tv_sec = (time_t)(deadline / SECOND),
                          .tv_nsec = (long)(deadline % SECOND)};
    return pthread_cond_timedwait(&v->cond, &v->lock, &ts) != ETIMEDOUT;
}

static uint64_t wait_end(const struct virt *v)
{
    return v->lost_at + VIRT_RECONNECT_WAIT * SECOND;
}

void virt_release(struct virt *v, struct link *l)
{
    pthread_mutex_lock(&v->lock);
    bool last = --l->refs == 0;
    pthread_mutex_unlock(&v->lock);
    if (last)
        link_close(l);
}

/* Takes the current link out of v, with v->lock held; the caller retires it without. */
static struct link *detach(struct virt *v)
{
    struct link *l = v->link;
    v->link = NULL;
    return l;
}

static void retire(struct virt *v, struct link *l)
{
    if (!l)
        return;
    link_silence(l);
    virt_release(v, l);
}

/* ---- the connector ---- */

/* What came of one attempt, with v->lock held: is the connector done? */
static bool attempt_ends(struct virt *v, struct link **l, const struct err *failure)
{
    if (*l && !v->closing) {
        atomic_store(&v->version, (*l)->version);
        atomic_fetch_add(&v->generation, 1);
        v->link = take(*l);
        return true;
    }
    if (!v->closing && virt_clock() + RETRY_NS < wait_end(v)) {
        wait_until(v, virt_clock() + RETRY_NS);
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
        struct err failure = {.no = ENOTCONN, .text = "the connection is being closed"};
        struct link *l = NULL;
        link_open(v, &l, &failure);
        pthread_mutex_lock(&v->lock);
        done = attempt_ends(v, &l, &failure);
        if (done) {
            v->connecting = false;
            pthread_cond_broadcast(&v->cond);
        }
        pthread_mutex_unlock(&v->lock);
        retire(v, l);
    }
    loop_unref();
    virt_unref(v);
    return NULL;
}

static int spawn(struct virt *v)
{
    sigset_t all, old;
    pthread_t id;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int r = pthread_create(&id, NULL, connector, v);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!r)
        pthread_detach(id);
    return r;
}

/* With v->lock held. The connector's own use of the event loop is counted, since it may outlive
 * virt_close when the daemon hangs; v has one already, so that loop_ref only counts here. */
static int start_connector(struct virt *v, struct err *e)
{
    int r = loop_ref(e);
    if (r)
        return r;
    virt_ref(v);
    v->connecting = true;
    r = spawn(v);
    if (r) {
        v->connecting = false;
        loop_unref();
        virt_unref(v);
        return err_fail(e, r, "cannot start the thread that connects to libvirt");
    }
    return 0;
}

/* ---- whoever needs the connection ---- */

static int fail_waiting(struct virt *v, struct err *e)
{
    return err_fail(e, ENOTCONN, "not connected to libvirt '%s': the daemon does not answer",
                    v->uri ? v->uri : v->wanted ? v->wanted : "(default)");
}

/* Waits until there is a link, a connector gave up, or the deadline. With v->lock held. */
static int wait_for_link(struct virt *v, uint64_t deadline, struct err *e)
{
    unsigned tries = v->tries;
    while (!v->link) {
        if (v->closing)
            return err_fail(e, ENOTCONN, "the connection to libvirt is being closed");
        if (v->tries != tries) {
            *e = v->failure;
            return -e->no;
        }
        int r = v->connecting ? 0 : start_connector(v, e);
        if (r)
            return r;
        if (!wait_until(v, deadline) && !v->link && v->tries == tries)
            return fail_waiting(v, e);
    }
    return 0;
}

int virt_acquire(struct virt *v, struct link **ret, struct err *e)
{
    struct err failure = {0};
    pthread_mutex_lock(&v->lock);
    struct link *dead = v->link && v->link->closed ? detach(v) : NULL;
    uint64_t deadline = max_u64(wait_end(v), virt_clock() + LATE_TRY_NS);
    int r = wait_for_link(v, deadline, &failure);
    if (!r) {
        *ret = v->link;
        v->link->refs++;
    }
    pthread_mutex_unlock(&v->lock);
    retire(v, dead);
    return r ? err_fail(e, ENOTCONN, "%s", failure.text) : 0;
}

bool virt_lost(struct virt *v, struct link *l)
{
    uint64_t deadline = virt_clock() + REASON_NS;
    pthread_mutex_lock(&v->lock);
    while (v->link == l && !l->closed)
        if (!wait_until(v, deadline))
            break;
    struct link *dead = v->link == l ? detach(v) : NULL;
    if (dead && !l->closed) {
        l->closed = true;
        v->lost_at = virt_clock();
        atomic_fetch_add(&v->generation, 1);
    }
    bool hung = l->reason == VIR_CONNECT_CLOSE_REASON_KEEPALIVE;
    pthread_mutex_unlock(&v->lock);
    retire(v, dead);
    return hung;
}

/* ---- opening and closing ---- */

static void init_waiting(struct virt *v)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&v->lock, NULL);
    pthread_cond_init(&v->cond, &attr);
    pthread_condattr_destroy(&attr);
}

static int open_first(struct virt *v, struct err *e)
{
    pthread_mutex_lock(&v->lock);
    int r = wait_for_link(v, virt_clock() + VIRT_CALL_TIMEOUT * SECOND, e);
    struct link *l = v->link;
    if (!r)
        l->refs++;
    else if (v->connecting)
        r = err_fail(e, ETIMEDOUT, "libvirt's daemon did not answer for %d s", VIRT_CALL_TIMEOUT);
    pthread_mutex_unlock(&v->lock);
    if (r)
        return r;
    autofree char *uri = virConnectGetURI(l->conn);
    v->uri = strdup(uri ? uri : v->wanted ? v->wanted : "");
    virt_release(v, l);
    return v->uri ? 0 : err_nomem(e);
}

int virt_open(const char *uri, bool readonly, struct virt **ret, struct err *e)
{
    struct err failure = {0};
    struct virt *v = calloc(1, sizeof(*v));
    if (!v)
        return err_nomem(e);
    v->refs = 1;
    v->readonly = readonly;
    init_waiting(v);
    v->wanted = uri ? strdup(uri) : NULL;
    int r = uri && !v->wanted ? err_nomem(&failure) : loop_ref(&failure);
    if (r) {
        virt_unref(v);
        return err_fail(e, failure.no, "%s", failure.text);
    }
    r = open_first(v, &failure);
    if (r) {
        virt_close(v);
        return err_fail(e, failure.no, "%s", failure.text);
    }
    *ret = v;
    return 0;
}

void virt_close(struct virt *v)
{
    if (!v)
        return;
    pthread_mutex_lock(&v->lock);
    v->closing = true;
    pthread_cond_broadcast(&v->cond);
    struct link *l = detach(v);
    for (uint64_t deadline = virt_clock() + CLOSE_NS; v->connecting;)
        if (!wait_until(v, deadline))
            break;
    pthread_mutex_unlock(&v->lock);
    retire(v, l);
    loop_unref();
    virt_unref(v);
}
