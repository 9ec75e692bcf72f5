/* SPDX-License-Identifier: GPL-3.0-or-later */
/* renewal.c - see renewal.h.
 *
 * Lock: handles.lock guards the handles on which requests wait, these requests, and the threads. It
 * is a leaf, and nothing is opened or answered under it. The sweep takes a handle's requests away
 * for a moment (looked_at). Meanwhile the handle stays on the list.
 */
#include "fuse/renewal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fuse/interrupt.h"
#include "image/image.h"
#include "model/reader/changes.h"
#include "model/reader/open_again.h"
#include "model/reader/open_images.h"

struct waiting {
    struct waiting *next;
    struct image_request q;
    char *data; /* q.data */
};

/* The most threads of one domain. Each renews one handle at a time, and may wait for a hung store.
 * */
enum { RENEWALS_MAX = 16 };

/* A thread of one domain. */
struct renewal {
    struct renewal *next;
    struct fs *fs;
    char uuid[PLACE_UUID_LEN + 1];
};

static void waiting_free(struct waiting *w)
{
    if (w)
        free(w->data);
    free(w);
}
MEM_CLEANUP(struct waiting, waiting_free)

/* Returns NULL if there is no memory. */
static struct waiting *waiting_new(const struct image_request *q)
{
    autodestroy(waiting_free) struct waiting *w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->q = *q;
    w->data = q->data ? malloc(q->size) : NULL;
    if (q->data && !w->data)
        return NULL;
    if (q->data)
        memcpy(w->data, q->data, q->size);
    w->q.data = w->data;
    return take(w);
}

static bool is_of(const struct handle *h, const char *uuid)
{
    return !strcmp(h->place.uuid, uuid);
}

/* ---- answers ---- */

/* Answers each request with `answer`, and frees it. */
static void answer_all(struct waiting *first, void (*answer)(const struct image_request *, void *),
                       void *ctx)
{
    for (struct waiting *w = first, *next; w; w = next) {
        next = w->next;
        answer(&w->q, ctx);
        waiting_free(w);
    }
}

static void answer_interrupted(const struct image_request *q, void *ctx)
{
    (void)ctx;
    fuse_reply_err(q->req, EINTR);
}

static void answer_failure(const struct image_request *q, void *ctx)
{
    struct err why = *(const struct err *)ctx;
    image_request_fail(q, &why);
}

/* ---- interrupts ---- */

/* Takes the requests of interrupted callers out of *all, and returns them. */
static struct waiting *take_interrupted(struct waiting **all)
{
    struct waiting *out = NULL;
    for (struct waiting **at = all, *w; (w = *at);) {
        if (!interrupt_of_request(w->q.req)) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        w->next = out;
        out = w;
    }
    return out;
}

/* Answers requests at once if their snapshot was deleted. Another operation may follow that does
 * not concern them, and the kernel drops no page of the image before they are answered. */
static void answer_gone(struct waiting *first)
{
    struct err e;
    err_fail(&e, ESTALE, "the snapshot was deleted");
    answer_all(first, answer_failure, &e);
}

/* Answers requests that need not wait. The ones that it returns wait again, before newer ones. */
static struct waiting *look_at(const struct handle *h, struct waiting *all)
{
    if (open_image_is_gone(h->open)) {
        answer_gone(all);
        return NULL;
    }
    answer_all(take_interrupted(&all), answer_interrupted, NULL);
    return all;
}

static void append(struct waiting **list, struct waiting *more)
{
    while (*list)
        list = &(*list)->next;
    *list = more;
}

/* Sweeps one handle and returns the next one. Called with handles.lock held; the lock is released
 * meanwhile. */
static struct handle *sweep_one(struct handles *all, struct handle *h)
{
    struct waiting *first = take(h->waiting);
    h->looked_at = true;
    pthread_mutex_unlock(&all->lock);
    first = look_at(h, first);
    pthread_mutex_lock(&all->lock);
    append(&first, h->waiting);
    h->waiting = first;
    h->looked_at = false;
    pthread_cond_broadcast(&all->swept);
    return h->next_renewed;
}

/* Answers requests whose callers are interrupted or whose snapshot is deleted, as long as any
 * request waits. It opens no image and makes no call to libvirt, so a hung store does not block it.
 * */
static void sweep(void *data)
{
    const struct timespec moment = {.tv_nsec = CHANGES_LOOK_MS * 1000000L};
    struct handles *all = data;
    pthread_mutex_lock(&all->lock);
    while (all->renewed) {
        for (struct handle *h = all->renewed; h;)
            h = sweep_one(all, h);
        pthread_mutex_unlock(&all->lock);
        nanosleep(&moment, NULL);
        pthread_mutex_lock(&all->lock);
    }
    all->sweeping = false;
    pthread_mutex_unlock(&all->lock);
}

/* ---- the thread ---- */

/* The reasons to renew a handle: the requests that wait on it, and `look` (NULL: no other reason).
 * */
struct wish {
    struct handle *h;
    struct fs *fs;
    int (*look)(void *ctx, struct err *e);
    void *ctx;
};

