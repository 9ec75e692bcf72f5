/* events.h - the event loop that libvirt is given. Inside virt/ only.
 *
 * libvirt's own one is woken by each change to what it waits for, and libvirt's client makes two in
 * each call: its thread then runs once a call, at the cost of a third of it. This one waits with
 * epoll, which takes changes while it waits.
 */
#ifndef SNAPFS_VIRT_EVENTS_H
#define SNAPFS_VIRT_EVENTS_H

#include "base/error.h"

/* Makes it libvirt's, for the life of the process. Once, before anything is opened. */
int events_register(struct err *e);

/* Waits until there is something to do, and does it. By one thread at a time. */
void events_run_once(void);

/* Lets that end. From any thread. */
void events_wake(void);

#endif
