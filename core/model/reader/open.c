/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open.c - see reader/open.h.
 *
 * Lock: probes->lock guards what is remembered with a domain. No file is opened and no other lock
 * is taken under it.
 */
#include "model/reader/open.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/file_id.h"
#include "base/hash.h"
#include "base/lock.h"
#include "image/partitions.h"
#include "model/catalog/catalog.h"
#include "model/catalog/domain.h"
#include "model/catalog/tag_tables.h"
#include "model/journal/pending.h"
#include "model/reader/changes.h"
#include "model/reader/image_backing.h"
#include "model/reader/modified.h"
#include "model/reader/open_cache.h"
#include "model/reader/open_chain.h"
#include "model/reader/policy.h"
#include "model/reader/probes.h"
#include "model/reader/pulled.h"
#include "model/reader/sizes.h"
#include "model/reader/unmanaged.h"
#include "model/reader/unreadable.h"
#include "model/state.h"
#include "model/storage/backing.h"
#include "model/storage/file_chain.h"
#include "model/storage/remedy.h"
#include "model/storage/volumes.h"
#include "virt/virt.h"
#include "virt/xml.h"

/* Returns whether the disk is in another file than the XML names. After a delete of metadata alone,
 * libvirt 9.0 names the deleted snapshot's file as the next snapshot's file, and names no layer
 * below it. By the headers, that file is deeper in the overlay's chain. If the deleted snapshot's
 * overlay was pulled into, that file is in no chain. */
static bool is_elsewhere(const struct mounts *mounts, const struct snapshot *s,
                         const struct snapshot_disk *disk, const char *overlay, char **ret_below)
{
    size_t depth = follow_depth(mounts, overlay, disk->path, ret_below);
    if (depth)
        return depth > 1;
    const struct xml_disk *then = xml_domain_disk(s->parsed->domain, disk->target);
    bool told = !then || then->ends || then->n_backing;
    struct stat ignored;
    autofree char *below = told ? NULL : follow_backing(mounts, overlay);
    if (!below || !follow_stat(mounts, below, &ignored) ||
        follow_depth(mounts, disk->path, below, NULL))
        return false;
    *ret_below = take(below);
    return true;
}

int images_check_content(const struct domain *d, const struct snapshot *s,
                         const struct snapshot_disk *disk, struct err *e)
{
    const char *overlay =
        disk->tag || disk->memory || !disk->path ? NULL : snapshot_overlay(s, disk->target);
    autofree char *below = NULL;
    if (!overlay || !is_elsewhere(policy_mounts(d), s, disk, overlay, &below))
        return 0;
    return err_fail(
        e, EIO,
        "by the XML disk '%s' of snapshot '%s' is in '%s', but the overlay '%s' that was "
        "made with the snapshot has the backing file '%s', as after a 'virsh snapshot-delete "
        "--metadata' of another snapshot by libvirt 9.0; write a document that names "
        "'%s' with 'redefine'",
        disk->target, s->name, disk->path, overlay, below, below);
}

/* Returns whether the file still holds what the catalog saw in it. */
static bool is_still_there(const struct model *m, const struct domain *d, const struct snapshot *s,
                           const struct snapshot_disk *disk)
{
    struct tag_tables *tables autodestroy(tag_tables_free) = tag_tables_new(m);
    struct snapshot_disk now = {.target = disk->target,
                                .path = disk->path,
                                .format = disk->format,
                                .tag = disk->tag,
                                .untracked_tag = disk->untracked_tag};
    struct err why;
    return tables && tag_tables_identify(tables, &now, &why) == 0 &&
           domain_disk_ident(d->uuid, s, disk->target, now.ident) == disk->ident;
}

/* Fails with ESTALE, because the catalog is older than the file. From now on the catalog is read
 * anew. ESTALE makes the kernel look again, and the second look finds what is there. */
static int stale(struct model *m, const struct domain *d, const struct snapshot *s,
                 const struct snapshot_disk *disk, struct err *e)
{
    model_changed_uuid(m, d->uuid);
    return err_fail(e, ESTALE, "'%s' no longer holds what snapshot '%s' had in it", disk->path,
                    s->name);
}

static bool reads(void *ctx, const struct stat *st)
{
    return image_reads_file(ctx, st);
}

