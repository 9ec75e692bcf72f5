/* SPDX-License-Identifier: GPL-3.0-or-later */
/* buffer.h - a buffer for each thread that reads, counted in the budget. */
#ifndef SNAPFS_FUSE_BUFFER_H
#define SNAPFS_FUSE_BUFFER_H

#include <stddef.h>

/* Returns this thread's buffer, of at least `size` bytes; NULL if there is no memory. The thread
 * owns it. */
char *thread_buffer(size_t size);

/* Keeps the buffer for the thread's next read, if the budget has room. */
void thread_buffer_done(void);

#endif
