/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open_again.c - goes on with an open image after an operation has changed the files below it.
 *
 * The new chain has to be that of the same snapshot with the same bytes: snapfs was at work since
 * the image was opened, the snapshot's name and time are the same, and its disk has the number that
 * a change made here keeps (catalog/numbers.h), or is in a file that such a change has marked
 * (reader/evidence.h). Everything that opening the image asks is asked again, after what has
 * changed was noted. Locks: model->lock, to wait on an operation of this process.
 */
#include "model/reader/open_again.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "image/image.h"
#include "model/activity/activity.h"
#include "model/activity/queue.h"
#include "model/catalog/catalog.h"
#include "model/journal/domain_lock.h"
#include "model/journal/journal.h"
#include "model/reader/evidence.h"
#include "model/reader/modified.h"
#include "model/reader/open.h"
#include "model/reader/open_marks.h"
#include "model/reader/unmanaged.h"
#include "model/state.h"

enum {
    /* After a failure nothing is at work; an operation that was at its very end may have been. */
    QUIET_TRIES = 2,
    ELSEWHERE_TRIES = 8 /* ends of operations on other domains, which may have a file in common */
};

struct again {
    struct open_image *o;
    struct image *old;
    struct work *work;
    bool (*wanted)(void *ctx);
    void *ctx;
};

/* ---- waiting ---- */

/* Waits a moment, or until an operation of this process ends. */
static void rest(const struct again *a)
{
    struct activity *activity = a->o->m->activity;
    pthread_mutex_lock(&activity->lock);
    activity_wait(activity, clock_ns() + OPEN_IMAGE_LOOK_MS * CLOCK_MS);
    pthread_mutex_unlock(&activity->lock);
}

/* How many operations of this process have ended on the image's domain; *ret_busy: one is under
 * way.
 */
static uint64_t operations(const struct again *a, bool *ret_busy)
{
    return queue_left(a->o->m->activity, a->work, ret_busy);
}

/* The same on all domains. */
static uint64_t all_operations(const struct again *a, bool *ret_busy)
{
    return queue_left(a->o->m->activity, NULL, ret_busy);
}

/* Is another program's operation under way? */
static bool is_others(const struct again *a)
{
    return domain_lock_is_held(a->o->m->virt, a->o->uuid) || journal_is_busy(a->o->uuid);
}

static bool is_changing(const struct again *a)
{
    bool busy;
    operations(a, &busy);
    return busy || is_others(a);
}

static int fail_gone(const struct open_image *o, struct err *e)
{
    return err_fail(e, ESTALE,
                    "the snapshot '%s' was deleted or made again; close its files, and open those "
                    "of a snapshot that is there",
                    o->name);
}

/* Those that wait their turn behind it may go on for long: the first one's end is enough. */
static int wait_for_end(const struct again *a, struct err *e)
{
    bool busy;
    uint64_t first = operations(a, &busy), now = first;
    while ((busy && now == first) || (!busy && is_others(a))) {
        if (open_image_is_gone(a->o))
            return fail_gone(a->o, e);
        if (!a->wanted(a->ctx))
            return err_fail(e, EINTR, "it was interrupted");
        rest(a);
        now = operations(a, &busy);
    }
    return 0;
}

/* ---- the image ---- */

/* Several directories may hold a tag of that name: the disk's number tells which one it was. */
static const struct snapshot *find_tag(const struct tag_list *l, const struct open_image *o)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct snapshot_disk *disk = snapshot_find_disk(&l->tags[i], o->disk);
        if (disk && disk->number == o->number && !strcmp(l->tags[i].name, o->name))
            return &l->tags[i];
    }
    return NULL;
}

static int find_snapshot(const struct open_image *o, struct domain *d, const struct snapshot **ret,
                         struct err *e)
{
    const struct tag_list *tags = NULL;
    int r = o->untracked_tag ? model_tags(o->m, d, &tags, e) : 0;
    if (r < 0)
        return r;
    *ret = tags ? find_tag(tags, o) : domain_find_name(d, o->name);
    bool same = *ret && (tags || snapshot_created(*ret) == o->created);
    return same && !open_image_is_gone(o) ? 0 : fail_gone(o, e);
}

static int find_disk(const struct open_image *o, const struct snapshot *s,
                     const struct snapshot_disk **ret, struct err *e)
{
    const struct snapshot_disk *disk = snapshot_find_disk(s, o->disk);
    if (!disk)
        return fail_gone(o, e);
    if (disk->no)
        return err_fail(e, ESTALE, "%s", disk->reason);
    *ret = disk;
    return 0;
}

/* An image that cannot be opened now, for a cause that does not pass, is as good as gone. */
static int open_now(const struct open_image *o, struct domain *d, const struct snapshot *s,
                    const struct snapshot_disk *disk, struct image **ret, struct err *e)
{
    struct err why = {0};
    struct image *im autodestroy(image_unref) = NULL;
    int r = model_image_open(o->m, d, s, disk, &im, &why);
    if (r == 0)
        r = image_start(im, &why);
    if (r < 0)
        return err_fail(e, err_is_open(&why) || err_is_resource(-r) ? -r : ESTALE, "%s", why.text);
    *ret = take(im);
    return 0;
}