/* Checks that the domain does not write to the image. If a merge was not a delete by libvirt, the
 * snapshot's file can be the live disk again. If the domain is shut off, nothing else tells that
 * the file holds later data. */
static int check_not_live(const struct domain *d, const struct image *im,
                          const struct snapshot_disk *disk, struct err *e)
{
    const char *target = policy_live_disk(d, reads, (void *)(uintptr_t)im);
    if (!target)
        return 0;
    return err_fail(
        e, EIO,
        "the domain's disk '%s' writes to a file that the snapshot's '%s' is read from, so "
        "the snapshot is lost there",
        target, disk->target);
}

/* Checks that no delete of the snapshot has begun. Call it when the image is open, because the
 * image itself notices later changes. */
static int check_not_deleted(const struct model *m, const struct domain *d,
                             const struct snapshot *s, const struct snapshot_disk *disk,
                             struct err *e)
{
    if (m->is_test || disk->untracked_tag || !delete_has_begun(d->uuid, s->name))
        return 0;
    return err_fail(e, EIO, "the snapshot is being deleted, and its bytes are no longer whole");
}

/* An image that is being opened, and its disk. */
struct opened {
    const struct image *im;
    const struct snapshot_disk *disk;
};

/* Tells whether the image reads the file, or is a tag in it. */
static bool is_in_chain(void *ctx, const char *path)
{
    const struct opened *o = ctx;
    struct stat st, own;
    if (stat(path, &st) < 0)
        return false;
    return image_reads_file(o->im, &st) ||
           (o->disk->path && stat(o->disk->path, &own) == 0 && file_is_same(&own, &st));
}

/* Checks that no merge was cut off in the image's chain. */
static int check_not_half_merged(const struct model *m, const struct domain *d,
                                 const struct image *im, const struct snapshot_disk *disk,
                                 struct err *e)
{
    struct opened o = {.im = im, .disk = disk};
    if (m->is_test || !delete_has_half_merged(d->uuid, is_in_chain, &o))
        return 0;
    return err_fail(e, EBUSY,
                    "a delete was cut off in a merge below the image, which may not be whole; the "
                    "next operation on the domain, or the next mount, finishes it");
}

/* Checks that no commit writes to the image's block device. A QEMU that commits into a block device
 * holds its locks on a node of its own. It may have nothing left to write when snapfs opens the
 * device, so only libvirt knows. */
static int check_no_commit(const struct model *m, const struct domain *d, const struct image *im,
                           struct err *e)
{
    struct virt_status status;
    if (!d->active || !image_on_device(im))
        return 0;
    int r = virt_domain_status(m->virt, d->uuid, true, &status, e);
    if (r < 0 || !status.commits)
        return r;
    return err_fail(e, EBUSY,
                    "a commit on a disk of domain '%s' may be writing to the block device that the "
                    "snapshot is read from; try again once it has ended",
                    d->name);
}

/* Returns the image that an earlier look has left open, if it is still right; else NULL. */
static struct image *looked_at(struct model *m, const struct domain *d,
                               const struct snapshot_disk *disk)
{
    struct err ignored;
    struct image *im = open_cache_take(m->open_cache, d, disk);
    if (!im || (image_has_ctimes(im) && image_check(im, &ignored) == 0))
        return im;
    image_unref(im);
    return NULL;
}

int model_image_open(struct model *m, struct domain *d, const struct snapshot *s,
                     const struct snapshot_disk *disk, struct image **ret, struct err *e)
{
    if (disk->no)
        return err_fail(e, disk->no, "%s", disk->reason);
    struct image *im autodestroy(image_unref) = looked_at(m, d, disk);
    int r = im ? 0 : images_open_chain(m, d, s, disk, &im, e);
    if (r == -EBUSY)
        modified_note_live(m, d, s, disk);
    if (r < 0)
        return is_still_there(m, d, s, disk) ? r : stale(m, d, s, disk, e);
    struct image_id id = image_identity(im);
    uint64_t file = image_id_hash(HASH_START, &id);
    if (domain_disk_ident(d->uuid, s, disk->target, file) != disk->ident)
        return stale(m, d, s, disk, e);
    r = check_not_live(d, im, disk, e);
    if (r < 0)
        modified_note_live(m, d, s, disk);
    if (r == 0)
        r = images_check_content(d, s, disk, e);
    if (r == 0)
        r = pulled_check(m, d, s, disk, im, e);
    if (r == 0)
        r = check_not_deleted(m, d, s, disk, e);
    if (r == 0)
        r = check_not_half_merged(m, d, im, disk, e);
    if (r == 0)
        r = check_no_commit(m, d, im, e);
    if (r == 0)
        r = modified_check(m, d, s, disk, im, e);
    if (r == 0)
        r = sizes_check(m, d, s, disk, im, e);
    if (r == 0)
        *ret = take(im);
    return r;
}

