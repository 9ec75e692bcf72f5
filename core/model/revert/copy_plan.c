/* SPDX-License-Identifier: GPL-3.0-or-later */
/* copy_plan.c - see revert/copy_plan.h. No locks of its own: called under the domain's operation.
 * Reads headers and tables of snapshots only; writes nothing except marks on a copy. */
#include "model/revert/copy_plan.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mounts.h"
#include "image/header.h"
#include "image/layers.h"
#include "image/tags.h"
#include "model/change/fingerprint.h"
#include "model/change/procedures.h"
#include "model/change/redefinable.h"
#include "model/reader/image_backing.h"
#include "model/state.h"
#include "model/storage/file_chain.h"
#include "model/journal/kept_marks.h"
#include "model/storage/overlay_name.h"
#include "model/storage/volumes.h"
#include "virt/change.h"
#include "virt/shared.h"
#include "virt/xml.h"

/* ---- in the journal ---- */

static const struct field_list left = RECLAIM_LIST(struct copying, left);
static const struct field_list disks = {offsetof(struct copying, disks),
                                        offsetof(struct copying, n), sizeof(struct copy_disk)};

#define ROW(word, type, member) FIELD_ROW(word, type, copying, member)
#define DISK(type, member) FIELD_ITEM("disk", type, copy_disk, member, &disks)

const struct field copy_rows[COPY_ROWS] = {
    ROW("current", FIELD_TEXT, current),
    ROW("before", FIELD_MAYBE, before),
    ROW("state", FIELD_BOOL, active),
    ROW("state", FIELD_U64, snapshots),
    ROW("state", FIELD_U64, config),
    DISK(FIELD_TEXT, target),
    DISK(FIELD_TEXT, from),
    DISK(FIELD_TEXT, to),
    DISK(FIELD_U64, entry),
    RECLAIM_ROWS(&left),
};

struct copy_disk *copying_add(struct copying *c, const char *target, const char *from,
                              const char *to)
{
    struct copy_disk *disk = fields_add(&disks, c);
    if (!disk)
        return NULL;
    *disk = (struct copy_disk){.target = strdup(target), .from = strdup(from), .to = strdup(to)};
    return disk->target && disk->from && disk->to ? disk : NULL;
}

/* ---- one file ---- */

static int refuse_header(const struct header *h, const char *path, struct err *e)
{
    const char *what = h->incompatible & INCOMPAT_CORRUPT     ? "is marked as corrupt"
                       : h->incompatible & INCOMPAT_DIRTY     ? "was not closed properly"
                       : h->incompatible & INCOMPAT_DATA_FILE ? "has its data in another file"
                       : h->encryption                        ? "is encrypted"
                                                              : NULL;
    if (!what)
        return 0;
    return err_fail(e, EOPNOTSUPP, "'%s' cannot be copied for the revert, and others use it: it %s",
                    path, what);
}

/* Checks that a copy under another name in the same directory is the same image. */
static int check_header(const char *path, struct mounts *mounts, struct err *e)
{
    struct image_policy policy = follow_policy(mounts);
    struct image_file *f autodestroy(file_close) = NULL;
    struct header h = {0};
    int r = file_open(path, &policy, &f, e);
    if (r == 0 && (file_is_remote(f) || file_is_device(f)))
        return err_fail(e, EOPNOTSUPP,
                        "'%s' cannot be copied for the revert, and others use it: it is not a file",
                        path);
    if (r == 0)
        r = header_load(f, &h, NULL, e);
    if (r == 0)
        r = refuse_header(&h, path, e);
    header_drop(&h);
    return r;
}

static int read_tags(const char *path, struct mounts *mounts, struct image_tags **ret,
                     struct err *e)
{
    struct image_source source = {.path = path, .format = "qcow2"};
    struct image_policy policy = follow_policy(mounts);
    return image_tags_read(&source, &policy, ret, e);
}

static int find_entry(const struct copy_disk *disk, const char *name, struct mounts *mounts,
                      uint64_t *ret, struct err *e)
{
    struct image_tags *t autodestroy(image_tags_free) = NULL;
    int r = read_tags(disk->from, mounts, &t, e);
    for (size_t i = 0; r == 0 && i < t->n; i++)
        if (!strcmp(t->tags[i].name, name)) {
            *ret = t->tags[i].identity.entry;
            return 0;
        }
    return r < 0 ? r : err_fail(e, ENOENT, "'%s' holds no tag '%s'", disk->from, name);
}

/* Checks the file and its chain. The chain below the copy is the one below the original. */
static int check_file(const struct domain *d, const struct snapshot *s, const struct xml_disk *x,
                      struct copy_disk *disk, struct err *e)
{
    struct mounts *mounts autodestroy(mounts_free) = mounts_read();
    struct image_layer *layers = NULL;
    size_t n = 0;
    if (!mounts)
        return err_nomem(e);
    int r = check_header(disk->from, mounts, e);
    if (r == 0) {
        r = backing_layers(d, s, x, &layers, &n, e);
        image_layers_free(layers, n);
    }
    return r == 0 ? find_entry(disk, s->name, mounts, &disk->entry, e) : r;
}

