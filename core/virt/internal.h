/* internal.h - what the files of virt/ share: a connection (link) and how a call is made on it.
 *
 * The only lock is virt.lock. It is a leaf: never held over a call into libvirt, since libvirt calls
 * the close and event callbacks with locks of its own held.
 */
#ifndef SNAPFS_VIRT_INTERNAL_H
#define SNAPFS_VIRT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <libvirt/libvirt.h>

#include "base/error.h"

enum { LINK_EVENTS = 2 };

/* One connection from its opening to its loss. */
struct link {
    virConnectPtr conn;
    int events[LINK_EVENTS]; /* ids of the event callbacks, -1 for none */
    unsigned long version;   /* of the daemon's libvirt */
    bool local;              /* see virt_files_local */
    struct err why;          /* why it is not */
    /* under virt.lock: */
    unsigned refs;        /* the struct virt's and one a call */
    bool closed;          /* it broke, and */
    int reason;           /* a virConnectCloseReason, or -1 when libvirt did not say */
    int reverts_external; /* -1 = not asked yet */
};

struct virt {
    char *wanted; /* the URI as given, NULL = libvirt's default */
    bool readonly;
    char *uri; /* canonical, set by virt_open */
    _Atomic uint64_t generation;
    atomic_ulong version;
    atomic_uint refs; /* virt_open's, the connector's and one a callback */

    pthread_mutex_t lock;
    pthread_cond_t cond; /* link, connecting or link->closed changed; CLOCK_MONOTONIC */
    struct link *link;   /* NULL while there is none */
    uint64_t lost_at;    /* when the last one broke, ns */
    bool connecting;     /* a connector thread is at work */
    unsigned tries;      /* how many connectors gave up, the last with */
    struct err failure;
    bool closing;
};

/* ---- conn.c ---- */

struct virt *virt_ref(struct virt *v);
void virt_unref(struct virt *v);
uint64_t virt_clock(void); /* CLOCK_MONOTONIC, ns */

/* The connection, with a reference; waits for one as virt.h says. ENOTCONN. */
int virt_acquire(struct virt *v, struct link **ret, struct err *e);
void virt_release(struct virt *v, struct link *l);

/* The caller found that `l` is dead. Returns whether it had stopped answering (rather than ended). */
bool virt_lost(struct virt *v, struct link *l);

/* ---- link.c ---- */

int link_open(struct virt *v, struct link **ret, struct err *e);

/* Takes the callbacks back, so that closing really closes. Once per link, not under virt.lock. */
void link_silence(struct link *l);

/* Closes and frees it. */
void link_close(struct link *l);

/* ---- call.c ---- */

enum virt_kind { VIRT_READ, VIRT_CHANGE };

/* Makes one call; 0 or -errno with the sentence (virt_fail). May be run twice when it is a read. */
typedef int virt_op(struct virt *v, virConnectPtr conn, void *arg, struct err *e);

/* Runs `op` on the connection. A read is repeated once after a reconnect; a change never is, and
 * when the connection breaks under it the sentence says that the result must be looked up. */
int virt_run(struct virt *v, enum virt_kind kind, virt_op *op, void *arg, struct err *e);

#endif
