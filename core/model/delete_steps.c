/* delete_steps.c - see delete_steps.h. No locks of its own: called under the domain's operation.
 *
 *     step     before it                         after it
 *     start    the domain is shut off            it is paused, where something is to be merged
 *     merge    the overlays stand on the         the contents have their bytes as well; the live
 *              contents                          chain is without them
 *     stop     it may be paused for us           it is shut off as before
 *     move     snapshots may name the overlays   they name the contents, with the same bytes
 *     hide     the snapshot names its overlay    it names none
 *     forget   the snapshot is listed            libvirt has forgotten it
 *     remove   its files are there               those that nothing needs are gone
 */
#include "model/delete_steps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "model/catalog.h"
#include "model/follow.h"
#include "virt/change.h"
#include "virt/commit.h"
#include "virt/xml_move.h"

enum { POLL_FIRST_MS = 2, POLL_LAST_MS = 200, MS = 1000000 };

const struct snapshot *delete_target(const struct deletion *w)
{
    const struct snapshot *s = domain_find_name(w->now, w->del->snapshot);
    return s && (uint64_t)s->parsed->created == w->del->created ? s : NULL;
}

static bool is_paused(const struct deletion *w)
{
    return !strcmp(w->now->state, "paused");
}

static int read_again(struct deletion *w, struct err *e)
{
    domain_unref(take(w->now));
    return model_domain_now(w->m, w->uuid, &w->now, e);
}

/* ---- start, stop ---- */

static int run_start(struct deletion *w, struct err *e)
{
    if (!w->del->start || w->now->active)
        return 0;
    return virt_domain_start(w->m->virt, w->uuid, VIRT_START_PAUSED, e);
}

/* Who resumed it has it now. */
static int run_stop(struct deletion *w, struct err *e)
{
    if (!w->del->start || !w->now->active)
        return 0;
    if (is_paused(w))
        return virt_domain_destroy(w->m->virt, w->uuid, e);
    text_add(w->remark, "; the domain was resumed by someone, and goes on");
    return 0;
}

/* ---- the live chain ---- */

static bool is_file(const char *path, const struct stat *st)
{
    struct stat other;
    return path && stat(path, &other) == 0 && other.st_dev == st->st_dev &&
           other.st_ino == st->st_ino;
}

/* Where the files of a disk are in the live chain. */
struct chain {
    char *base, *top; /* as the domain's XML names them; NULL = not there */
    bool adjacent;    /* `top` stands directly on `base` */
};

static void chain_drop(struct chain *c)
{
    free(c->base);
    free(c->top);
}

#define autochain __attribute__((cleanup(chain_drop)))

/* By the files' own headers, since libvirt's XML of a domain that is shut off tells the top alone.
 */
static int find_in_layers(const struct image_layer *layers, size_t n,
                          const struct delete_disk *disk, struct chain *ret, struct err *e)
{
    struct stat base, top;
    bool has_base = stat(disk->base, &base) == 0, has_top = stat(disk->top, &top) == 0;
    for (size_t i = 0; i < n; i++) {
        const struct image_layer *l = &layers[i];
        bool is_base = has_base && l->dev == base.st_dev && l->ino == base.st_ino;
        bool is_top = has_top && l->dev == top.st_dev && l->ino == top.st_ino;
        if (is_base && !ret->base)
            ret->base = strdup(l->path);
        if (is_top && !ret->top)
            ret->top = strdup(l->path);
        if ((is_base && !ret->base) || (is_top && !ret->top))
            return err_nomem(e);
        ret->adjacent |= is_base && i > 0 && has_top && layers[i - 1].dev == top.st_dev &&
                         layers[i - 1].ino == top.st_ino;
    }
    return 0;
}

static int find_chain(const struct deletion *w, const struct delete_disk *disk, struct chain *ret,
                      struct err *e)
{
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    struct image_layer *layers = NULL;
    size_t n = 0;
    int r = xml_domain_parse(w->now->xml, &x, e);
    if (r < 0)
        return r;
    const struct xml_disk *live = xml_domain_disk(x, disk->target);
    if (!live || !live->source.path)
        return err_fail(e, EBUSY, "disk '%s' is not there any more", disk->target);
    r = follow_layers(live->source.path, live->source.format, &layers, &n, e);
    if (r == 0)
        r = find_in_layers(layers, n, disk, ret, e);
    image_layers_free(layers, n);
    return r;
}

