/* images.c - see images.h and model.h.
 *
 * Lock: probes->lock guards what is remembered with a domain (the list of named files is never
 * changed once made); no file is opened and no other lock taken under it.
 */
#include "model/images.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mounts.h"
#include "model/catalog.h"
#include "model/domain.h"
#include "virt/xml.h"

/* A file that libvirt's XML names, and the format it gives it (NULL when it does not say). */
struct named {
    const char *path, *format;
};

struct probe {
    bool known;
    struct err *failure; /* NULL = readable */
    struct image_facts facts;
    char *chain; /* image_describe_chain's words */
};

struct probes {
    pthread_mutex_t lock;
    size_t n;
    struct probe *items;
    struct xml_domain *live; /* backs some of the names */
    struct named *named;     /* sorted by path; NULL until first asked for */
    size_t n_named;
    struct mounts *mounts;
};

static void probe_clear(struct probe *p)
{
    free(p->failure);
    free(p->chain);
}

struct probes *probes_new(size_t n)
{
    struct probes *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->n = n;
    p->items = calloc(n + 1, sizeof(*p->items));
    p->mounts = mounts_read();
    pthread_mutex_init(&p->lock, NULL);
    if (p->items && p->mounts)
        return p;
    probes_free(p);
    return NULL;
}

void probes_free(struct probes *p)
{
    if (!p)
        return;
    for (size_t i = 0; p->items && i < p->n; i++)
        probe_clear(&p->items[i]);
    free(p->items);
    free(p->named);
    xml_domain_free(p->live);
    mounts_free(p->mounts);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* ---- which files a chain may name ---- */

static void name_source(struct probes *p, size_t room, const struct xml_source *s)
{
    if (s->path && s->path[0] == '/' && p->n_named < room)
        p->named[p->n_named++] = (struct named){s->path, s->format};
}

static void name_disks(struct probes *p, size_t room, const struct xml_domain *x)
{
    for (size_t i = 0; x && i < x->n_disks; i++) {
        name_source(p, room, &x->disks[i].source);
        for (size_t k = 0; k < x->disks[i].n_backing; k++)
            name_source(p, room, &x->disks[i].backing[k]);
    }
}

static size_t count_sources(const struct xml_domain *x)
{
    size_t n = 0;
    for (size_t i = 0; x && i < x->n_disks; i++)
        n += 1 + x->disks[i].n_backing;
    return n;
}

static int cmp_named(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->path, ((const struct named *)b)->path);
}

/* Collects every file that the domain's XML and its snapshots' name. Under the lock. */
static int gather_named(const struct domain *d)
{
    struct probes *p = d->probes;
    if (p->named)
        return 0;
    if (!p->live)
        (void)xml_domain_parse(d->xml, &p->live, NULL); /* unreadable = names nothing */
    size_t room = count_sources(p->live);
    for (size_t i = 0; i < d->n; i++)
        room += count_sources(d->all[i].parsed->domain) + d->all[i].parsed->n_disks;
    p->named = calloc(room + 1, sizeof(*p->named));
    if (!p->named)
        return -ENOMEM;
    name_disks(p, room, p->live);
    for (size_t i = 0; i < d->n; i++) {
        const struct xml_snapshot *x = d->all[i].parsed;
        name_disks(p, room, x->domain);
        for (size_t k = 0; k < x->n_disks; k++)
            name_source(p, room, &x->disks[k].overlay);
    }
    qsort(p->named, p->n_named, sizeof(*p->named), cmp_named);
    return 0;
}

