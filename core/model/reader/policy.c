/* SPDX-License-Identifier: GPL-3.0-or-later */
/* policy.c - see reader/policy.h.
 *
 * Lock: named_files->lock is held while the list is made; after that the list never changes. No
 * file is opened under the lock. The only other lock taken under it is that of storage/volumes.h;
 * libvirt may then be asked.
 */
#include "model/reader/policy.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/mounts.h"
#include "image/id.h"
#include "model/state.h"
#include "model/storage/file_chain.h"
#include "model/storage/pools.h"
#include "model/storage/public_file.h"
#include "model/catalog/seen_chain.h"
#include "model/storage/source.h"
#include "model/storage/volumes.h"
#include "virt/virt.h"
#include "virt/xml.h"

struct named {
    const char *path; /* or URI; borrowed */
    const struct xml_source *source;
};

struct named_files {
    pthread_mutex_t lock;
    struct xml_domain *live; /* backs some of the sources */
    struct xml_source *seen; /* backs the sources that were seen while the domain ran */
    size_t n_seen;
    struct named *items;  /* sorted by path; NULL until first asked for */
    atomic_bool *outside; /* by item: snapfs has found that its path is in no snapfs mount */
    size_t n;
    struct mounts *mounts;
};

static void named_files_free(void *value)
{
    struct named_files *f = value;
    if (!f)
        return;
    free(f->items);
    free(f->outside);
    xml_domain_free(f->live);
    free(f->seen);
    mounts_free(f->mounts);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

static void *named_files_new(const struct domain *d)
{
    (void)d;
    struct named_files *f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->mounts = mounts_read();
    pthread_mutex_init(&f->lock, NULL);
    if (f->mounts)
        return f;
    named_files_free(f);
    return NULL;
}

const struct slot_kind named_files_slot = {named_files_new, named_files_free, NULL};

static struct named_files *named_of(const struct domain *d)
{
    return d->slots[SLOT_NAMED_FILES].value;
}

/* ---- which files libvirt names ---- */

/* Adds a source. `room`: the greatest number of sources beside those that were seen. */
static void name_source(const struct domain *d, size_t room, const struct xml_source *s)
{
    struct named_files *f = named_of(d);
    const char *path = policy_path(d->volumes, s);
    if (path && (path[0] == '/' || s->uri) && f->n < room + f->n_seen)
        f->items[f->n++] = (struct named){path, s};
}

static void name_disks(const struct domain *d, size_t room, const struct xml_domain *x)
{
    for (size_t i = 0; x && i < x->n_disks; i++) {
        name_source(d, room, &x->disks[i].source);
        for (size_t k = 0; k < x->disks[i].n_backing; k++)
            name_source(d, room, &x->disks[i].backing[k]);
    }
}

static size_t count_sources(const struct xml_domain *x)
{
    size_t n = 0;
    for (size_t i = 0; x && i < x->n_disks; i++)
        n += 1 + x->disks[i].n_backing;
    return n;
}

/* Adds a file that was seen; without room it is only counted. The borrowed path and format last as
 * long as the domain. */
static void name_seen(void *ctx, const char *path, const char *format)
{
    struct named_files *f = ctx;
    if (f->seen) {
        f->seen[f->n_seen] = (struct xml_source){
            .path = (char *)(uintptr_t)path, .format = *format ? (char *)(uintptr_t)format : NULL};
        f->items[f->n++] = (struct named){path, &f->seen[f->n_seen]};
    }
    f->n_seen++;
}

static int cmp_named(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->path, ((const struct named *)b)->path);
}

