/* SPDX-License-Identifier: GPL-3.0-or-later */
/* loop.h - libvirt's event loop: one thread in the process, as long as it has users. Inside virt/
 * only. */
#ifndef SNAPFS_VIRT_LOOP_H
#define SNAPFS_VIRT_LOOP_H

#include "base/error.h"

/* Initialises libvirt on the first call, and starts the thread for the first user. */
int loop_ref(struct err *e);

/* Ends the thread if this was its last user. The thread first runs the cleanups that are left.
 * Never call it from the loop's own thread (an event callback). */
void loop_unref(void);

#endif
