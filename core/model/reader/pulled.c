/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pulled.c - see pulled.h. No locks. */
#include "model/reader/pulled.h"

#include <errno.h>
#include <string.h>

#include "model/reader/image_backing.h"
#include "model/reader/policy.h"
#include "model/storage/backing.h"
#include "model/storage/file_chain.h"
#include "model/storage/source.h"
#include "virt/xml.h"

/* The runs of the tag and of the file below it that are looked at, together. With more the tag
 * counts as pulled. */
enum { RUNS_MAX = 1 << 20 };

/* ---- the backing file that the file had ---- */

static const struct xml_source *below_in(struct domain *d, const struct xml_disk *disk,
                                         const char *path)
{
    for (size_t i = 0; i < disk->n_backing; i++) {
        const char *above = policy_path(d->volumes, i ? &disk->backing[i - 1] : &disk->source);
        if (above && !strcmp(above, path))
            return &disk->backing[i];
    }
    return NULL;
}

/* Finds the backing file of the file by the XML of `s`. Either `s` made the file, as an overlay on
 * the disk that the domain had then, or the XML has the file in a chain. */
static const struct xml_source *told_by(struct domain *d, const struct snapshot *s,
                                        const char *path)
{
    const struct xml_snapshot *x = s->parsed;
    const struct xml_source *found = NULL;
    for (size_t i = 0; !found && x->domain && i < x->n_disks; i++) {
        const char *overlay = x->disks[i].overlay.path;
        const struct xml_disk *disk = xml_domain_disk(x->domain, x->disks[i].target);
        if (disk && overlay && !strcmp(overlay, path))
            found = &disk->source;
    }
    for (size_t i = 0; !found && x->domain && i < x->domain->n_disks; i++)
        found = below_in(d, &x->domain->disks[i], path);
    return found;
}

static const struct xml_source *find_below(struct domain *d, const char *path)
{
    const struct xml_source *found = NULL;
    for (size_t i = 0; !found && i < d->n; i++) {
        found = told_by(d, &d->all[i], path);
        const char *below = found ? policy_path(d->volumes, found) : NULL;
        if (below && follow_to_same(below, path))
            found = NULL;
    }
    return found;
}

/* ---- whether the tag lacks data of the backing file ---- */

static int open_below(const struct model *m, struct domain *d, const struct xml_source *s,
                      struct image **ret)
{
    struct allowance a = {.model = m, .domain = d, .anywhere = true};
    struct image_policy policy = policy_of(&a);
    struct image_source source = {.path = policy_path(d->volumes, s), .format = policy_format(s)};
    struct err ignored;
    return source.path ? image_open(&source, &policy, ret, &ignored) : -ENOENT;
}

/* Returns false if the image cannot be read, or if the search has reached its limit. */
static bool map_next(struct image *im, uint64_t offset, uint64_t end, unsigned *runs,
                     struct image_extent *ret)
{
    struct err ignored;
    return ++*runs <= RUNS_MAX && image_map(im, offset, end - offset, ret, &ignored) == 0;
}

/* Returns whether the file below has data in those bytes. */
static bool has_data(struct image *below, uint64_t offset, uint64_t end, unsigned *runs)
{
    struct image_extent x;
    end = min_u64(end, image_size(below));
    while (offset < end) {
        if (!map_next(below, offset, end, runs, &x) || x.data)
            return true;
        offset = x.offset + x.length;
    }
    return false;
}

/* Returns whether the file below (NULL: it cannot be read) has data that the tag lacks. */
static bool is_missed(struct image *tag, struct image *below)
{
    struct image_extent x;
    uint64_t size = image_size(tag), at = 0;
    unsigned runs = 0;
    while (at < size) {
        if (!map_next(tag, at, size, &runs, &x))
            return true;
        uint64_t end = x.offset + x.length;
        if (!x.present && (!below || has_data(below, at, end, &runs)))
            return true;
        at = end;
    }
    return false;
}

/* Returns whether a snapshot that libvirt lists made the file, as its overlay. */
static bool is_overlay_of_listed(const struct domain *d, const char *path)
{
    for (size_t i = 0; i < d->n; i++)
        for (size_t k = 0; k < d->all[i].parsed->n_disks; k++) {
            const char *overlay = d->all[i].parsed->disks[k].overlay.path;
            if (overlay && !strcmp(overlay, path))
                return true;
        }
    return false;
}