/* Collects every file that the XML of the domain or of a snapshot names. Needs the lock. */
static int gather_named(const struct domain *d)
{
    struct named_files *f = named_of(d);
    if (f->items)
        return 0;
    if (!f->live)
        (void)xml_domain_parse(d->xml, &f->live, NULL); /* unreadable = names nothing */
    size_t room = count_sources(f->live);
    for (size_t i = 0; i < d->n; i++)
        room += count_sources(d->all[i].parsed->domain) + d->all[i].parsed->n_disks;
    f->n_seen = 0;
    seen_chain_each(d, name_seen, f);
    size_t all = room + f->n_seen;
    f->outside = calloc(all + 1, sizeof(*f->outside));
    struct xml_source *seen = calloc(f->n_seen + 1, sizeof(*seen));
    f->items = f->outside && seen ? calloc(all + 1, sizeof(*f->items)) : NULL;
    if (!f->items) {
        free(take(f->outside));
        free(seen);
        return -ENOMEM;
    }
    f->seen = seen;
    f->n_seen = 0;
    seen_chain_each(d, name_seen, f);
    name_disks(d, room, f->live);
    for (size_t i = 0; i < d->n; i++) {
        const struct xml_snapshot *x = d->all[i].parsed;
        name_disks(d, room, x->domain);
        for (size_t k = 0; k < x->n_disks; k++)
            name_source(d, room, &x->disks[k].overlay);
    }
    qsort(f->items, f->n, sizeof(*f->items), cmp_named);
    return 0;
}

/* Returns the first named file whose path is not before `path`. */
static size_t lower_bound(const struct named_files *f, const char *path)
{
    size_t lo = 0, hi = f->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(f->items[mid].path, path) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Returns the first named file with that path, or f->n. */
static size_t find_named(const struct named_files *f, const char *path)
{
    size_t i = lower_bound(f, path);
    return i < f->n && !strcmp(f->items[i].path, path) ? i : f->n;
}

/* Returns whether `path` is in the directory of a named file. Always false for devices and for a
 * path with "..". */
static bool is_beside_named(const struct named_files *f, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash || !strncmp(path, "/dev/", 5) || strstr(path, "/../"))
        return false;
    size_t len = (size_t)(slash - path) + 1;
    autofree char *dir = strndup(path, len);
    if (!dir)
        return false;
    for (size_t i = lower_bound(f, dir); i < f->n; i++) {
        if (strncmp(f->items[i].path, dir, len) != 0)
            return false;
        if (!strchr(f->items[i].path + len, '/'))
            return true;
    }
    return false;
}

/* ---- which files may be opened ---- */

static bool is_under(const char *real, const char *dir)
{
    autofree char *real_dir = realpath(dir, NULL);
    size_t len = real_dir ? strlen(real_dir) : 0;
    return len && !strncmp(real, real_dir, len) && (real[len] == '/' || len == 1);
}

static bool is_allowed_by_option(const struct model *m, const char *path)
{
    if (!m->options.n_allow)
        return false;
    autofree char *real = realpath(path, NULL);
    for (size_t i = 0; real && i < m->options.n_allow; i++)
        if (is_under(real, m->options.allow[i]))
            return true;
    return false;
}

/* Checks a file that libvirt names. If it leads into no snapfs mount, that holds as long as the
 * domain's value, so it is looked at once. */
static int check_named(const struct named_files *f, size_t i, const char *path, struct err *e)
{
    if (atomic_load(&f->outside[i]))
        return 0;
    int r = mounts_check(f->mounts, path, NULL, e);
    if (r == 0)
        atomic_store(&f->outside[i], true);
    return r;
}

/* Checks a disk on another host that libvirt names. snapfs tells QEMU where it is, and nothing
 * more. */
static int check_remote(const struct named_files *f, size_t i, const char *uri, struct err *e)
{
    for (; i < f->n && !strcmp(f->items[i].path, uri); i++)
        if (f->items[i].source->extra)
            return err_fail(
                e, EOPNOTSUPP,
                "cannot read '%s': libvirt's XML has '%s' for it, which snapfs does not hand on to "
                "qemu-nbd",
                uri, f->items[i].source->extra);
    return 0;
}