/* What the disk, or a layer below it, calls that file; NULL where none is it. */
static const char *name_of(const struct xml_disk *x, const struct stat *file)
{
    if (is_file(x->source.path, file))
        return x->source.path;
    for (size_t i = 0; i < x->n_backing; i++)
        if (is_file(x->backing[i].path, file))
            return x->backing[i].path;
    return NULL;
}

/* The name of a chain's file in the XML of a domain that runs. */
static const char *name_in_xml(const struct xml_disk *disk, const char *path)
{
    struct stat st;
    const char *name = stat(path, &st) == 0 ? name_of(disk, &st) : NULL;
    return name ? name : path;
}

/* ---- merge ---- */

static void wait_ms(long ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * MS};
    nanosleep(&ts, NULL);
}

/* Waits for the job's end. The live disk's own goes on until it is told to pivot, for which it may
 * be too early yet. */
static int wait_merged(const struct deletion *w, const struct delete_disk *disk, struct err *e)
{
    struct virt_block_job job;
    char step[PROGRESS_STEP_MAX];
    snprintf(step, sizeof(step), "merging disk '%s'", disk->target);
    for (long ms = POLL_FIRST_MS;; ms = ms < POLL_LAST_MS ? ms * 2 : ms) {
        int r = virt_block_job(w->m->virt, w->uuid, disk->target, &job, e);
        if (r < 0 || !job.there)
            return r;
        progress_set(step, job.done, job.end);
        if (disk->active && job.done == job.end)
            r = virt_commit_end(w->m->virt, w->uuid, disk->target, true, e);
        if (r < 0 && r != -EBUSY)
            return r;
        wait_ms(ms);
    }
}

static bool is_lost(const struct err *e)
{
    return e->no == ENOTCONN || e->no == ETIMEDOUT || e->no == ENOMEM;
}

/* A job that cannot be brought to its end is not left behind. */
static int wait_or_end(const struct deletion *w, const struct delete_disk *disk, struct err *e)
{
    struct err ignored;
    int r = wait_merged(w, disk, e);
    if (r < 0 && !is_lost(e))
        virt_commit_end(w->m->virt, w->uuid, disk->target, false, &ignored);
    return r;
}

static int begin_merge(const struct deletion *w, const struct delete_disk *disk,
                       const struct chain *c, struct err *e)
{
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    int r = xml_domain_parse(w->now->xml, &x, e);
    if (r < 0)
        return r;
    const struct xml_disk *live = xml_domain_disk(x, disk->target);
    return virt_commit_begin(w->m->virt, w->uuid, disk->target, name_in_xml(live, c->base),
                             name_in_xml(live, c->top), disk->active, e);
}

/* A job that is under way already is ours, of before we were cut off. */
static int merge_disk(struct deletion *w, const struct delete_disk *disk, struct err *e)
{
    autochain struct chain before = {0}, after = {0};
    struct virt_block_job job;
    int r = virt_block_job(w->m->virt, w->uuid, disk->target, &job, e);
    if (r == 0 && !job.there)
        r = find_chain(w, disk, &before, e);
    if (r == 0 && before.adjacent)
        r = begin_merge(w, disk, &before, e);
    if (r == 0)
        r = wait_or_end(w, disk, e);
    if (r == 0)
        r = read_again(w, e);
    if (r == 0)
        r = find_chain(w, disk, &after, e);
    if (r == 0 && (after.top || !after.base))
        return err_fail(e, EIO, "QEMU could not merge '%s' into '%s'", disk->top, disk->base);
    return r;
}

/* A disk that cannot be merged stands on the content as before, which has some of its bytes twice
 * then: that of the snapshot alone is spoilt. */
static int run_merge(struct deletion *w, struct err *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < w->del->n; i++) {
        r = merge_disk(w, &w->del->disks[i], e);
        if (r < 0 && !is_lost(e)) {
            text_add(w->remark, "; disk '%s' is not merged: %s", w->del->disks[i].target, e->text);
            r = 0;
        }
    }
    return r;
}