static void fail_meanwhile(struct err *e)
{
    struct err why = *e;
    err_fail(e, why.no, "an operation on the domain is under way: %s", why.text);
}

static int probe_now(struct model *m, struct domain *d, const struct snapshot *s,
                     const struct snapshot_disk *disk, struct probe *ret, struct err *e)
{
    struct err why = {0};
    bool passes = false;
    struct image *im autodestroy(image_unref) = NULL;
    int r = model_image_open(m, d, s, disk, &im, &why);
    if (err_is_resource(-r))
        return err_fail(e, -r, "%s", why.text);
    if (r < 0) {
        passes = changes_now(m, d->uuid, disk) == CHANGES_AT_WORK;
        if (passes)
            fail_meanwhile(&why);
        ret->failure = malloc(sizeof(why));
        if (!ret->failure)
            return err_nomem(e);
        *ret->failure = why;
        uint64_t size = sizes_of_unreadable(m, d, s, disk);
        ret->facts = (struct image_facts){size, size};
    } else {
        autotext struct text chain = {0};
        image_describe_chain(im, &chain);
        ret->chain = text_take(&chain, NULL);
        if (!ret->chain)
            return err_nomem(e);
        ret->alone = image_depth(im) == 1;
        ret->facts = (struct image_facts){image_size(im), image_allocated(im)};
        sizes_note(m, d, s, disk, im);
        open_cache_put(m->open_cache, d, disk, im);
    }
    if (!passes)
        unreadable_note(m, d, s, disk, ret->failure);
    budget_count(probe_size(ret));
    ret->known = true;
    return 0;
}

static struct probes *probes_of(const struct domain *d, const struct snapshot_disk *disk)
{
    return disk->untracked_tag ? unmanaged_probes(d) : probes_in(d);
}

const struct partitions *images_partitions(const struct domain *d, const struct snapshot_disk *disk)
{
    struct probes *probes = probes_of(d, disk);
    autolock(&probes->lock);
    return probes->items[disk->probe].partitions;
}

const struct partitions *images_keep_partitions(struct domain *d, const struct snapshot_disk *disk,
                                                struct partitions *found)
{
    struct probes *probes = probes_of(d, disk);
    struct probe *p = &probes->items[disk->probe];
    autolock(&probes->lock);
    if (p->partitions) {
        free(found);
    } else {
        p->partitions = found;
        budget_count(sizeof(*found));
    }
    const struct partitions *known = p->partitions; /* which is never changed again */
    return known;
}

int images_probe(struct model *m, struct domain *d, const struct snapshot *s,
                 const struct snapshot_disk *disk, struct image_facts *ret_facts,
                 const char **ret_chain, struct err *e)
{
    struct probes *probes = probes_of(d, disk);
    struct probe *kept = &probes->items[disk->probe];
    struct probe fresh = {0};
    pthread_mutex_lock(&probes->lock);
    bool known = kept->known;
    pthread_mutex_unlock(&probes->lock);
    int r = known ? 0 : probe_now(m, d, s, disk, &fresh, e);
    if (r < 0) {
        probe_clear(&fresh);
        return r;
    }
    pthread_mutex_lock(&probes->lock);
    if (!kept->known) {
        fresh.partitions = kept->partitions;
        *kept = fresh;
        fresh = (struct probe){0};
    }
    pthread_mutex_unlock(&probes->lock);
    probe_clear(&fresh);
    *ret_facts = kept->facts;
    if (kept->failure) { /* what is known is never changed again */
        if (e)
            *e = *kept->failure;
        return -kept->failure->no;
    }
    *ret_chain = kept->chain;
    return 0;
}

int model_image_facts(struct model *m, struct domain *d, const struct snapshot *s,
                      const struct snapshot_disk *disk, struct image_facts *ret, struct err *e)
{
    const char *chain;
    return images_probe(m, d, s, disk, ret, &chain, e);
}
