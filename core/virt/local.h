/* SPDX-License-Identifier: GPL-3.0-or-later */
/* local.h - tells whether a connection's daemon sees the same files as snapfs. Inside virt/ only.
 * */
#ifndef SNAPFS_VIRT_LOCAL_H
#define SNAPFS_VIRT_LOCAL_H

#include <stdbool.h>

#include "base/error.h"
#include "virt/sockets.h"

/* Checks that the other end of the connected unix socket is a process with snapfs's root directory
 * and mount namespace. Returns 0, or -EOPNOTSUPP with the reason; a check that cannot be made is a
 * reason. */
int local_peer(int fd, struct err *e);

/* Tells whether a connection to `uri` (may be NULL) by those sockets has the same files. Returns
 * true, or false with the sentence (EOPNOTSUPP). */
bool local_files(const char *uri, const struct sockets *sockets, struct err *why);

#endif