/* ---- move ---- */

/* Where the snapshot has its bytes in an overlay that was merged, or says that they stand on it. */
static int find_places(const struct deletion *w, const struct snapshot *s, struct xml_place *places,
                       size_t *ret_n, struct err *e)
{
    *ret_n = 0;
    for (size_t i = 0; i < w->del->n; i++) {
        const struct delete_disk *disk = &w->del->disks[i];
        const struct xml_disk *x = xml_domain_disk(s->parsed->domain, disk->target);
        autochain struct chain c = {0};
        struct stat top;
        const char *from = x && stat(disk->top, &top) == 0 ? name_of(x, &top) : NULL;
        if (!from)
            continue;
        int r = find_chain(w, disk, &c, e);
        if (r == -ENOMEM)
            return r;
        if (r == 0 && c.base && !c.top)
            places[(*ret_n)++] = (struct xml_place){disk->target, from, disk->base, disk->format};
    }
    return 0;
}

static int redefine(struct deletion *w, const struct snapshot *s, const char *xml, struct err *e)
{
    unsigned flags = w->now->current == s ? VIRT_CREATE_CURRENT : 0;
    return virt_snapshot_create(w->m->virt, w->uuid, xml, VIRT_CREATE_REDEFINE | flags, NULL, e);
}

static int move_snapshot(struct deletion *w, const struct snapshot *s, struct xml_place *places,
                         struct err *e)
{
    autofree char *secure = NULL, *xml = NULL;
    size_t n;
    int r = s->parsed->domain ? find_places(w, s, places, &n, e) : -ENOENT;
    if (r < 0 || !n)
        return r == -ENOENT ? 0 : r;
    r = virt_snapshot_secure_xml(w->m->virt, w->uuid, s->name, &secure, e);
    if (r == 0)
        r = xml_move_snapshot(secure, places, n, &xml, e);
    return r == 0 ? redefine(w, s, xml, e) : r;
}

static int run_move(struct deletion *w, struct err *e)
{
    autofree struct xml_place *places = calloc(w->del->n + 1, sizeof(*places));
    int r = places ? 0 : err_nomem(e);
    for (size_t i = 0; r == 0 && w->del->n && i < w->now->n; i++)
        if (&w->now->all[i] != delete_target(w))
            r = move_snapshot(w, &w->now->all[i], places, e);
    return r;
}

/* ---- hide, forget, remove ---- */

/* libvirt 9.0 takes it that what it forgets was merged, and has those who have their bytes in the
 * overlay look for them in the content. Where the snapshot names no overlay nobody has. */
static int run_hide(struct deletion *w, struct err *e)
{
    const struct snapshot *s = delete_target(w);
    autofree char *secure = NULL, *xml = NULL;
    if (!s || !w->del->hide)
        return 0;
    int r = virt_snapshot_secure_xml(w->m->virt, w->uuid, s->name, &secure, e);
    if (r == 0)
        r = xml_withdraw_snapshot(secure, &xml, e);
    return r == 0 ? redefine(w, s, xml, e) : r;
}

static int run_forget(struct deletion *w, struct err *e)
{
    const struct snapshot *s = delete_target(w);
    return s ? virt_snapshot_delete(w->m->virt, w->uuid, s->name, !w->del->native, e) : 0;
}

static int run_remove(struct deletion *w, struct err *e)
{
    return leftovers_remove(w->m, w->now, &w->del->left, w->remark, e);
}

int delete_run_step(struct deletion *w, enum delete_step step, struct err *e)
{
    static int (*const runs[DELETE_STEPS])(struct deletion * w, struct err * e) = {
        [DELETE_START] = run_start,   [DELETE_MERGE] = run_merge, [DELETE_STOP] = run_stop,
        [DELETE_MOVE] = run_move,     [DELETE_HIDE] = run_hide,   [DELETE_FORGET] = run_forget,
        [DELETE_REMOVE] = run_remove,
    };
    return runs[step] ? runs[step](w, e) : 0;
}