static bool is_waited_for(const struct handle *h)
{
    pthread_mutex_lock(&h->all->lock);
    bool waits = h->waiting || h->looked_at;
    pthread_mutex_unlock(&h->all->lock);
    return waits;
}

static bool is_wanted(void *ctx)
{
    const struct wish *w = ctx;
    struct err ignored;
    if (tasks_are_closed(&w->fs->tasks))
        return false;
    return is_waited_for(w->h) || (w->look && w->look(w->ctx, &ignored) == 0);
}

/* Takes the domain's next handle without a thread for the caller. Returns NULL, and takes the
 * thread off the list, if there is none. */
static struct handle *next_handle(struct renewal *t)
{
    struct handles *all = &t->fs->handles;
    pthread_mutex_lock(&all->lock);
    struct handle *h = all->renewed;
    while (h && (h->at_work || !is_of(h, t->uuid)))
        h = h->next_renewed;
    if (h) {
        h->at_work = true;
    } else {
        struct renewal **at = &all->renewals;
        while (*at != t)
            at = &(*at)->next;
        *at = t->next;
    }
    pthread_mutex_unlock(&all->lock);
    return h;
}

/* Ends the handle's wait; the caller gets the list's reference to the handle. `im` (NULL: none)
 * becomes its image, and the caller gets the old one back. */
static struct image *settle(struct handle *h, struct image *im, bool lost, struct waiting **ret)
{
    struct handles *all = h->all;
    pthread_mutex_lock(&all->lock);
    while (h->looked_at)
        pthread_cond_wait(&all->swept, &all->lock);
    struct handle **at = &all->renewed;
    while (*at != h)
        at = &(*at)->next_renewed;
    *at = h->next_renewed;
    h->renewing = h->at_work = false;
    *ret = take(h->waiting);
    struct image *old = h->image;
    h->image = im ? im : old;
    h->lost |= lost;
    pthread_mutex_unlock(&all->lock);
    return im ? old : NULL;
}

static void answer_now(const struct image_request *q, void *ctx)
{
    (void)ctx;
    image_request_run(q);
}

/* Opens the image again. It goes on if a request begins to wait just when no other caller wants it.
 * */
static int open_again(struct wish *w, struct image *old, struct image **ret, struct err *e)
{
    int r;
    do
        r = open_image_again(w->h->open, old, is_wanted, w, ret, e);
    while (r == -EINTR && is_waited_for(w->h) && !tasks_are_closed(&w->fs->tasks));
    return r;
}

/* Tells whether the image is lost. If no read has met ESTALE, its old files may still be readable.
 * */
static bool is_lost(const struct wish *w, int r, struct image *old)
{
    struct err ignored;
    return r == -ESTALE && (!w->look || image_check(old, &ignored) == -ESTALE);
}

/* Renews the handle, and gives back the list's reference to it. */
static void renew(struct wish *w, struct err *e)
{
    struct handle *h = w->h;
    struct fs *fs = w->fs;
    struct image *im = NULL, *old = handle_image(h);
    struct waiting *all = NULL;
    int r = open_again(w, old, &im, e);
    if (r == 0) { /* before any request reads the new image */
        table_image_renewed(fs->table, h->ino, old, im);
        cows_renewed(&fs->cows, h->ino, image_chain_hash(old), image_chain_hash(im));
    }
    bool lost = is_lost(w, r, old);
    image_unref(old);
    image_unref(settle(h, im, lost, &all));
    if (r == -EINTR)
        err_fail(e, ESHUTDOWN, "the mount is ending");
    answer_all(all, r == 0 ? answer_now : answer_failure, e);
    handle_free(h);
}

static void run(void *data)
{
    struct renewal *t = data;
    for (struct handle *h; (h = next_handle(t));) {
        struct wish w = {.h = h, .fs = t->fs};
        struct err e = {0};
        renew(&w, &e);
    }
    free(t);
}

/* ---- requests that wait ---- */

/* Tells whether the domain has as many threads as it may have. Further handles then wait for one of
 * them. Called with handles.lock held. */
static bool has_threads(const struct handles *all, const char *uuid)
{
    unsigned n = 0;
    for (const struct renewal *t = all->renewals; t; t = t->next)
        n += !strcmp(t->uuid, uuid);
    return n >= RENEWALS_MAX;
}

/* Puts the handle on the list, with handles.lock held. Returns true if it was not there. */
static bool put_on_list(struct handle *h)
{
    if (h->renewing)
        return false;
    h->renewing = true;
    h->refs++;
    h->next_renewed = h->all->renewed;
    h->all->renewed = h;
    return true;
}

static bool add_waiting(struct handle *h, struct waiting *w)
{
    w->next = h->waiting;
    h->waiting = w;
    return put_on_list(h);
}

/* Lets the request wait. Returns false, and does nothing, if the handle's image is lost, or has
 * been replaced meanwhile (*ret_again). */
