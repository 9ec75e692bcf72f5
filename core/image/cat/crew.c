/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crew.c - see crew.h. */
#include "image/cat/crew.h"

#include <errno.h>
#include <sched.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "image/cat/interrupt.h"

enum {
    THREADS_MIN = 2, /* one reads while the other writes */
    THREADS_MAX = 16,
    REGION = 8 * 1024 * 1024, /* the bytes that a thread takes at a time; whole clusters */
    BLOCK = 4096,             /* a block of zeros becomes a hole, as in qemu-img convert */
    TICK_MS = 100,
};

void crew_init(struct crew *c, struct image *im, const struct target *t, uint64_t begin,
               uint64_t end)
{
    *c = (struct crew){.im = im, .target = t, .begin = begin, .end = end, .next = begin};
    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_init(&c->writing, NULL);
    pthread_cond_init(&c->ended, NULL);
}

void crew_drop(struct crew *c)
{
    pthread_cond_destroy(&c->ended);
    pthread_mutex_destroy(&c->writing);
    pthread_mutex_destroy(&c->lock);
}

/* Writes bytes to `at` of the target, except blocks of zeros, which stay holes. */
static int write_sparse(const struct target *t, const char *p, size_t len, uint64_t at,
                        struct err *e)
{
    size_t from = 0, pos = 0; /* pending: the bytes from `from` to `pos` */
    int r = 0;
    for (size_t n; r == 0 && pos < len; pos += n) {
        n = (size_t)min_u64(BLOCK - (at + pos) % BLOCK, len - pos);
        if (!mem_is_zero(p + pos, n))
            continue;
        r = target_write(t, p + from, pos - from, at + from, e);
        from = pos + n;
    }
    return r == 0 && from < len ? target_write(t, p + from, len - from, at + from, e) : r;
}

static int write_piece(struct crew *c, const char *p, size_t len, uint64_t at, struct err *e)
{
    if (c->target->device)
        return target_write(c->target, p, len, at, e);
    autolock(&c->writing);
    return write_sparse(c->target, p, len, at, e);
}

static int copy_data(struct crew *c, uint64_t pos, uint64_t until, char *buf, struct err *e)
{
    while (pos < until && !atomic_load(&c->stop)) {
        ssize_t n = image_read(c->im, buf, (size_t)min_u64(CREW_PIECE, until - pos), pos, e);
        if (n < 0)
            return (int)n;
        int r = write_piece(c, buf, (size_t)n, pos - c->begin, e);
        if (r < 0)
            return r;
        pos += (uint64_t)n;
        atomic_fetch_add(&c->copied, (uint64_t)n);
        atomic_fetch_add(&c->done, (uint64_t)n);
    }
    return 0;
}

/* Finds a range from `pos` on that is all data, or all zeros, up to `until`. It joins extents, so
 * that data in many places is still read and written in large pieces. */
static int map_alike(struct crew *c, uint64_t pos, uint64_t until, uint64_t *ret_end,
                     bool *ret_data, struct err *e)
{
    uint64_t end = pos;
    bool data = false;
    for (struct image_extent x; end < until; end += x.length) {
        int r = image_map(c->im, end, until - end, &x, e);
        if (r < 0)
            return r;
        if (end > pos && x.data != data)
            break;
        data = x.data;
    }
    *ret_end = end;
    *ret_data = data;
    return 0;
}

int crew_copy(struct crew *c, uint64_t pos, uint64_t until, char *buf, struct err *e)
{
    while (pos < until && !atomic_load(&c->stop)) {
        uint64_t end;
        bool data;
        int r = map_alike(c, pos, until, &end, &data, e);
        if (r == 0 && data)
            r = copy_data(c, pos, end, buf, e);
        else if (r == 0)
            r = target_zero(c->target, pos - c->begin, end - pos, e);
        if (r < 0)
            return r;
        atomic_fetch_add(&c->done, data ? 0 : end - pos);
        pos = end;
    }
    return 0;
}

/* Finds the next data; *ret = end if there is none. A device's holes must be zeroed, so they count
 * too. */
