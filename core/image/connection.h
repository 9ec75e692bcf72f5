/* SPDX-License-Identifier: GPL-3.0-or-later */
/* connection.h - one connection of libnbd's to a server, used by one thread at a time.
 *
 * No call waits longer than EXPORT_WAIT_MS. After a call that got no answer, or when the server has
 * gone, the connection is lost.
 */
#ifndef SNAPFS_IMAGE_CONNECTION_H
#define SNAPFS_IMAGE_CONNECTION_H

#include "image/cluster.h"
#include "image/export.h"

struct connection;

/* Takes the socket over, also when it fails. -EIO: the server ended, or its disk is not of *size
 * bytes; EXPORT_SIZE_UNKNOWN becomes what it is. */
int connection_open(int socket, uint64_t *size, struct connection **ret, struct err *e);
void connection_close(struct connection *c);
bool connection_lost(const struct connection *c);

int connection_read(struct connection *c, void *buf, size_t len, uint64_t offset, struct err *e);
int connection_run(struct connection *c, uint64_t offset, uint64_t limit, struct run *ret,
                   struct err *e);

#endif
