/* SPDX-License-Identifier: GPL-3.0-or-later */
/* remote.h - disks on other hosts: the protocols that snapfs accepts, and the disks' URIs.
 *
 * A disk's URI has the form that QEMU takes and that libvirt writes in an overlay. The URI only
 * says where the disk is: a URI with a user, a password, a query or options is refused. Pure
 * functions.
 */
#ifndef SNAPFS_BASE_REMOTE_H
#define SNAPFS_BASE_REMOTE_H

#include <stdbool.h>

#include "base/text.h"

enum { REMOTE_MAX = 1024 }; /* characters of a URI */

/* Tells whether `uri` is the whole URI of a disk. */
bool remote_is(const char *uri);

/* Tells whether `text` begins like such a URI, and so cannot be a file's path. */
bool remote_begins(const char *text);

/* Tells whether snapfs must send QEMU one request at a time. QEMU's curl driver sometimes never
 * answers a request for data that it is already fetching for another request. */
bool remote_is_lone(const char *uri);

/* The place of a disk, in libvirt's words. A field that its protocol does not need may be "". */
struct remote {
    const char *protocol, *name;
    const char *socket; /* the socket of a server on this host */
    const char *hosts;  /* other hosts, as remote_add_host writes them */
};

/* Adds one more host that has the disk. If `port` is "", the host gets the protocol's port. */
void remote_add_host(struct text *hosts, const char *protocol, const char *name, const char *port);

/* Writes the URI of that disk; the caller owns the result. Returns NULL if there is no memory, if
 * the protocol is unknown, or if a character would have to be quoted. */
char *remote_write(const struct remote *r);

/* Returns the URI in the form that remote_write writes. The given `uri` may quote more characters.
 * NULL if there is no memory. */
char *remote_plain(const char *uri);

#endif