/* The first named file whose path is not before `path`. */
static size_t lower_bound(const struct probes *p, const char *path)
{
    size_t lo = 0, hi = p->n_named;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(p->named[mid].path, path) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool is_named(const struct probes *p, const char *path)
{
    size_t i = lower_bound(p, path);
    return i < p->n_named && !strcmp(p->named[i].path, path);
}

/* Does `path` stand in the directory of a named file? Never so for devices or a path with "..". */
static bool is_beside_named(const struct probes *p, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash || !strncmp(path, "/dev/", 5) || strstr(path, "/../"))
        return false;
    size_t len = (size_t)(slash - path) + 1;
    autofree char *dir = strndup(path, len);
    if (!dir)
        return false;
    for (size_t i = lower_bound(p, dir); i < p->n_named; i++) {
        if (strncmp(p->named[i].path, dir, len) != 0)
            return false;
        if (!strchr(p->named[i].path + len, '/'))
            return true;
    }
    return false;
}

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

static int allow(void *ctx, const char *path, struct err *e)
{
    const struct allowance *a = ctx;
    int r = mounts_check(a->mounts, path, NULL, e);
    if (r < 0 || !a->domain)
        return r;
    const struct probes *p = a->domain->probes;
    if (is_named(p, path) || is_beside_named(p, path) || is_allowed_by_option(a->model, path))
        return 0;
    return err_fail(e, EACCES,
                    "'%s' is named by an image's header only: neither libvirt's XML of domain '%s' "
                    "names it or its directory, nor does the mount option allow=",
                    path, a->domain->name);
}

static const char *format_in(const struct xml_domain *x, const char *path)
{
    for (size_t i = 0; x && i < x->n_disks; i++)
        for (size_t k = 0; k < x->disks[i].n_backing; k++)
            if (x->disks[i].backing[k].path && !strcmp(x->disks[i].backing[k].path, path))
                return x->disks[i].backing[k].format;
    return NULL;
}

static const char *format(void *ctx, const char *path)
{
    const struct allowance *a = ctx;
    const char *found = a->snapshot ? format_in(a->snapshot->parsed->domain, path) : NULL;
    if (found || !a->domain)
        return found;
    const struct probes *p = a->domain->probes;
    for (size_t i = lower_bound(p, path);
         !found && i < p->n_named && !strcmp(p->named[i].path, path); i++)
        found = p->named[i].format;
    return found;
}

struct image_policy images_policy(struct allowance *a)
{
    if (a->domain) {
        pthread_mutex_lock(&a->domain->probes->lock);
        (void)gather_named(a->domain); /* without memory nothing is named, so nothing is opened */
        pthread_mutex_unlock(&a->domain->probes->lock);
        a->mounts = a->domain->probes->mounts;
    }
    return (struct image_policy){.ctx = a, .allow = allow, .format = format};
}

/* ---- identities ---- */

struct table {
    struct table *next;
    char *path, *format;
    struct image_tags *tags; /* NULL = could not be read, and */
    struct err failure;
};

struct tag_tables {
    struct err not_local; /* no != 0: paths are not ours */
    struct mounts *mounts;
    struct table *tables;
};

struct tag_tables *tag_tables_new(const struct model *m)
{
    struct tag_tables *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->mounts = mounts_read();
    if (!t->mounts) {
        free(t);
        return NULL;
    }
    if (!virt_files_local(m->virt, &t->not_local) && !t->not_local.no)
        t->not_local.no = EOPNOTSUPP;
    return t;
}

static void table_free(struct table *t)
{
    if (!t)
        return;
    image_tags_free(t->tags);
    free(t->path);
    free(t->format);
    free(t);
}

void tag_tables_free(struct tag_tables *t)
{
    while (t && t->tables) {
        struct table *next = t->tables->next;
        table_free(t->tables);
        t->tables = next;
    }
    if (t)
        mounts_free(t->mounts);
    free(t);
}

static int tags_read(const struct tag_tables *all, const char *path, const char *fmt,
                     struct image_tags **ret, struct err *e)
{
    struct allowance a = {.mounts = all->mounts};
    struct image_policy policy = images_policy(&a);
    struct image_source source = {.path = path, .format = fmt};
    return image_tags_read(&source, &policy, ret, e);
}

