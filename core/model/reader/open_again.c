/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open_again.c - goes on with an open image after an operation has changed the files below it.
 *
 * The new chain has to be that of the same snapshot with the same bytes. Three conditions must
 * hold:
 *
 *   - An operation of snapfs was at work after the image was opened.
 *   - The snapshot's name and time are the same.
 *   - Its disk has the number that a change by snapfs keeps (catalog/numbers.h), or is in a file
 *     that such a change has marked (reader/evidence.h).
 *
 * snapfs notes what has changed, then makes all the checks of an open again. No locks of its own.
 */
#include "model/reader/open_again.h"

#include <errno.h>
#include <string.h>

#include "image/image.h"
#include "model/catalog/catalog.h"
#include "model/reader/changes.h"
#include "model/reader/evidence.h"
#include "model/reader/modified.h"
#include "model/reader/open.h"
#include "model/reader/open_image.h"
#include "model/reader/open_marks.h"
#include "model/reader/unmanaged.h"
#include "model/state.h"

enum { QUIET_TRIES = 2 }; /* an operation may have been at its very end */

struct again {
    struct open_image *o;
    struct image *old, *new; /* `new` is NULL until it is open */
    bool (*wanted)(void *ctx);
    void *ctx;
};

static int fail_gone(const struct open_image *o, struct err *e)
{
    return err_fail(
        e, ESTALE,
        "the snapshot '%s' was deleted or made again; close its files, and open those of another "
        "snapshot",
        o->name);
}

static int look(void *ctx, struct err *e)
{
    const struct again *a = ctx;
    if (open_image_is_gone(a->o))
        return fail_gone(a->o, e);
    return a->wanted(a->ctx) ? 0 : err_fail(e, EINTR, "it was interrupted");
}

/* ---- the image ---- */

/* Finds the directory of the tag. Several may hold a tag of that name; the disk's number tells
 * which one it was. */
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

/* Opens the image. If that fails for a cause that does not pass, fails with ESTALE. */
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

/* Returns whether snapfs was the last to write to the file that has the disk now, and the file has
 * no later content than `old` was read from. This is for users who cannot read the kept numbers. */
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
                    "another program changed '%s' of snapshot '%s'; close and open it again",
                    o->disk, o->name);
}

/* Tries once. Notes first what has changed, so that the open checks which program changed it. */
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

/* Returns whether an operation was at work after the image was opened. If not, another program has
 * changed its files. */
static bool is_ours(const struct again *a)
{
    const struct open_image *o = a->o;
    return changes_ended(o->m) != o->operations || open_mark_counted(o->mark) != o->counted ||
           changes_anywhere(o->m);
}

static int fail_not_ours(const struct again *a, struct err *e)
{
    model_image_changed(a->o->m, a->o->uuid, a->old);
    return err_fail(
        e, ESTALE,
        "a file of another program changed '%s' of snapshot '%s'; close and open it again",
        a->o->disk, a->o->name);
}

static int attempt(void *ctx, struct err *e)
{
    struct again *a = ctx;
    struct open_image *o = a->o;
    uint64_t operations = changes_ended(o->m), counted = open_mark_counted(o->mark);
    int r = try_now(o, a->old, &a->new, e);
    if (r == 0) {
        o->operations = operations;
        o->counted = counted;
    }
    return r == -ESTALE && !open_image_is_gone(o) ? CHANGES_ANYWHERE : r;
}

int open_image_again(struct open_image *o, struct image *old, bool (*wanted)(void *ctx), void *ctx,
                     struct image **ret, struct err *e)
{
    struct again a = {.o = o, .old = old, .wanted = wanted, .ctx = ctx};
    struct changes c = {.m = o->m,
                        .uuid = o->uuid,
                        .attempt = attempt,
                        .look = look,
                        .ctx = &a,
                        .tries = QUIET_TRIES};
    if (open_image_is_gone(o))
        return fail_gone(o, e);
    int r = is_ours(&a) ? changes_outlast(&c, e) : fail_not_ours(&a, e);
    if (r == 0)
        *ret = a.new;
    return r;
}
