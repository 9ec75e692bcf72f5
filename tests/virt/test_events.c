/* test_events.c - the loop that libvirt is given, by libvirt's own functions for it. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include <libvirt/libvirt.h>

#include "tap.h"
#include "virt/events.h"

static int called, called_events, dropped, ticks;
static pthread_t waker;

static void on_handle(int watch, int fd, int events, void *opaque)
{
    (void)watch;
    char c;
    called += opaque == &called;
    called_events = events;
    if (events & VIR_EVENT_HANDLE_READABLE && read(fd, &c, 1) < 0)
        called_events = -1;
}

static void on_tick(int timer, void *opaque)
{
    ticks++;
    if (opaque)
        virEventUpdateTimeout(timer, -1);
}

static void on_drop(void *opaque)
{
    dropped += opaque == &called;
}

static void *wake_later(void *arg)
{
    (void)arg;
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    events_wake();
    return NULL;
}

/* One round of the loop that ends for whatever there is to do, or by being woken. */
static int round_of(int *count)
{
    int before = *count;
    if (pthread_create(&waker, NULL, wake_later, NULL))
        return -1;
    events_run_once();
    pthread_join(waker, NULL);
    events_wake();
    events_run_once(); /* if what woke it came second */
    return *count - before;
}

static void test_handles(void)
{
    int fds[2];
    if (!TAP_OK(pipe(fds) == 0, "a pipe"))
        return;
    int id = virEventAddHandle(fds[0], 0, on_handle, &called, on_drop);
    TAP_OK(id > 0, "a handle: %d", id);
    TAP_OK(write(fds[1], "a", 1) == 1 && round_of(&called) == 0,
           "who asks for nothing is told nothing");
    virEventUpdateHandle(id, VIR_EVENT_HANDLE_READABLE);
    TAP_OK(round_of(&called) == 1 && called_events == VIR_EVENT_HANDLE_READABLE, "readable");
    int other = virEventAddHandle(fds[0], VIR_EVENT_HANDLE_READABLE, on_handle, &called, on_drop);
    TAP_OK(other > id, "another handle of the same descriptor");
    virEventUpdateHandle(id, 0);
    TAP_OK(write(fds[1], "b", 1) == 1 && round_of(&called) == 1, "is told in its own right");
    virEventUpdateHandle(other, 0);
    close(fds[1]);
    TAP_OK(round_of(&called) == 0, "not even of a hang-up, unasked");
    virEventUpdateHandle(id, VIR_EVENT_HANDLE_READABLE);
    TAP_OK(round_of(&called) >= 1 && called_events & VIR_EVENT_HANDLE_HANGUP, "of a hang-up");
    TAP_OK(virEventRemoveHandle(id) == 0 && !dropped, "nothing is freed by who removes it");
    TAP_OK(virEventRemoveHandle(id) < 0, "it is removed once");
    TAP_OK(round_of(&dropped) == 1 && round_of(&called) == 0, "but by the loop");
    TAP_OK(virEventRemoveHandle(other) == 0 && round_of(&dropped) == 1, "the other one as well");
    close(fds[0]);
    TAP_OK(virEventAddHandle(-1, VIR_EVENT_HANDLE_READABLE, on_handle, NULL, NULL) < 0,
           "what cannot be waited for");
}

static void test_timeouts(void)
{
    int off = virEventAddTimeout(-1, on_tick, &called, on_drop);
    TAP_OK(off > 0 && round_of(&ticks) == 0, "one that is off");
    virEventUpdateTimeout(off, 1);
    TAP_OK(round_of(&ticks) == 1, "comes once it is on, and can end itself");
    TAP_OK(round_of(&ticks) == 0, "then no more");
    int on = virEventAddTimeout(0, on_tick, NULL, NULL);
    TAP_OK(round_of(&ticks) >= 2, "one of no time comes each round");
    dropped = 0;
    TAP_OK(virEventRemoveTimeout(on) == 0 && virEventRemoveTimeout(off) == 0, "both are removed");
    TAP_OK(round_of(&ticks) == 0 && dropped == 1, "and freed");
    TAP_OK(virEventRemoveTimeout(off) < 0, "once");
}

int main(void)
{
    struct err e = {0};
    TAP_OK(events_register(&e) == 0, "registered %s", e.text);
    test_handles();
    test_timeouts();
    return tap_done();
}
