/* SPDX-License-Identifier: GPL-3.0-or-later */
/* buffer.h - a buffer for each thread that reads, counted in the budget. */
#ifndef SNAPFS_FUSE_BUFFER_H
#define SNAPFS_FUSE_BUFFER_H

#include <stddef.h>

/* This thread's buffer, of `size` bytes at least; NULL without memory. It is the thread's. */
char *thread_buffer(size_t size);

/* It is kept for the thread's next read where there is memory for that. */
void thread_buffer_done(void);

#endif
