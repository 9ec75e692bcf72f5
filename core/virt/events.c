/* events.c - see events.h, and virEventRegisterImpl in libvirt-event.h.
 *
 * Locks: `lock` guards both lists and `until`; it is a leaf, and no callback is called under it.
 * Who removes a handle or timeout only marks it: it is freed by the thread of the loop, after the
 * callbacks, one of which may be its own.
 */
#include "virt/events.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <libvirt/libvirt.h>

#include "base/mem.h"
#include "virt/internal.h"

enum { EVENTS_MAX = 32, WAKE_ID = 0, MS_NS = 1000000, MS_MAX = 60 * 60 * 1000 };

#define NEVER UINT64_MAX

struct handle {
    struct handle *next;
    int id, fd, events; /* events: virEventHandleType */
    int polled;         /* the descriptor that is in the epoll set, -1 none */
    bool gone;
    virEventHandleCallback call;
    virFreeCallback drop;
    void *opaque;
};

struct timeout {
    struct timeout *next;
    int id, period; /* ms, -1: off */
    uint64_t due;   /* virt_clock */
    bool gone;
    virEventTimeoutCallback call;
    virFreeCallback drop;
    void *opaque;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct handle *handles;
static struct timeout *timeouts;
static int last_id = WAKE_ID;
static uint64_t until; /* the loop waits till then; 0: it does not wait */
static int set = -1, wake = -1;

void events_wake(void)
{
    uint64_t one = 1;
    if (write(wake, &one, sizeof(one)) < 0)
        return; /* it is full: the loop is awake */
}

/* ---- handles ---- */

static uint32_t to_epoll(int events)
{
    return (events & VIR_EVENT_HANDLE_READABLE ? EPOLLIN : 0) |
           (events & VIR_EVENT_HANDLE_WRITABLE ? EPOLLOUT : 0);
}

static int from_epoll(uint32_t events)
{
    return (events & EPOLLIN ? VIR_EVENT_HANDLE_READABLE : 0) |
           (events & EPOLLOUT ? VIR_EVENT_HANDLE_WRITABLE : 0) |
           (events & EPOLLERR ? VIR_EVENT_HANDLE_ERROR : 0) |
           (events & EPOLLHUP ? VIR_EVENT_HANDLE_HANGUP : 0);
}

static void poll_end(struct handle *h)
{
    if (h->polled < 0)
        return;
    (void)epoll_ctl(set, EPOLL_CTL_DEL, h->polled, NULL); /* closed already: it has left the set */
    if (h->polled != h->fd)
        close(h->polled);
    h->polled = -1;
}

/* One descriptor stands in the set once: a second handle of it needs another. */
static int poll_begin(struct handle *h, struct epoll_event *event)
{
    h->polled = h->fd;
    if (epoll_ctl(set, EPOLL_CTL_ADD, h->fd, event) == 0)
        return 0;
    h->polled = errno == EEXIST ? fcntl(h->fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (h->polled >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, h->polled, event) == 0)
        return 0;
    poll_end(h);
    return -1;
}

/* Hang-ups would be told without being asked for, so that who wants nothing is not in the set. */
static int poll_for(struct handle *h, int events)
{
    struct epoll_event event = {.events = to_epoll(events), .data.u32 = (uint32_t)h->id};
    h->events = events;
    if (!events) {
        poll_end(h);
        return 0;
    }
    return h->polled < 0 ? poll_begin(h, &event) : epoll_ctl(set, EPOLL_CTL_MOD, h->polled, &event);
}

static struct handle *find_handle(int id)
{
    struct handle *h = handles;
    while (h && (h->id != id || h->gone))
        h = h->next;
    return h;
}

static int add_handle(int fd, int events, virEventHandleCallback call, void *opaque,
                      virFreeCallback drop)
{
    struct handle *h = malloc(sizeof(*h));
    if (!h)
        return -1;
    *h = (struct handle){.fd = fd, .polled = -1, .call = call, .drop = drop, .opaque = opaque};
    pthread_mutex_lock(&lock);
    h->id = last_id + 1;
    int id = poll_for(h, events) < 0 ? -1 : ++last_id;
    if (id >= 0) {
        h->next = handles;
        handles = take(h);
    }
    pthread_mutex_unlock(&lock);
    free(h);
    return id;
}

static void update_handle(int id, int events)
{
    pthread_mutex_lock(&lock);
    struct handle *h = find_handle(id);
    if (h)
        (void)poll_for(h, events);
    pthread_mutex_unlock(&lock);
}

static int remove_handle(int id)
{
    pthread_mutex_lock(&lock);
    struct handle *h = find_handle(id);
    if (h) {
        poll_end(h);
        h->gone = true;
    }
    pthread_mutex_unlock(&lock);
    events_wake();
    return h ? 0 : -1;
}

static void call_handle(int id, uint32_t events)
{
    struct handle now = {0};
    pthread_mutex_lock(&lock);
    const struct handle *h = find_handle(id);
    if (h && h->events)
        now = *h;
    pthread_mutex_unlock(&lock);
    if (now.call)
        now.call(id, now.fd, from_epoll(events), now.opaque);
}

/* ---- timeouts ---- */

static struct timeout *find_timeout(int id)
{
    struct timeout *t = timeouts;
    while (t && (t->id != id || t->gone))
        t = t->next;
    return t;
}

/* Under the lock; whether the loop has to be woken for it. */
static bool set_period(struct timeout *t, int ms)
{
    t->period = ms;
    t->due = ms < 0 ? NEVER : virt_clock() + (uint64_t)ms * MS_NS;
    return t->due < until;
}

static int add_timeout(int ms, virEventTimeoutCallback call, void *opaque, virFreeCallback drop)
{
    struct timeout *t = malloc(sizeof(*t));
    if (!t)
        return -1;
    *t = (struct timeout){.call = call, .drop = drop, .opaque = opaque};
    pthread_mutex_lock(&lock);
    int id = t->id = ++last_id;
    bool sooner = set_period(t, ms);
    t->next = timeouts;
    timeouts = t;
    pthread_mutex_unlock(&lock);
    if (sooner)
        events_wake();
    return id;
}

static void update_timeout(int id, int ms)
{
    pthread_mutex_lock(&lock);
    struct timeout *t = find_timeout(id);
    bool sooner = t && set_period(t, ms);
    pthread_mutex_unlock(&lock);
    if (sooner)
        events_wake();
}

static int remove_timeout(int id)
{
    pthread_mutex_lock(&lock);
    struct timeout *t = find_timeout(id);
    if (t)
        t->gone = true;
    pthread_mutex_unlock(&lock);
    events_wake();
    return t ? 0 : -1;
}

/* One that is due; its next turn is a period from now. */
static bool call_timeout(uint64_t now)
{
    struct timeout due = {0};
    pthread_mutex_lock(&lock);
    struct timeout *t = timeouts;
    while (t && (t->gone || t->due > now))
        t = t->next;
    if (t) {
        due = *t;
        t->due = now + 1 + (uint64_t)t->period * MS_NS;
    }
    pthread_mutex_unlock(&lock);
    if (due.call)
        due.call(due.id, due.opaque);
    return due.call != NULL;
}

/* ---- the loop ---- */

static uint64_t earliest(void)
{
    uint64_t due = NEVER;
    for (const struct timeout *t = timeouts; t; t = t->next)
        due = t->gone ? 0 : min_u64(due, t->due);
    for (const struct handle *h = handles; h; h = h->next)
        due = h->gone ? 0 : due;
    return due;
}

static int wait_ms(uint64_t due)
{
    uint64_t now = virt_clock();
    if (due == NEVER)
        return -1;
    return due <= now ? 0 : (int)min_u64((due - now) / MS_NS + 1, MS_MAX);
}

static int wait_for(struct epoll_event *events)
{
    pthread_mutex_lock(&lock);
    until = earliest();
    int ms = wait_ms(until);
    pthread_mutex_unlock(&lock);
    int n = epoll_wait(set, events, EVENTS_MAX, ms);
    pthread_mutex_lock(&lock);
    until = 0;
    pthread_mutex_unlock(&lock);
    return n;
}

static void drop_handles(void)
{
    for (;;) {
        pthread_mutex_lock(&lock);
        struct handle **at = &handles, *h;
        while ((h = *at) && !h->gone)
            at = &h->next;
        if (h)
            *at = h->next;
        pthread_mutex_unlock(&lock);
        if (!h)
            return;
        if (h->drop)
            h->drop(h->opaque);
        free(h);
    }
}

static void drop_timeouts(void)
{
    for (;;) {
        pthread_mutex_lock(&lock);
        struct timeout **at = &timeouts, *t;
        while ((t = *at) && !t->gone)
            at = &t->next;
        if (t)
            *at = t->next;
        pthread_mutex_unlock(&lock);
        if (!t)
            return;
        if (t->drop)
            t->drop(t->opaque);
        free(t);
    }
}

void events_run_once(void)
{
    struct epoll_event events[EVENTS_MAX];
    uint64_t count;
    int n = wait_for(events);
    for (int i = 0; i < n; i++) {
        int id = (int)events[i].data.u32;
        if (id == WAKE_ID)
            (void)!read(wake, &count, sizeof(count));
        else
            call_handle(id, events[i].events);
    }
    uint64_t now = virt_clock();
    for (int i = 0; i < EVENTS_MAX && call_timeout(now); i++)
        continue;
    drop_handles();
    drop_timeouts();
}

int events_register(struct err *e)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = WAKE_ID};
    set = epoll_create1(EPOLL_CLOEXEC);
    wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (set < 0 || wake < 0 || epoll_ctl(set, EPOLL_CTL_ADD, wake, &event) < 0)
        return err_fail(e, errno, "no descriptor for libvirt's events");
    virEventRegisterImpl(add_handle, update_handle, remove_handle, add_timeout, update_timeout,
                         remove_timeout);
    return 0;
}
