/* SPDX-License-Identifier: GPL-3.0-or-later */
/* commit.c - see delete/steps.h. No locks of its own: called under the domain's operation.
 *
 * If an overlay is not in the live chain, that does not tell which program took it out. snapfs
 * counts an overlay as merged in two cases only:
 *
 *   - Below the live disk, QEMU has put the file above the overlay onto the base, and the job was
 *     seen to end, or the base has the overlay's bytes (delete/half_merge.h).
 *   - The live disk itself is the base, after snapfs had begun to pivot it.
 */
#include "model/activity/activity.h"
#include "base/file_id.h"
#include "model/activity/progress.h"
#include "model/delete/steps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "image/layers.h"
#include "model/change/procedures.h"
#include "model/reader/evidence.h"
#include "model/reader/image_backing.h"
#include "model/state.h"
#include "model/storage/file_chain.h"
#include "model/change/later.h"
#include "model/storage/file_marks.h"
#include "model/delete/half_merge.h"
#include "model/delete/mergeable.h"
#include "model/graph/users.h"
#include "model/activity/task.h"
#include "model/storage/source.h"
#include "virt/commit.h"
#include "virt/xml.h"

enum { POLL_FIRST_MS = 2, POLL_LAST_MS = 200 };

/* ---- the live chain ---- */

/* The places of a disk's files in the live chain. */
struct chain {
    char *base, *top; /* as the domain's XML names them; NULL = not there */
    bool adjacent;    /* `top` is directly on `base` */
    bool closed;      /* `base` is directly below the file above `top`, or is the live disk */
};

static void chain_drop(struct chain *c)
{
    free(c->base);
    free(c->top);
}

#define autochain __attribute__((cleanup(chain_drop)))

static bool is_layer(const struct image_layer *l, const char *path)
{
    return file_has_id_at(path, l->dev, l->ino);
}

static int find_in_layers(const struct image_layer *layers, size_t n,
                          const struct delete_disk *disk, struct chain *ret, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        bool is_base = is_layer(&layers[i], disk->base), is_top = is_layer(&layers[i], disk->top);
        char **at = is_base ? &ret->base : is_top ? &ret->top : NULL;
        if (at && !*at && !(*at = strdup(layers[i].path)))
            return err_nomem(e);
        if (!is_base)
            continue;
        ret->adjacent = i > 0 && is_layer(&layers[i - 1], disk->top);
        ret->closed = *disk->above ? i > 0 && is_layer(&layers[i - 1], disk->above) : i == 0;
    }
    return 0;
}

static int find_chain(const struct delete *del, const struct delete_disk *disk, struct chain *ret,
                      struct err *e)
{
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    struct image_layer *layers = NULL;
    size_t n = 0;
    int r = xml_domain_parse(del->p.now->xml, &x, e);
    if (r < 0)
        return r;
    const struct xml_disk *live = xml_domain_disk(x, disk->target);
    if (!live || !policy_path(del->p.now->volumes, &live->source))
        return err_fail(e, EBUSY, "disk '%s' is not there any more", disk->target);
    r = backing_layers(del->p.now, NULL, live, &layers, &n, e);
    if (r == 0)
        r = find_in_layers(layers, n, disk, ret, e);
    image_layers_free(layers, n);
    return r;
}

/* Returns the name of a chain's file in the XML of a domain that runs. */
static const char *name_in_xml(const struct xml_disk *disk, const char *path)
{
    const char *name = follow_name(disk, path);
    return name ? name : path;
}

/* ---- merge ---- */

/* Waits. A user's delete runs to its end. A delete that is recovered is put off when snapfs ends;
 * QEMU goes on with the merge meanwhile. */
static int wait_ms(const struct delete *del, unsigned ms, struct err *e)
{
    if (del->p.late)
        return task_rest(ms, e);
    usleep(ms * 1000);
    return 0;
}

static int pivot(struct delete *del, struct delete_disk *disk, struct err *e)
{
    int r = delete_note_pivoting(del, disk, e);
    return r == 0 ? virt_commit_end(del->p.m->virt, del->p.uuid, disk->target, true, e) : r;
}

/* Waits for the job's end. The job of the live disk itself goes on until libvirt is told to pivot;
 * a pivot may still be too early. `run` is libvirt's id of the domain with the job. *ret_ended
 * tells whether the same run of the domain has no job any more, so that QEMU has brought the job to
 * its end. */
static int wait_merged(struct delete *del, struct delete_disk *disk, int run, bool *ret_ended,
                       struct err *e)
{
    struct virt_block_job job;
    char step[PROGRESS_STEP_MAX];
    snprintf(step, sizeof(step), "merging disk '%s'", disk->target);
    for (unsigned ms = POLL_FIRST_MS;; ms = ms < POLL_LAST_MS ? ms * 2 : ms) {
        int r = virt_block_job(del->p.m->virt, del->p.uuid, disk->target, &job, e);
        if (r < 0 || !job.there) {
            *ret_ended = r == 0 && job.run == run;
            return r;
        }
        if (!job.commits)
            return err_fail(e, EBUSY, "another program has a block job under way on the disk");
        progress_set(step, job.done, job.end);
        if (!*disk->above && job.done == job.end)
            r = pivot(del, disk, e);
        if (r < 0 && r != -EBUSY)
            return r;
        r = wait_ms(del, ms, e);
        if (r < 0)
            return r;
    }
}

/* Waits for the job's end. If snapfs cannot bring its own job to its end, it cancels the job. */
static int wait_or_end(struct delete *del, struct delete_disk *disk, int run, bool *ret_ended,
                       struct err *e)
{
    struct err ignored;
    int r = wait_merged(del, disk, run, ret_ended, e);
    if (r < 0 && r != -EBUSY && !err_is_open(e))
        virt_commit_end(del->p.m->virt, del->p.uuid, disk->target, false, &ignored);
    return r;
}