static bool add(struct handle *h, const struct image *im, struct waiting *w, struct renewal **t,
                bool *ret_again)
{
    struct handles *all = h->all;
    pthread_mutex_lock(&all->lock);
    *ret_again = !h->lost && h->image != im;
    bool waits = !h->lost && h->image == im;
    if (waits && add_waiting(h, w) && !has_threads(all, h->place.uuid)) {
        (*t)->next = all->renewals;
        all->renewals = take(*t);
    }
    pthread_mutex_unlock(&all->lock);
    return waits;
}

/* Fails all requests that wait for a thread that could not be started. */
static void fail_all(struct renewal *t, struct err *e)
{
    for (struct handle *h; (h = next_handle(t)); handle_free(h)) {
        struct waiting *all = NULL;
        settle(h, NULL, false, &all);
        answer_all(all, answer_failure, e);
    }
    free(t);
}

/* Starts the sweep. If no thread can be started, nothing is swept until the next wait. */
static void start_sweep(struct fs *fs)
{
    struct handles *all = &fs->handles;
    struct err ignored;
    pthread_mutex_lock(&all->lock);
    bool start = !all->sweeping && all->renewed;
    all->sweeping |= start;
    pthread_mutex_unlock(&all->lock);
    if (!start || tasks_watch(&fs->tasks, sweep, all, &ignored) == 0)
        return;
    pthread_mutex_lock(&all->lock);
    all->sweeping = false;
    pthread_mutex_unlock(&all->lock);
}

static struct renewal *renewal_new(struct fs *fs, const char *uuid)
{
    struct renewal *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->fs = fs;
    memcpy(t->uuid, uuid, sizeof(t->uuid));
    return t;
}

bool renewal_wait(const struct image_request *q, const struct image *im, bool *ret_again)
{
    struct fs *fs = fs_of(q->req);
    struct waiting *w = waiting_new(q);
    struct renewal *t = renewal_new(fs, q->h->place.uuid), *spare = t;
    struct err e;
    bool waits = false;
    if (w && t)
        waits = add(q->h, im, w, &spare, ret_again);
    if (!waits)
        waiting_free(w);
    if (waits && !spare && tasks_watch(&fs->tasks, run, t, &e) < 0)
        fail_all(t, &e);
    if (waits)
        start_sweep(fs);
    free(spare);
    return waits;
}

/* ---- a new open of a file that is open elsewhere ---- */

/* Tells whether the handle reads other files. Called with handles.lock held. */
static bool is_old(const struct handle *h, fuse_ino_t ino, uint64_t chain)
{
    return h->ino == ino && !h->lost && image_chain_hash(h->image) != chain;
}

bool renewal_is_due(struct fs *fs, fuse_ino_t ino, struct image *now)
{
    uint64_t chain = image_chain_hash(now);
    bool due = false;
    pthread_mutex_lock(&fs->handles.lock);
    for (const struct handle *h = fs->handles.first; h && !due; h = h->next)
        due = is_old(h, ino, chain);
    pthread_mutex_unlock(&fs->handles.lock);
    return due;
}

/* Returns references to the handles that read other files, `*ret` of them; NULL if there is no
 * memory. */
static struct handle **take_old(struct handles *all, fuse_ino_t ino, uint64_t chain, size_t *ret)
{
    size_t n = 0;
    pthread_mutex_lock(&all->lock);
    for (const struct handle *h = all->first; h; h = h->next)
        n += is_old(h, ino, chain);
    struct handle **old = calloc(n + 1, sizeof(struct handle *));
    *ret = old ? n : 0;
    n = 0;
    for (struct handle *h = all->first; old && h; h = h->next)
        if (is_old(h, ino, chain)) {
            h->refs++;
            old[n++] = h;
        }
    pthread_mutex_unlock(&all->lock);
    return old;
}

/* Takes over the handle's renewal. Returns false if another thread does it already. */
static bool take_renewal(struct handle *h)
{
    pthread_mutex_lock(&h->all->lock);
    bool mine = put_on_list(h);
    if (mine)
        h->at_work = true;
    pthread_mutex_unlock(&h->all->lock);
    return mine;
}

/* Renews a handle without waiting requests. Returns 0 even if that fails, because the handle's
 * readers get the failure when they read. */
static int renew_idle(struct wish *w, struct err *e)
{
    const struct timespec moment = {.tv_nsec = CHANGES_LOOK_MS * 1000000L};
    struct err ignored = {0};
    while (!take_renewal(w->h)) {
        int r = w->look(w->ctx, e);
        if (r < 0)
            return r;
        nanosleep(&moment, NULL);
    }
    renew(w, &ignored);
    return w->look(w->ctx, e);
}

int renewal_of_node(struct fs *fs, fuse_ino_t ino, struct image *now,
                    int (*look)(void *ctx, struct err *e), void *ctx, struct err *e)
{
    size_t n;
    struct handle **old = take_old(&fs->handles, ino, image_chain_hash(now), &n);
    int r = old ? 0 : err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        struct wish w = {.h = old[i], .fs = fs, .look = look, .ctx = ctx};
        if (r == 0)
            r = renew_idle(&w, e);
        handle_free(old[i]);
    }
    free(old);
    return r;
}