static int see_latest(void *ctx, const char *path, const struct image_id *file, struct err *e)
{
    uint64_t *latest = ctx;
    (void)path;
    (void)e;
    *latest = max_u64(*latest, file->mtime_ns);
    return 0;
}

/* Has a change made by snapfs, and nobody since, written to the file that has the disk now, and
 * nothing that is later than what `old` was read from? For who cannot read the numbers that are
 * kept. */
static bool is_marked(const struct domain *d, const struct snapshot_disk *disk,
                      const struct image *old, const struct image *im)
{
    struct image_id file = image_identity(im);
    struct err ignored;
    uint64_t latest = 0;
    bool marked = false;
    if (disk->memory || disk->tag || image_each_file(old, see_latest, &latest, &ignored) < 0)
        return false;
    uint64_t content = evidence_time(d->kept, disk->path, &file, &marked);
    return marked && content <= latest;
}

static int check_same(const struct open_image *o, const struct domain *d,
                      const struct snapshot_disk *disk, const struct image *old,
                      const struct image *im, struct err *e)
{
    if (image_size(im) == image_size(old) &&
        (disk->number == o->number || is_marked(d, disk, old, im)))
        return 0;
    return err_fail(e, ESTALE,
                    "'%s' of snapshot '%s' was changed, and not by snapfs; close and open it again",
                    o->disk, o->name);
}

/* What has changed is noted first, so that opening the image asks by whom. */
static int try_now(const struct open_image *o, struct image *old, struct image **ret, struct err *e)
{
    struct domain *d autodestroy(domain_unref) = NULL;
    struct image *im autodestroy(image_unref) = NULL;
    const struct snapshot *s = NULL;
    const struct snapshot_disk *disk = NULL;
    model_image_changed(o->m, o->uuid, old);
    int r = image_check_dated(old, e);
    if (r < 0)
        return r;
    r = model_domain_now(o->m, o->uuid, &d, e);
    if (r == -ENOENT)
        return fail_gone(o, e);
    if (r == 0)
        r = find_snapshot(o, d, &s, e);
    if (r == 0)
        r = find_disk(o, s, &disk, e);
    if (r == 0)
        r = open_now(o, d, s, disk, &im, e);
    if (r == 0)
        r = check_same(o, d, disk, old, im, e);
    if (r == 0)
        *ret = take(im);
    return r;
}

/* Was an operation at work since the image was opened? If not, then somebody else has changed its
 * files. */
static bool is_ours(const struct again *a)
{
    bool busy;
    uint64_t counted = open_mark_counted(a->o->mark);
    return all_operations(a, &busy) != a->o->operations || busy || counted != a->o->counted ||
           is_others(a);
}

static int fail_not_ours(const struct again *a, struct err *e)
{
    model_image_changed(a->o->m, a->o->uuid, a->old);
    return err_fail(e, ESTALE,
                    "a file of '%s' of snapshot '%s' was changed, and not by snapfs; close and "
                    "open it again",
                    a->o->disk, a->o->name);
}

/* Waits for the end of an operation on another domain, if one is under way. 1: one has ended. */
static int wait_elsewhere(const struct again *a, uint64_t before, struct err *e)
{
    bool busy;
    while (all_operations(a, &busy) == before) {
        if (!busy)
            return 0;
        if (!a->wanted(a->ctx))
            return err_fail(e, EINTR, "it was interrupted");
        rest(a);
    }
    return 1;
}

/* ESTALE also where an operation is under way, which may be why. */
static int try_once(const struct again *a, struct image **ret, uint64_t *ret_before, struct err *e)
{
    bool busy;
    int r = wait_for_end(a, e);
    if (r < 0)
        return r;
    uint64_t counted = open_mark_counted(a->o->mark);
    *ret_before = all_operations(a, &busy);
    r = try_now(a->o, a->old, ret, e);
    if (r == 0) {
        a->o->operations = *ret_before;
        a->o->counted = counted;
    }
    return r;
}

static int try_again(const struct again *a, struct image **ret, struct err *e)
{
    int r = -ESTALE, elsewhere = 0;
    for (int quiet = 0; quiet < QUIET_TRIES && elsewhere < ELSEWHERE_TRIES;) {
        uint64_t before = 0;
        r = try_once(a, ret, &before, e);
        if (r != -ESTALE || open_image_is_gone(a->o))
            return r;
        struct err ended;
        bool changed = is_changing(a);
        int other = changed ? 0 : wait_elsewhere(a, before, &ended);
        if (other < 0)
            return err_fail(e, ended.no, "%s", ended.text);
        elsewhere += other;
        quiet = changed || other ? 0 : quiet + 1;
    }
    return r;
}

int open_image_again(struct open_image *o, struct image *old, bool (*wanted)(void *ctx), void *ctx,
                     struct image **ret, struct err *e)
{
    struct again a = {.o = o, .old = old, .wanted = wanted, .ctx = ctx};
    if (open_image_is_gone(o))
        return fail_gone(o, e);
    a.work = work_get(o->m->activity, o->uuid);
    if (!a.work)
        return err_nomem(e);
    int r = is_ours(&a) ? try_again(&a, ret, e) : fail_not_ours(&a, e);
    work_done(o->m->activity, a.work);
    return r;
}