static int refuse(const struct allowance *a, const char *path, struct err *e)
{
    return err_fail(
        e, EACCES,
        "'%s' is named by an image's header only: neither libvirt's XML of domain '%s' "
        "names it or its directory, nor does a storage pool that is active hold it, nor "
        "the mount option allow= name a directory above it",
        path, a->domain->name);
}

/* Allows a volume of a storage pool. Only root makes a link in /dev. */
static int check_volume(const struct allowance *a, const char *path, struct err *e)
{
    enum virt_volume held = pools_kind(a->model->pools, path);
    if (held == VIRT_VOLUME_FILE)
        return IMAGE_ALLOW_PLAIN;
    bool device = held == VIRT_VOLUME_BLOCK && !strncmp(path, "/dev/", 5) && !strstr(path, "/../");
    return device ? 0 : refuse(a, path, e);
}

static int allow(void *ctx, const char *path, struct err *e)
{
    const struct allowance *a = ctx;
    const struct named_files *f = a->domain && !a->anywhere ? named_of(a->domain) : NULL;
    struct stat ignored;
    bool remote = image_remote_stat(path, &ignored);
    size_t named = f ? find_named(f, path) : 0;
    if (f && named < f->n)
        return remote ? check_remote(f, named, path, e) : check_named(f, named, path, e);
    int r = remote ? 0 : mounts_check(a->mounts, path, NULL, e);
    if (r < 0 || !f)
        return r;
    bool is_memory = a->memory && !strcmp(a->memory, path);
    if (is_memory || is_allowed_by_option(a->model, path))
        return 0;
    if (!remote && (is_beside_named(f, path) || public_file(path)))
        return IMAGE_ALLOW_PLAIN;
    return remote ? refuse(a, path, e) : check_volume(a, path, e);
}

/* ---- and as what ---- */

static const char *format_in(const struct domain *d, const struct xml_domain *x, const char *path)
{
    for (size_t i = 0; x && i < x->n_disks; i++)
        for (size_t k = 0; k < x->disks[i].n_backing; k++) {
            const struct xml_source *s = &x->disks[i].backing[k];
            const char *named = policy_path(d->volumes, s);
            if (named && !strcmp(named, path))
                return policy_format(s);
        }
    return NULL;
}

static const char *format(void *ctx, const char *path)
{
    const struct allowance *a = ctx;
    const char *found =
        a->snapshot ? format_in(a->domain, a->snapshot->parsed->domain, path) : NULL;
    if (found || !a->domain)
        return found;
    const struct named_files *f = named_of(a->domain);
    for (size_t i = lower_bound(f, path); i < f->n && !strcmp(f->items[i].path, path); i++)
        if (!found || f->items[i].source->encrypted)
            found = policy_format(f->items[i].source);
    return found;
}

/* ---- whether a header counts ----
 *
 * After a delete of metadata alone, libvirt 9.0 takes the snapshot's overlay for merged. It leaves
 * the overlay out of the chains in its descendants' XML. But the file is there, and the headers
 * have it.
 */

static bool has_path(const struct domain *d, const struct xml_source *s, const char *path)
{
    const char *named = policy_path(d->volumes, s);
    return named && !strcmp(named, path);
}

/* Finds the file that the XML of the domain itself has directly below that file; *ret gets NULL if
 * the chain ends there. Returns false if the XML does not tell. */
static bool live_below(const struct domain *d, const char *path, const char **ret)
{
    const struct xml_domain *live = named_of(d)->live;
    for (size_t i = 0; live && i < live->n_disks; i++) {
        const struct xml_disk *disk = &live->disks[i];
        for (size_t k = 0; k < disk->n_backing + disk->ends; k++)
            if (has_path(d, k ? &disk->backing[k - 1] : &disk->source, path)) {
                *ret = k < disk->n_backing ? policy_path(d->volumes, &disk->backing[k]) : NULL;
                return true;
            }
    }
    return false;
}

static bool was_seen(const struct domain *d, const char *path)
{
    for (size_t i = 0; i < named_of(d)->n_seen; i++)
        if (!strcmp(named_of(d)->seen[i].path, path))
            return true;
    return false;
}

