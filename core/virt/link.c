/* SPDX-License-Identifier: GPL-3.0-or-later */
/* link.c - one connection: opens it with keepalive, close and event callbacks, and closes it.
 *
 * The callbacks run in the event loop's thread or inside a call, with libvirt's locks held. They
 * only take virt.lock for a moment. Each event callback holds a reference on the struct virt,
 * because libvirt may release the callback later.
 */
#include <errno.h>
#include <stdlib.h>

#include <libvirt/virterror.h>
#include <libxml/xmlerror.h>

#include "base/lock.h"
#include "base/mem.h"
#include "virt/errors.h"
#include "virt/internal.h"
#include "virt/local.h"
#include "virt/virt.h"

/* libvirt gives up after interval * (count + 1) seconds: VIRT_CALL_TIMEOUT. */
enum { KEEPALIVE_INTERVAL = 5, KEEPALIVE_COUNT = 5 };
_Static_assert(KEEPALIVE_INTERVAL *(KEEPALIVE_COUNT + 1) == VIRT_CALL_TIMEOUT, "keepalive");

/* Counts a change: data that was read may be old. */
static struct virt *count_change(void *opaque)
{
    struct virt *v = opaque;
    atomic_fetch_add(&v->generation, 1);
    return v;
}

static void drop_ref(void *opaque)
{
    virt_unref(opaque);
}

static void on_close(virConnectPtr conn, int reason, void *opaque)
{
    struct virt *v = count_change(opaque);
    autolock(&v->lock);
    for (unsigned i = 0; i < v->n_links; i++)
        if (v->links[i]->conn == conn && !v->links[i]->closed) {
            v->links[i]->closed = true;
            v->links[i]->reason = reason;
            if (!v->links[i]->late) /* if late, snapfs broke it, and the other links are good */
                v->lost_at = clock_ns();
        }
    pthread_cond_broadcast(&v->cond);
}

static int on_lifecycle(virConnectPtr conn, virDomainPtr dom, int event, int detail, void *opaque)
{
    (void)conn, (void)dom, (void)event, (void)detail;
    count_change(opaque);
    return 0;
}

static void on_block_job(virConnectPtr conn, virDomainPtr dom, const char *disk, int type,
                         int status, void *opaque)
{
    (void)conn, (void)dom, (void)disk, (void)type, (void)status;
    count_change(opaque);
}

typedef void any_function(void); /* the step between two function types */

static int listen_to(struct virt *v, virConnectPtr conn, int event, any_function *function)
{
    int id = virConnectDomainEventRegisterAny(
        conn, NULL, event, (virConnectDomainEventGenericCallback)function, virt_ref(v), drop_ref);
    if (id < 0)
        virt_unref(v);
    return id;
}

/* Registers the callbacks. A driver may have no close callback or no events. A driver without a
 * close callback does not keep or free the callback's data. So the close callback holds no
 * reference to `v`. link_close unregisters the callback, and waits if it runs at that moment. */
static void link_listen(struct virt *v, struct link *l)
{
    virConnectRegisterCloseCallback(l->conn, on_close, v, NULL);
    l->events[0] =
        listen_to(v, l->conn, VIR_DOMAIN_EVENT_ID_LIFECYCLE, (any_function *)on_lifecycle);
    l->events[1] =
        listen_to(v, l->conn, VIR_DOMAIN_EVENT_ID_BLOCK_JOB, (any_function *)on_block_job);
    virResetLastError();
}

/* Asks for the daemon's data: its version, its socket, its files. */
static void link_ask(struct link *l, struct sockets_before *before)
{
    autofree char *uri = virConnectGetURI(l->conn);
    sockets_find(uri, before, &l->sockets);
    l->shared = uri && sockets_place(uri) == SOCKETS_NONE;
    l->local = local_files(uri, &l->sockets, &l->why);
    l->owner = owner_of(&l->sockets);
    if (virConnectGetLibVersion(l->conn, &l->version) < 0)
        l->version = 0;
    virResetLastError();
}

static void say_nothing(void *context, const char *format, ...)
{
    (void)context, (void)format;
}

int link_open(struct virt *v, struct link **ret, struct err *e)
{
    autofree struct link *l = calloc(1, sizeof(*l));
    if (!l)
        return err_nomem(e);
    *l = (struct link){.events = {-1, -1}, .opened = clock_ns(), .reason = -1};
    struct sockets_before before;
    xmlSetGenericErrorFunc(NULL, say_nothing); /* silences the test driver about a missing file */
    sockets_read(&before);
    l->conn = v->readonly ? virConnectOpenReadOnly(v->wanted) : virConnectOpen(v->wanted);
    int r = l->conn ? 0 : virt_fail(v->readonly, e);
    if (r == 0) {
        virConnectSetKeepAlive(l->conn, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT);
        link_ask(l, &before);
        link_listen(v, l);
        *ret = take(l);
    }
    sockets_drop(&before);
    return r;
}

/* Closes a link. The connection would stay open if its callbacks stayed registered. */
void link_close(struct link *l)
{
    if (!l)
        return;
    for (int i = 0; i < LINK_EVENTS; i++)
        if (l->events[i] >= 0)
            virConnectDomainEventDeregisterAny(l->conn, l->events[i]);
    virConnectUnregisterCloseCallback(l->conn, on_close);
    virConnectClose(l->conn);
    virResetLastError();
    sockets_close(&l->sockets);
    free(l);
}