int copy_check_made(struct model *m, const char *uuid, const struct copy_disk *disk, struct err *e)
{
    struct mounts *mounts autodestroy(mounts_free) = mounts_read();
    struct image_tags *t autodestroy(image_tags_free) = NULL;
    size_t others = 0;
    if (!mounts)
        return err_nomem(e);
    int r = read_tags(disk->to, mounts, &t, e);
    if (r < 0)
        return r;
    autofree uint64_t *entries = calloc(t->n + 1, sizeof(*entries));
    if (!entries)
        return err_nomem(e);
    for (size_t i = 0; i < t->n; i++)
        if (t->tags[i].identity.entry != disk->entry)
            entries[others++] = t->tags[i].identity.entry;
    if (others + 1 != t->n)
        return err_fail(e, EIO, "the copy '%s' does not hold the tag that '%s' held", disk->to,
                        disk->from);
    marks_made(m, uuid, disk->to);
    marks_left(m, uuid, disk->to, entries, others);
    return 0;
}

/* ---- the plan ---- */

struct copier {
    struct model *m;
    struct domain *d;
    const struct snapshot *s;
    const struct survey *survey;
    struct copying *c;
};

/* Refuses a file to which a running domain writes, because no copy of it is whole. */
static int refuse_written(const struct copier *p, const char *target, struct err *e)
{
    int own = survey_user(p->survey, p->d, p->s, target);
    int file = own < 0 ? GRAPH_NO_FILE : graph_chain(p->survey->graph, (size_t)own, 0);
    if (!p->d->active || !survey_is_live(p->survey, p->d, file))
        return 0;
    return err_fail(
        e, EBUSY,
        "'%s' cannot be copied for the revert, and others use it: the running domain writes to it; "
        "shut the domain off first",
        graph_file_path(p->survey->graph, file));
}

static int add_copied(struct copier *p, const struct snapshot_disk *disk, struct err *e)
{
    autofree char *to = NULL;
    const struct xml_disk *x = xml_domain_disk(p->s->parsed->domain, disk->target);
    if (!x || !volumes_file(p->d->volumes, &x->source))
        return err_fail(
            e, EOPNOTSUPP,
            "the file of disk '%s' cannot be copied for the revert, and others use it: the disk is "
            "not a plain file",
            disk->target);
    int r = refuse_written(p, disk->target, e);
    if (r == 0)
        r = overlay_name(disk->path, &to, e);
    if (r < 0)
        return r;
    struct copy_disk *added = copying_add(p->c, disk->target, disk->path, to);
    return added ? check_file(p->d, p->s, x, added, e) : err_nomem(e);
}

/* Adds the disk if others use its file. Only such files are copied. */
static int consider(struct copier *p, const struct snapshot_disk *disk, struct err *e)
{
    bool shared = false;
    int r = guard_shares(p->survey, p->d, p->s, disk, &shared, e);
    return r == 0 && shared ? add_copied(p, disk, e) : r;
}

static int check_domain(const struct copier *p, struct err *e)
{
    struct virt_status status;
    int r = virt_domain_status(p->m->virt, p->d->uuid, p->d->active, &status, e);
    if (r == 0)
        r = redefinable_check(p->m, p->d->uuid, false, NULL, e);
    if (r < 0)
        return r;
    if (status.block_job || status.managed_save)
        return err_fail(e, EBUSY, "the domain has %s",
                        status.block_job ? "a block job under way" : "a saved state");
    if (p->s->parsed->n_revert_disks || p->s->parsed->delete_in_progress)
        return err_fail(e, EBUSY,
                        "libvirt has notes of an operation with '%s', which it would forget",
                        p->s->name);
    return 0;
}

/* Checks that the copy can have the owner and group of the original. Only root may give them to
 * others. */
static int check_owner(const struct copier *p, const struct copy_disk *disk, struct err *e)
{
    struct stat st;
    if (virt_is_anothers(p->m->virt) && stat(disk->from, &st) == 0 &&
        (st.st_uid != geteuid() || !group_member(st.st_gid)))
        return err_fail(
            e, EACCES,
            "cannot copy '%s', which others use, for the revert: the copy would have to belong to "
            "another user or group; nothing was done; use a mount by root",
            disk->from);
    return reclaim_check_new(p->m, disk->to, e);
}

static int plan_all(struct copier *p, struct err *e)
{
    int r = check_domain(p, e);
    p->c->current = procedure_current(p->d);
    if (r == 0 && !p->c->current)
        r = err_nomem(e);
    if (r == 0)
        r = virt_domain_secure_config(p->m->virt, p->d->uuid, &p->c->before, e);
    for (size_t i = 0; r == 0 && i < p->s->n_disks; i++)
        r = consider(p, &p->s->disks[i], e);
    for (size_t i = 0; r == 0 && i < p->c->n; i++)
        r = check_owner(p, &p->c->disks[i], e);
    if (r == 0 && !p->c->n)
        r = err_fail(e, EBUSY, "another program changed the domain meanwhile; nothing was done");
    p->c->active = p->d->active;
    p->c->snapshots = fingerprint_snapshots(p->d);
    return r == 0 ? fingerprint_config(p->d->xml, &p->c->config, e) : r;
}

int copy_plan(struct copying *c, struct domain *d, const struct snapshot *s,
              struct revert_findings *found, struct err *e)
{
    struct copier p = {.m = c->p.m, .d = d, .s = s, .survey = &found->survey, .c = c};
    c->left = reclaim_take(&found->left);
    return plan_all(&p, e);
}