static struct table *table_read(struct tag_tables *all, const char *path, const char *fmt)
{
    struct table *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->path = strdup(path);
    t->format = strdup(fmt);
    if (!t->path || !t->format) {
        table_free(t);
        return NULL;
    }
    (void)tags_read(all, path, fmt, &t->tags, &t->failure);
    t->next = all->tables;
    all->tables = t;
    return t;
}

static struct table *table_of(struct tag_tables *all, const char *path, const char *fmt)
{
    for (struct table *t = all->tables; t; t = t->next)
        if (!strcmp(t->path, path) && !strcmp(t->format, fmt))
            return t;
    return table_read(all, path, fmt);
}

/* The entry of that very name; with two of them nobody can tell which is meant. */
static int find_tag(const struct image_tags *tags, const char *name, const char *path,
                    const struct image_tag **ret, struct err *e)
{
    const struct image_tag *hit = NULL;
    for (size_t i = 0; i < tags->n; i++) {
        if (strcmp(tags->tags[i].name, name) != 0)
            continue;
        if (hit)
            return err_fail(e, EINVAL, "'%s' holds two internal snapshots named '%s'", path, name);
        hit = &tags->tags[i];
    }
    if (!hit)
        return err_fail(e, ENOENT, "'%s' holds no internal snapshot named '%s'", path, name);
    *ret = hit;
    return 0;
}

int tag_tables_get(struct tag_tables *all, const char *path, const char *fmt,
                   const struct image_tags **ret, struct err *e)
{
    struct table *t = table_of(all, path, fmt);
    if (!t)
        return err_nomem(e);
    if (!t->tags) {
        if (e)
            *e = t->failure;
        return -t->failure.no;
    }
    *ret = t->tags;
    return 0;
}

static int identify_tag(struct tag_tables *all, struct snapshot_disk *disk, struct err *e)
{
    const struct image_tags *tags;
    const struct image_tag *tag = NULL;
    int r = tag_tables_get(all, disk->path, disk->format, &tags, e);
    if (r == 0)
        r = find_tag(tags, disk->tag, disk->path, &tag, e);
    if (r == 0)
        disk->ident = image_id_hash(HASH_START, &tag->identity);
    return r;
}

static int identify_file(const struct tag_tables *all, struct snapshot_disk *disk, struct err *e)
{
    struct image_tags *tags autodestroy(image_tags_free) = NULL;
    int r = tags_read(all, disk->path, disk->format, &tags, e);
    if (r == 0)
        disk->ident = image_id_hash(HASH_START, &tags->file);
    return r;
}

static int identify(struct tag_tables *all, struct snapshot_disk *disk, struct err *e)
{
    if (all->not_local.no) {
        *e = all->not_local;
        return -e->no;
    }
    if (!disk->path)
        return err_fail(e, EOPNOTSUPP, "disk '%s' is not a local file or block device",
                        disk->target);
    if (!disk->format)
        return err_fail(e, EINVAL, "libvirt's XML gives no format for disk '%s' ('%s')",
                        disk->target, disk->path);
    return disk->tag ? identify_tag(all, disk, e) : identify_file(all, disk, e);
}

int images_identify(void *ctx, const struct snapshot *s, struct snapshot_disk *disk, struct err *e)
{
    (void)s;
    struct err why = {0};
    int r = identify(ctx, disk, &why);
    if (r == -ENOMEM)
        return err_nomem(e);
    if (r == 0)
        return 0;
    disk->no = -r;
    disk->reason = strdup(why.text);
    return disk->reason ? 0 : err_nomem(e);
}

/* ---- opening and probing ---- */

