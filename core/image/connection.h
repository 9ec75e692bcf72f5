/* SPDX-License-Identifier: GPL-3.0-or-later */
/* connection.h - one libnbd connection to a server, used by one thread at a time.
 *
 * No call waits longer than EXPORT_WAIT_MS. The connection is lost after a call without an answer,
 * or if the server has ended.
 */
#ifndef SNAPFS_IMAGE_CONNECTION_H
#define SNAPFS_IMAGE_CONNECTION_H

#include "base/error.h"
#include "image/cluster.h"
#include "image/export_limits.h"

struct connection;

/* Opens a connection and takes over the socket, even if it fails. It fails with EIO if the server
 * ended, or if the disk's size is not *size. EXPORT_SIZE_UNKNOWN in *size becomes the disk's size.
 * */
int connection_open(int socket, uint64_t *size, struct connection **ret, struct err *e);
void connection_close(struct connection *c);
bool connection_lost(const struct connection *c);

int connection_read(struct connection *c, void *buf, size_t len, uint64_t offset, struct err *e);
int connection_run(struct connection *c, uint64_t offset, uint64_t limit, struct run *ret,
                   struct err *e);

#endif