/* Returns whether the tag was made after the pull: the tag's own XML ends the chain at the tag's
 * file. libvirt 9.0 may also end a chain there if it has forgotten the snapshot of an overlay, and
 * so left the overlay out. No listed snapshot has such an overlay. */
static bool is_made_later(struct domain *d, const struct backing *own,
                          const struct xml_source *told)
{
    const char *path = told ? policy_path(d->volumes, told) : NULL;
    return own->source.ends && !own->source.n_below && path && is_overlay_of_listed(d, path);
}

int pulled_check(const struct model *m, struct domain *d, const struct snapshot *s,
                 const struct snapshot_disk *disk, struct image *im, struct err *e)
{
    autobacking struct backing b = {0};
    struct image *below autodestroy(image_unref) = NULL;
    if (!disk->tag || disk->memory || image_depth(im) > 1)
        return 0;
    int r = backing_of_image(d, s, disk, &b, e);
    const struct xml_source *told = b.seen ? NULL : find_below(d, disk->path);
    if (r == 0 && is_made_later(d, &b, told))
        return 0;
    if (told)
        open_below(m, d, told, &below);
    if (r < 0 || (!told && !b.seen) || !is_missed(im, below))
        return r;
    return err_fail(
        e, EIO,
        "'%s' had a backing file when a snapshot was made, and has none now: the data that the tag "
        "'%s' had in that file is lost ('virsh blockpull' does this)",
        disk->path, disk->tag);
}

/* ---- before a revert ---- */

static bool is_same_layer(const struct image_layer *a, const struct image_layer *b)
{
    return a->dev == b->dev && a->ino == b->ino;
}

static bool is_looked_at(const struct image_layer *layers, size_t n)
{
    return n > 1 && layers[1].ino != 0;
}

/* Returns whether QEMU finds another file below the tag than the file that counts. Also returns
 * true if snapfs has seen that file earlier and cannot compare the two now. Only the file directly
 * below the tag matters. */
static bool is_elsewhere(struct domain *d, const struct snapshot *s,
                         const struct snapshot_disk *disk, const struct image_policy *policy)
{
    struct image_layer *told = NULL, *real = NULL;
    struct err ignored;
    size_t n = 0, n_real = 0;
    bool unknown, elsewhere;
    autobacking struct backing b = {0};
    if (backing_of_image(d, s, disk, &b, &ignored) < 0)
        return false;
    b.source.tag = NULL;
    bool whole = image_layers(&b.source, policy, &told, &n, &unknown, &ignored) == 0;
    bool real_whole = follow_layers(disk->path, disk->format, &real, &n_real, &ignored) == 0;
    if (is_looked_at(told, n) && (is_looked_at(real, n_real) || (real_whole && n_real == 1)))
        elsewhere = n_real == 1 || !is_same_layer(&told[1], &real[1]);
    else
        elsewhere = !(whole && real_whole) && b.source.n_below > 0 && b.seen;
    image_layers_free(told, n);
    image_layers_free(real, n_real);
    return elsewhere;
}

int pulled_check_revert(struct model *m, struct domain *d, const struct snapshot *s,
                        const struct snapshot_disk *disk, struct err *e)
{
    struct image *im autodestroy(image_unref) = NULL;
    struct err ignored;
    if (!disk->tag || !disk->path || !xml_domain_disk(s->parsed->domain, disk->target))
        return 0;
    struct allowance a = {.model = m, .domain = d, .snapshot = s, .anywhere = true};
    struct image_policy policy = policy_of(&a);
    if (is_elsewhere(d, s, disk, &policy))
        return err_fail(
            e, EBUSY,
            "cannot revert disk '%s': '%s' had another backing file when the snapshot was made, so "
            "QEMU would read other data; copy the snapshot's image instead",
            disk->target, disk->path);
    struct image_source source = {.path = disk->path, .format = disk->format, .tag = disk->tag};
    struct err why;
    if (image_open(&source, &policy, &im, &ignored) < 0 ||
        pulled_check(m, d, s, disk, im, &why) == 0)
        return 0;
    return err_fail(e, EBUSY, "%s", why.text);
}