/* Does the file still hold what the catalog saw in it? */
static bool is_still_there(const struct model *m, const struct domain *d, const struct snapshot *s,
                           const struct snapshot_disk *disk)
{
    struct tag_tables *tables autodestroy(tag_tables_free) = tag_tables_new(m);
    struct snapshot_disk now = {.target = disk->target, .path = disk->path,
                                .format = disk->format, .tag = disk->tag};
    struct err why;
    return tables && identify(tables, &now, &why) == 0 &&
           domain_disk_ident(d->uuid, s, disk->target, now.ident) == disk->ident;
}

/* The catalog is older than the file: from now on it is read anew, so that the kernel's second look
 * (which ESTALE makes it take) finds what is there. */
static int stale(struct model *m, const struct domain *d, const struct snapshot *s,
                 const struct snapshot_disk *disk, struct err *e)
{
    struct entry *en = model_entry(m, d->uuid);
    if (en) {
        model_changed(m, en);
        model_entry_done(m, en);
    }
    return err_fail(e, ESTALE, "'%s' no longer holds what snapshot '%s' had in it", disk->path,
                    s->name);
}

int model_image_open(struct model *m, struct domain *d, const struct snapshot *s,
                     const struct snapshot_disk *disk, struct image **ret, struct err *e)
{
    if (disk->no)
        return err_fail(e, disk->no, "%s", disk->reason);
    struct allowance a = {.model = m, .domain = d, .snapshot = s};
    struct image_policy policy = images_policy(&a);
    struct image_source source = {.path = disk->path, .format = disk->format, .tag = disk->tag};
    struct image *im autodestroy(image_unref) = NULL;
    int r = image_open(&source, &policy, &im, e);
    if (r < 0)
        return is_still_there(m, d, s, disk) ? r : stale(m, d, s, disk, e);
    struct image_id id = image_identity(im);
    uint64_t file = image_id_hash(HASH_START, &id);
    if (domain_disk_ident(d->uuid, s, disk->target, file) != disk->ident)
        return stale(m, d, s, disk, e);
    *ret = take(im);
    return 0;
}

static int probe_now(struct model *m, struct domain *d, const struct snapshot *s,
                     const struct snapshot_disk *disk, struct probe *ret)
{
    struct err why = {0};
    struct image *im autodestroy(image_unref) = NULL;
    if (model_image_open(m, d, s, disk, &im, &why) < 0) {
        ret->failure = malloc(sizeof(why));
        if (!ret->failure)
            return -ENOMEM;
        *ret->failure = why;
    } else {
        autotext struct text chain = {0};
        image_describe_chain(im, &chain);
        ret->chain = text_take(&chain, NULL);
        if (!ret->chain)
            return -ENOMEM;
        ret->facts = (struct image_facts){image_size(im), image_allocated(im)};
    }
    ret->known = true;
    return 0;
}

int images_probe(struct model *m, struct domain *d, const struct snapshot *s,
                 const struct snapshot_disk *disk, struct image_facts *ret_facts,
                 const char **ret_chain, struct err *e)
{
    struct probe *kept = &d->probes->items[disk->probe];
    struct probe fresh = {0};
    pthread_mutex_lock(&d->probes->lock);
    bool known = kept->known;
    pthread_mutex_unlock(&d->probes->lock);
    if (!known && probe_now(m, d, s, disk, &fresh) < 0)
        return err_nomem(e);
    pthread_mutex_lock(&d->probes->lock);
    if (!kept->known) {
        *kept = fresh;
        fresh = (struct probe){0};
    }
    pthread_mutex_unlock(&d->probes->lock);
    probe_clear(&fresh);
    if (kept->failure) { /* what is known is never changed again */
        if (e)
            *e = *kept->failure;
        return -kept->failure->no;
    }
    *ret_facts = kept->facts;
    *ret_chain = kept->chain;
    return 0;
}

int model_image_facts(struct model *m, struct domain *d, const struct snapshot *s,
                      const struct snapshot_disk *disk, struct image_facts *ret, struct err *e)
{
    const char *chain;
    return images_probe(m, d, s, disk, ret, &chain, e);
}
