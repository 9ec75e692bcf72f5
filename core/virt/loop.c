/* SPDX-License-Identifier: GPL-3.0-or-later */
/* loop.c - see loop.h. libvirt's default event loop can be registered once in a process and never
 * removed. So only the thread starts and ends; a timer wakes it to end.
 *
 * Locks: loop_lock guards users, timer and thread. It is held while the thread is started and
 * joined. The thread itself never takes it.
 */
#include "virt/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "base/lock.h"
#include "base/thread.h"
#include "virt/errors.h"

static pthread_mutex_t loop_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned users;
static int timer = -1;
static pthread_t thread;
static atomic_bool stop;

static void silent(void *opaque, virErrorPtr error)
{
    (void)opaque;
    (void)error;
}

/* Does nothing: the timer only wakes the loop. */
static void on_timer(int id, void *opaque)
{
    (void)id;
    (void)opaque;
}

static void *run(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop))
        if (virEventRunDefaultImpl() < 0)
            virResetLastError();
    return NULL;
}

static int initialise(struct err *e)
{
    if (timer >= 0)
        return 0;
    virSetErrorFunc(NULL, silent);
    if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0)
        return virt_fail(false, e);
    timer = virEventAddTimeout(-1, on_timer, NULL, NULL);
    return timer < 0 ? virt_fail(false, e) : 0;
}

static int start(struct err *e)
{
    atomic_store(&stop, false);
    virEventUpdateTimeout(timer, -1);
    int no = thread_start(&thread, run, NULL);
    return no ? err_fail(e, no, "cannot start the thread for libvirt's events") : 0;
}

int loop_ref(struct err *e)
{
    autolock(&loop_lock);
    int r = users ? 0 : initialise(e);
    if (r == 0 && !users)
        r = start(e);
    if (r == 0)
        users++;
    return r;
}

void loop_unref(void)
{
    autolock(&loop_lock);
    if (--users == 0) {
        atomic_store(&stop, true);
        virEventUpdateTimeout(timer, 0);
        pthread_join(thread, NULL);
    }
}
