/* SPDX-License-Identifier: GPL-3.0-or-later */
/* internal.h - what the files of virt/ share: connections (links) and how a call is made on one.
 *
 * A link carries one call at a time, and there are as many links as calls at once (VIRT_LINKS_MAX
 * at most, LINKS_IDLE kept): libvirt's client crashes or hangs when keepalive gives up with two
 * calls in flight (seen in 9.0), and libvirtd serves five requests of a connection at once, so that
 * five slow ones would block everything else. Drivers in our own process have neither fault nor
 * need: there all calls share one link, also since each connection to test:///FILE would have its
 * own world.
 *
 * The only lock is virt.lock. It is a leaf: never held over a call into libvirt, since libvirt
 * calls the close and event callbacks with locks of its own held.
 */
#ifndef SNAPFS_VIRT_INTERNAL_H
#define SNAPFS_VIRT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <libvirt/libvirt.h>

#include "base/clock.h"
#include "base/error.h"
#include "virt/owner.h"
#include "virt/sockets.h"

enum { LINK_EVENTS = 2, VIRT_LINKS_MAX = 16, LINKS_IDLE = 4 };

/* One connection from its opening to its loss. */
struct link {
    virConnectPtr conn;
    int events[LINK_EVENTS]; /* ids of the event callbacks, -1 for none */
    struct sockets sockets;  /* it talks by */
    bool shared;             /* the driver runs in our process */
    unsigned long version;   /* of the daemon's libvirt, 0 = it does not say */
    bool local;              /* see virt_files_local */
    struct err why;          /* why it is not */
    struct virt_owner owner; /* of the daemon */
    uint64_t opened;         /* when its opening began */
    /* under virt.lock: */
    unsigned uses;     /* calls on it */
    uint64_t deadline; /* when the read on it is given up, 0 = never, and */
    bool late;         /* it was */
    bool closed;       /* it broke, and */
    int reason;        /* a virConnectCloseReason, or -1 when libvirt did not say */
};

struct virt {
    char *wanted; /* the URI as given, NULL = libvirt's default */
    bool readonly;
    char *uri;               /* canonical, set by virt_open */
    struct virt_owner owner; /* set by virt_open */
    unsigned max_links;      /* set by virt_open */
    int timer;               /* the event loop's, for deadlines; set by virt_open */
    _Atomic uint64_t generation;
    atomic_ulong version;
    atomic_uint refs; /* virt_open's, the connector's, an event callback's, the timer's */

    pthread_mutex_t lock;
    pthread_cond_t cond; /* anything below or in a link changed */
    struct link *links[VIRT_LINKS_MAX];
    unsigned n_links;
    uint64_t lost_at; /* when a link was last found broken; those opened before are not trusted */
    bool watching;    /* the timer runs */
    bool hurried;     /* reads are given up soon */
    bool connecting;  /* a connector thread is at work */
    unsigned tries;   /* how many connectors gave up, the last with */
    struct err failure;
    bool closing;
};

/* ---- handle.c ---- */

struct virt *virt_new(const char *uri, bool readonly); /* with one reference; NULL without memory */
struct virt *virt_ref(struct virt *v);
void virt_unref(struct virt *v);

/* Waits on v->cond until `deadline` (clock_ns); false when it has passed. With v->lock held. */
bool virt_wait(struct virt *v, uint64_t deadline);

/* ---- connect.c ---- */

/* Starts the thread that opens one more link. With v->lock held and !v->connecting. */
int connector_start(struct virt *v, struct err *e);

/* Until when a lost connection is waited for. With v->lock held. */
uint64_t connector_end(const struct virt *v);

/* ---- pool.c ---- */

/* A link for one call; waits for one as virt.h says. EHOSTDOWN, or ETIMEDOUT when all are in use.
 */
int virt_acquire(struct virt *v, struct link **ret, struct err *e);
void virt_release(struct virt *v, struct link *l);

/* The caller of virt_acquire found that `l` is dead. Returns whether its daemon had stopped
 * answering (rather than ended). */
bool virt_lost(struct virt *v, struct link *l);

/* ---- deadline.c ---- */

void deadlines_start(struct virt *v);
void deadlines_stop(struct virt *v);

/* From now on the read on that connection has its time, begun anew when it has one already. */
void deadline_begin(struct virt *v, virConnectPtr conn);
void deadline_end(struct virt *v, virConnectPtr conn);

/* ---- link.c ---- */

int link_open(struct virt *v, struct link **ret, struct err *e);

/* Closes and frees it; asks the daemon, so not under virt.lock. NULL allowed. */
void link_close(struct link *l);

/* ---- call.c ---- */

enum virt_kind { VIRT_READ, VIRT_CHANGE };

/* Makes one call; 0 or -errno with the sentence (virt_fail). May be run twice when it is a read. */
typedef int virt_op(struct virt *v, virConnectPtr conn, void *arg, struct err *e);

/* Runs `op` on a connection. A read is repeated once after a reconnect; a change never is, and
 * when the connection breaks under it the sentence says that the result must be looked up. */
int virt_run(struct virt *v, enum virt_kind kind, virt_op *op, void *arg, struct err *e);

/* The same of a call on the domain with that uuid, ENOENT. */
typedef int virt_domain_op(struct virt *v, virDomainPtr dom, void *arg, struct err *e);
int virt_run_on(struct virt *v, enum virt_kind kind, const char *uuid, virt_domain_op *op,
                void *arg, struct err *e);

/* ---- commit.c ---- */

/* Does the job write into a file below the disk? */
bool virt_commits(const virDomainBlockJobInfo *info);

#endif