static int compare(const struct delete *del, const struct survey *v, const struct delete_disk *disk,
                   struct err *e)
{
    struct merge m;
    struct merge_gone gone = {.one = delete_target(del)};
    int base = users_file(v, disk->base);
    int r = gone.one ? merge_find(v, del->p.now, gone, disk->target, base, &m, e)
                     : err_fail(e, EBUSY, "the snapshot has gone meanwhile");
    if (r == 0)
        r = merge_check_found(v, &m, e);
    if (r < 0)
        return r;
    bool same = follow_to_same(graph_file_path(v->graph, m.top), disk->top) &&
                !*disk->above == (m.above == GRAPH_NO_FILE);
    return same ? merge_check_files(del->p.now, v, disk->target, &m, e)
                : err_fail(e, EBUSY, "another program changed the disk's chain meanwhile");
}

/* Checks again which users the files have. After the delete was planned, a domain may have been
 * started, and other disks merged. Another program may have made a clone of the base meanwhile. */
static int check_again(struct delete *del, const struct delete_disk *disk, struct err *e)
{
    struct survey v = {0};
    int r = procedure_look(&del->p, e);
    if (r == 0)
        r = survey_make(del->p.m, del->p.now, delete_scope(del->force), &v, e);
    if (r == 0)
        r = compare(del, &v, disk, e);
    del->refused |= r < 0;
    survey_drop(&v);
    return r;
}

/* Notes the files that are about to be written to. The file above gets another backing file. */
static int note_writing(struct delete *del, const struct delete_disk *disk, struct err *e)
{
    int r = evidence_writing(del->p.m, del->p.uuid, disk->base, disk->top, e);
    if (r == 0 && *disk->above)
        r = evidence_writing(del->p.m, del->p.uuid, disk->above, NULL, e);
    del->refused |= r < 0;
    return r;
}

static int begin_merge(struct delete *del, const struct delete_disk *disk, const struct chain *c,
                       struct err *e)
{
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    int r = check_again(del, disk, e);
    if (r == 0)
        r = xml_domain_parse(del->p.now->xml, &x, e);
    if (r == 0)
        r = note_writing(del, disk, e);
    if (r < 0)
        return r;
    del->merging = true;
    const struct xml_disk *live = xml_domain_disk(x, disk->target);
    return virt_commit_begin(del->p.m->virt, del->p.uuid, disk->target, name_in_xml(live, c->base),
                             name_in_xml(live, c->top), !*disk->above, e);
}

static bool is_merged(const struct delete_disk *disk, const struct chain *c)
{
    return c->closed && !c->top && (*disk->above || disk->pivoting);
}

/* Begins the merge if that is still to be done. *ret_run gets libvirt's id of the domain if there
 * is a job now. */
static int see_to_job(struct delete *del, const struct delete_disk *disk, int *ret_run,
                      struct err *e)
{
    autochain struct chain c = {0};
    struct virt_block_job job;
    int r = virt_block_job(del->p.m->virt, del->p.uuid, disk->target, &job, e);
    if (r == 0 && !job.there) {
        r = find_chain(del, disk, &c, e);
        if (r < 0 || !c.adjacent)
            return r;
        r = begin_merge(del, disk, &c, e);
    }
    if (r == 0)
        *ret_run = job.run;
    return r;
}

/* Looks whether the disk is merged. Looks even if `r`, the job's result, is a failure, because QEMU
 * may have ended right after the merge. `ended`: snapfs saw the job end. */
static int see_merged(struct delete *del, const struct delete_disk *disk, int r, bool ended,
                      struct err *e)
{
    autochain struct chain c = {0};
    struct err why = *e;
    int seen = procedure_look(&del->p, e);
    if (seen == 0 && !ended)
        seen = half_merge_settle(del, disk, e);
    if (seen == 0)
        seen = find_chain(del, disk, &c, e);
    if (seen < 0 || is_merged(disk, &c))
        return seen;
    if (r < 0) {
        *e = why;
        return r;
    }
    del->refused |= !del->merging;
    return err_fail(e, del->merging ? EIO : EBUSY, "%s '%s' into '%s'",
                    del->merging ? "QEMU could not merge"
                                 : "another program changed the domain meanwhile; cannot merge",
                    disk->top, disk->base);
}

static int merge_disk(struct delete *del, struct delete_disk *disk, struct err *e)
{
    int run = -1;
    bool ended = false;
    int r = see_to_job(del, disk, &run, e);
    if (r == 0)
        r = wait_or_end(del, disk, run, &ended, e);
    if (r == 0 || !err_is_open(e))
        r = see_merged(del, disk, r, ended, e);
    if (r < 0)
        return r;
    later_done(del->p.m, del->p.uuid, disk->base, disk->top);
    evidence_written(del->p.m, del->p.uuid, disk->base);
    evidence_written(del->p.m, del->p.uuid, disk->above);
    return delete_note_merged(del, disk, e);
}

/* Merges the disks. Once a merge has begun, the snapshot's bytes may be spoilt. A disk that cannot
 * be merged stays on the base as before. */
int delete_run_merge(struct procedure *p, struct err *e)
{
    struct delete *del = (struct delete *)p;
    int r = 0;
    for (size_t i = 0; r == 0 && i < del->n; i++) {
        struct delete_disk *disk = &del->disks[i];
        r = disk->merged ? 0 : merge_disk(del, disk, e);
        del->merging |= disk->merged;
        if (r < 0 && !err_is_open(e) && (del->merging || !del->refused)) {
            text_add(del->p.remark, "; disk '%s' is not merged: %s", disk->target, e->text);
            r = 0;
        }
    }
    return r;
}
