/* SPDX-License-Identifier: GPL-3.0-or-later */
/* local.h - does a connection's daemon see the same files as we do? Inside virt/ only. */
#ifndef SNAPFS_VIRT_LOCAL_H
#define SNAPFS_VIRT_LOCAL_H

#include <stdbool.h>

#include "base/error.h"
#include "virt/sockets.h"

/* Is the other end of the connected unix socket a process with our root directory and mount
 * namespace? 0, or -EOPNOTSUPP with the reason; not being able to tell is a reason. */
int local_peer(int fd, struct err *e);

/* For a connection to `uri` (may be NULL) by those sockets: true, or false with the sentence
 * (EOPNOTSUPP). */
bool local_files(const char *uri, const struct sockets *sockets, struct err *why);

#endif
