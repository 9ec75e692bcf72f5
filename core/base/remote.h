/* SPDX-License-Identifier: GPL-3.0-or-later */
/* remote.h - disks on other hosts: by which protocols QEMU reads them, and what they are called.
 *
 * A disk's URI is as QEMU takes it and as libvirt writes it in an overlay. It says where the disk
 * is and no more: one with a user, a password, a query or options is none. Pure functions.
 */
#ifndef SNAPFS_BASE_REMOTE_H
#define SNAPFS_BASE_REMOTE_H

#include <stdbool.h>

#include "base/text.h"

enum { REMOTE_MAX = 1024 }; /* characters of a URI */

/* Is that the whole URI of a disk? */
bool remote_is(const char *uri);

/* Does it begin like one, and so is no file's path? */
bool remote_begins(const char *text);

/* Has QEMU to be asked for one thing at a time? At times its curl driver never answers who wants
 * what it is fetching for somebody else. */
bool remote_is_lone(const char *uri);

/* Where a disk is, in libvirt's words; each may be "" that its protocol does not need. */
struct remote {
    const char *protocol, *name;
    const char *socket; /* of a server on this host */
    const char *hosts;  /* others, as remote_add_host has them */
};

/* One more host that has the disk; without a port ("") it is the protocol's. */
void remote_add_host(struct text *hosts, const char *protocol, const char *name, const char *port);

/* The URI of that disk, owned by the caller. NULL without memory, and where there is none: the
 * protocol is another, or something would have to be quoted. */
char *remote_write(const struct remote *r);

/* What remote_write has for a URI that may quote more than that does. NULL without memory. */
char *remote_plain(const char *uri);

#endif
