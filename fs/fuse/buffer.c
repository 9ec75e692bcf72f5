/* SPDX-License-Identifier: GPL-3.0-or-later */
/* buffer.c - see buffer.h. No locks. */
#include "fuse/buffer.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/budget.h"

struct buffer {
    size_t size;
    char bytes[];
};

static pthread_key_t buffer_key;
static pthread_once_t buffer_once = PTHREAD_ONCE_INIT;

static void free_buffer(void *p)
{
    struct buffer *b = p;
    if (b)
        budget_give(b->size);
    free(b);
}

static void make_buffer_key(void)
{
    pthread_key_create(&buffer_key, free_buffer);
}

/* This thread's buffer, of `size` bytes at least; NULL without memory. It is the thread's. */
char *thread_buffer(size_t size)
{
    pthread_once(&buffer_once, make_buffer_key);
    struct buffer *b = pthread_getspecific(buffer_key);
    if (b && b->size >= size)
        return b->bytes;
    free_buffer(b);
    b = malloc(sizeof(*b) + size);
    if (b) {
        b->size = size;
        budget_count(size);
    }
    if (pthread_setspecific(buffer_key, b) != 0) {
        free_buffer(b);
        return NULL;
    }
    return b ? b->bytes : NULL;
}

/* It is kept for the thread's next read where there is memory for that. */
void thread_buffer_done(void)
{
    if (!budget_over())
        return;
    free_buffer(pthread_getspecific(buffer_key));
    pthread_setspecific(buffer_key, NULL);
}
