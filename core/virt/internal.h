/* SPDX-License-Identifier: GPL-3.0-or-later */
/* internal.h - declarations shared by the files of virt/: connections (links), and calls on them.
 *
 * A link carries one call at a time. There are as many links as concurrent calls, at most
 * VIRT_LINKS_MAX; LINKS_IDLE are kept. There are two reasons:
 * - libvirt's client crashes or hangs when keepalive gives up with two calls in flight (seen in
 *   9.0).
 * - libvirtd serves five requests of a connection at once, so five slow ones would block all
 *   others.
 *
 * A driver inside snapfs's own process has neither problem, so all calls share one link there.
 * Also, each connection to test:///FILE would have objects of its own.
 *
 * The only lock is virt.lock. It is a leaf, and is never held over a call into libvirt, because
 * libvirt calls the close and event callbacks with its own locks held.
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
    struct sockets sockets;  /* the sockets it uses */
    bool shared;             /* the driver runs in snapfs's own process */
    unsigned long version;   /* of the daemon's libvirt, 0 = unknown */
    bool local;              /* see virt_files_local */
    struct err why;          /* why it is not local */
    struct virt_owner owner; /* of the daemon */
    uint64_t opened;         /* time when the open began */
    /* under virt.lock: */
    unsigned uses;     /* calls on it */
    uint64_t deadline; /* when snapfs gives up the read on it, 0 = never */
    bool late;         /* snapfs gave up the read */
    bool closed;       /* the connection broke */
    int reason;        /* a virConnectCloseReason, or -1 if libvirt gave none */
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
    atomic_uint refs; /* held by virt_open, the connector, event callbacks and the timer */

    pthread_mutex_t lock;
    pthread_cond_t cond; /* signals any change below or in a link */
    struct link *links[VIRT_LINKS_MAX];
    unsigned n_links;
    uint64_t lost_at; /* when snapfs last found a link broken; it does not trust older links */
    bool watching;    /* the timer runs */
    bool hurried;     /* snapfs gives up reads soon */
    bool connecting;  /* a connector thread is at work */
    unsigned tries;   /* number of connectors that gave up; `failure` is the last reason */
    struct err failure;
    bool closing;
};

/* ---- handle.c ---- */

struct virt *virt_new(const char *uri, bool readonly); /* with one reference; NULL without memory */
struct virt *virt_ref(struct virt *v);
void virt_unref(struct virt *v);

/* Waits on v->cond until `deadline` (clock_ns). Returns false if the deadline has passed. Called
 * with v->lock held. */
bool virt_wait(struct virt *v, uint64_t deadline);

/* ---- connect.c ---- */

/* Starts the thread that opens one more link. Called with v->lock held and !v->connecting. */
int connector_start(struct virt *v, struct err *e);

/* Returns the time until which callers wait for a lost connection. Called with v->lock held. */
uint64_t connector_end(const struct virt *v);

/* ---- pool.c ---- */

/* Takes a link for one call. If there is no link, waits as virt.h says, and then fails with
 * EHOSTDOWN. If all links are in use, it fails with ETIMEDOUT. */
int virt_acquire(struct virt *v, struct link **ret, struct err *e);
void virt_release(struct virt *v, struct link *l);

/* Notes that `l` is dead; the caller got `l` from virt_acquire. Tells whether its daemon had
 * stopped answering (rather than ended). */
bool virt_lost(struct virt *v, struct link *l);

/* ---- deadline.c ---- */

void deadlines_start(struct virt *v);
void deadlines_stop(struct virt *v);

/* Begins the time of the read on that connection, or begins it again. */
void deadline_begin(struct virt *v, virConnectPtr conn);
void deadline_end(struct virt *v, virConnectPtr conn);

/* ---- link.c ---- */

int link_open(struct virt *v, struct link **ret, struct err *e);

/* Closes and frees a link. It asks the daemon, so never call it under virt.lock. NULL allowed. */
void link_close(struct link *l);

/* ---- call.c ---- */

enum virt_kind { VIRT_READ, VIRT_CHANGE };

/* Makes one call. Returns 0, or -errno with the sentence (virt_fail). A read may be run twice. */
typedef int virt_op(struct virt *v, virConnectPtr conn, void *arg, struct err *e);

/* Runs `op` on a connection. A read is repeated once after a reconnect; a change never is. If the
 * connection breaks during a change, the sentence says that the result must be looked up. */
int virt_run(struct virt *v, enum virt_kind kind, virt_op *op, void *arg, struct err *e);

/* Does the same for a call on the domain with that uuid. ENOENT. */
typedef int virt_domain_op(struct virt *v, virDomainPtr dom, void *arg, struct err *e);
int virt_run_on(struct virt *v, enum virt_kind kind, const char *uuid, virt_domain_op *op,
                void *arg, struct err *e);

/* ---- commit.c ---- */

/* Tells whether the job writes into a file below the disk. */
bool virt_commits(const virDomainBlockJobInfo *info);

#endif