static int next_data(const struct crew *c, uint64_t end, uint64_t *ret, struct err *e)
{
    *ret = c->next;
    int r = c->target->device ? 0 : image_seek_data(c->im, c->next, ret, e);
    if (r < 0 && r != -ENXIO)
        return r;
    *ret = r < 0 ? end : min_u64(*ret, end);
    return 0;
}

/* Takes the next region, which is empty if all are taken. Needs the lock. */
static int take_region(struct crew *c, uint64_t *ret_pos, uint64_t *ret_until, struct err *e)
{
    uint64_t end = c->begin + target_body(c->target), pos = end;
    int r = c->next < end ? next_data(c, end, &pos, e) : 0;
    if (r < 0)
        return r;
    atomic_fetch_add(&c->done, pos - c->next);
    *ret_pos = pos;
    c->next = *ret_until = min_u64(end, pos / REGION * REGION + REGION);
    return 0;
}

static void fail(struct crew *c, const struct err *e)
{
    if (!c->failure.no)
        c->failure = *e;
    atomic_store(&c->stop, true);
}

static void work(struct crew *c, char *buf)
{
    struct err e = {0};
    int r = 0;
    pthread_mutex_lock(&c->lock);
    while (!atomic_load(&c->stop)) {
        uint64_t pos = 0, until = 0;
        r = take_region(c, &pos, &until, &e);
        if (r < 0 || pos == until)
            break;
        pthread_mutex_unlock(&c->lock);
        r = crew_copy(c, pos, until, buf, &e);
        pthread_mutex_lock(&c->lock);
        if (r < 0)
            break;
    }
    if (r < 0)
        fail(c, &e);
    pthread_mutex_unlock(&c->lock);
}

static void *thread(void *arg)
{
    struct crew *c = arg;
    autofree char *buf = malloc(CREW_PIECE);
    struct err e;
    if (buf)
        work(c, buf);
    autolock(&c->lock);
    if (!buf) {
        err_nomem(&e);
        fail(c, &e);
    }
    c->running--;
    pthread_cond_signal(&c->ended);
    return NULL;
}

/* Starts threads for all regions. It succeeds with fewer threads than wanted. Needs the lock. */
static unsigned start(struct crew *c, pthread_t *ids, struct err *e)
{
    cpu_set_t cpus;
    uint64_t regions = (c->end - c->begin) / REGION + 1;
    uint64_t n = sched_getaffinity(0, sizeof(cpus), &cpus) < 0 ? 1 : (uint64_t)CPU_COUNT(&cpus);
    n = min_u64(min_u64(max_u64(n, THREADS_MIN), THREADS_MAX), regions);
    for (c->running = 0; c->running < n; c->running++) {
        int r = thread_start(&ids[c->running], thread, c);
        if (r == 0)
            continue;
        if (c->running == 0)
            err_fail(e, r, "cannot start a thread: %s", strerrordesc_np(r));
        break;
    }
    return c->running;
}

/* Waits for the threads' end. It looks at the clock and at signals every TICK_MS. Needs the lock.
 * */
static void oversee(struct crew *c, struct progress *p)
{
    while (c->running) {
        clock_wait(&c->ended, &c->lock, clock_ns() + TICK_MS * CLOCK_MS);
        if (interrupt_noted())
            atomic_store(&c->stop, true);
        progress_draw(p, atomic_load(&c->done), c->end - c->begin, atomic_load(&c->copied));
    }
}

int crew_run(struct crew *c, struct progress *p, struct err *e)
{
    pthread_t ids[THREADS_MAX];
    pthread_mutex_lock(&c->lock);
    unsigned n = start(c, ids, e);
    oversee(c, p);
    pthread_mutex_unlock(&c->lock);
    for (unsigned i = 0; i < n; i++)
        pthread_join(ids[i], NULL);
    if (n == 0)
        return -e->no;
    if (interrupt_noted()) /* a signal may have ended a qemu-nbd, too */
        return err_fail(e, EINTR, "interrupted");
    return c->failure.no ? err_fail(e, c->failure.no, "%s", c->failure.text) : 0;
}
