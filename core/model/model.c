/* SPDX-License-Identifier: GPL-3.0-or-later */
/* model.c - see model.h: makes the parts of the model, and ends them. Locks: none; state.h has
 * those of the parts. */
#include "model/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/activity/activity.h"
#include "model/change/recover.h"
#include "model/change/rounds.h"
#include "model/change/settler.h"
#include "model/create/quiesce.h"
#include "model/create/steps.h"
#include "model/delete/delete.h"
#include "model/graph/usage_cache.h"
#include "model/journal/keep.h"
#include "model/journal/keep_later.h"
#include "model/reader/hooks.h"
#include "model/reader/open_cache.h"
#include "model/reader/open_images.h"
#include "model/reader/open_marks.h"
#include "model/reader/unreadable.h"
#include "model/revert/copy.h"
#include "model/revert/native.h"
#include "model/revert/overlays.h"
#include "model/state.h"
#include "model/storage/pools.h"

static const struct recoverable recoverables[] = {
    {.kind = &copy_kind},
    {.kind = &delete_kind},
    {.kind = &native_kind},
    {.kind = &new_snapshot_kind},
    {.kind = &revert_kind},
    {.word = "freeze", .recover = quiesce_recover},
    {0},
};

static bool make_parts(struct model *m)
{
    m->hooks = &reader_hooks;
    m->recoverables = recoverables;
    m->activity = activity_new();
    m->list_cache = list_cache_new();
    m->usage_cache = usage_cache_new(m);
    m->open_cache = open_cache_new();
    m->touched = touched_new();
    m->open_images = open_images_new();
    m->keeper = keeper_new();
    m->pools = pools_new(m->virt);
    m->keep_later = keep_later_new(m);
    m->unreadable = unreadable_new();
    m->rounds = rounds_new();
    m->settler = m->rounds ? settler_new(m) : NULL;
    return m->activity && m->list_cache && m->usage_cache && m->open_cache && m->touched &&
           m->open_images && m->keeper && m->pools && m->keep_later && m->unreadable && m->settler;
}

int model_open(const struct model_options *o, struct model **ret, struct err *e)
{
    struct model *m autodestroy(model_close) = calloc(1, sizeof(*m));
    if (!m)
        return err_nomem(e);
    m->options = *o;
    int r = virt_open(o->uri, o->readonly, &m->virt, e);
    if (r < 0)
        return r;
    r = make_parts(m) ? catalog_new(&m->catalog, e) : err_nomem(e);
    if (r < 0)
        return r;
    m->is_test = !strncmp(virt_uri(m->virt), "test:", 5);
    open_marks_prepare(m);
    *ret = take(m);
    return 0;
}

void model_close(struct model *m)
{
    if (!m)
        return;
    settler_free(m->settler);
    rounds_free(m->rounds);
    usage_cache_free(m->usage_cache);
    keep_later_free(m->keep_later);
    unreadable_free(m->unreadable);
    open_cache_free(m->open_cache);
    touched_free(m->touched);
    open_images_free(m->open_images);
    keeper_free(m->keeper);
    if (m->activity)
        progress_close(m);
    activity_free(m->activity);
    pools_free(m->pools);
    catalog_free(m->catalog);
    list_cache_free(m->list_cache);
    virt_close(m->virt);
    free(m);
}

const char *model_uri(const struct model *m)
{
    return virt_uri(m->virt);
}

bool model_is_elsewhere(struct model *m)
{
    struct err e = {0};
    return !virt_files_local(m->virt, &e) && e.no == EOPNOTSUPP;
}

bool model_is_flat(const struct model *m)
{
    return m->options.flat;
}

bool model_readonly(const struct model *m)
{
    return m->options.readonly;
}

void model_recover(struct model *m)
{
    if (m->options.readonly || m->is_test)
        return;
    if (!settler_start(m->settler) && m->options.say)
        m->options.say(true, "cannot start the thread that finishes what was cut off; the next "
                             "operation on a domain does it");
}

void model_recover_stop(struct model *m)
{
    settler_stop(m->settler);
}