/* Returns whether `lower` can have been left out between `upper` and `other`. If `lower` has no
 * backing file, the headers name no file below `lower`. Then only the chain that snapfs saw while
 * the domain ran can tell. But if `other` itself uses `lower`, `other` was pulled out from between
 * `upper` and `lower`. */
static bool can_be_left_out(const struct allowance *a, const char *upper, const char *lower,
                            const char *other)
{
    if (other && follow_depth(a->mounts, upper, other, NULL) >= 2)
        return true;
    return was_seen(a->domain, lower) && follow_ends(a->mounts, lower) &&
           !(other && follow_depth(a->mounts, other, lower, NULL));
}

/* Asks the domain's own XML which is right, because libvirt leaves files out only in the XML of
 * snapshots. If the domain's XML does not have the file, a libvirt that does so leaves a doubt. */
static int header_counts(void *ctx, const char *upper, const char *lower, const char *other,
                         struct err *e)
{
    const struct allowance *a = ctx;
    if (!a->domain || !a->snapshot || !can_be_left_out(a, upper, lower, other))
        return 0;
    const char *below;
    bool told = live_below(a->domain, upper, &below);
    if (told && below && !strcmp(below, lower))
        return 1;
    bool same = told && (below && other ? !strcmp(below, other) : below == other);
    if (same || a->domain->forgets_alone)
        return 0;
    return err_fail(
        e, EIO,
        "the backing file of '%s' is '%s' by its header, and %s%s%s by the XML, as after "
        "a 'virsh snapshot-delete --metadata' by libvirt 9.0; write the right chain "
        "with 'redefine'",
        upper, lower, other ? "'" : "none", other ? other : "", other ? "'" : "");
}

/* ---- and by which passphrase ---- */

static int secret(void *ctx, const char *path, struct secret *ret, struct err *e)
{
    const struct allowance *a = ctx;
    const struct named_files *f = a->domain ? named_of(a->domain) : NULL;
    for (size_t i = f ? lower_bound(f, path) : 0; f && i < f->n; i++) {
        const struct xml_source *s = f->items[i].source;
        if (strcmp(f->items[i].path, path) != 0)
            break;
        if (s->secret_uuid || s->secret_usage)
            return virt_secret(a->model->virt, s->secret_uuid, s->secret_usage, ret, e);
    }
    return err_fail(e, EACCES, "'%s' is encrypted, and libvirt's XML names no secret for it", path);
}

static void gather(const struct domain *d)
{
    pthread_mutex_lock(&named_of(d)->lock);
    (void)gather_named(d); /* without memory nothing is named, so nothing is opened */
    pthread_mutex_unlock(&named_of(d)->lock);
}

struct image_policy policy_of(struct allowance *a)
{
    if (a->domain) {
        gather(a->domain);
        a->mounts = named_of(a->domain)->mounts;
    }
    return (struct image_policy){.ctx = a,
                                 .allow = allow,
                                 .format = format,
                                 .header_counts = header_counts,
                                 .secret = secret};
}

const struct xml_domain *policy_live(const struct domain *d)
{
    gather(d);
    return named_of(d)->live;
}

const struct mounts *policy_mounts(const struct domain *d)
{
    return named_of(d)->mounts;
}

const char *policy_live_disk(const struct domain *d, bool (*is)(void *ctx, const struct stat *st),
                             void *ctx)
{
    const struct xml_domain *live = policy_live(d);
    for (size_t i = 0; live && i < live->n_disks; i++) {
        struct stat st;
        const char *path = policy_path(d->volumes, &live->disks[i].source);
        if (!path || live->disks[i].readonly)
            continue;
        if ((image_remote_stat(path, &st) || follow_stat(policy_mounts(d), path, &st)) &&
            is(ctx, &st))
            return live->disks[i].target;
    }
    return NULL;
}
