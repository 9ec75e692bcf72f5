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

/* Returns this thread's buffer, of at least `size` bytes; NULL if there is no memory. The thread
 * owns it. */
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

/* Keeps the buffer for the thread's next read, if the budget has room. */
void thread_buffer_done(void)
{
    if (!budget_over())
        return;
    free_buffer(pthread_getspecific(buffer_key));
    pthread_setspecific(buffer_key, NULL);
}
