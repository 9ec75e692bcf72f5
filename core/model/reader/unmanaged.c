/* SPDX-License-Identifier: GPL-3.0-or-later */
/* unmanaged.c - see reader/unmanaged.h.
 *
 * Lock: unmanaged->lock is held while files are read, so that many requests read them once. Only
 * the locks of reader/policy.h and image.h are taken under it. The list never changes once it is
 * made.
 */
#include "model/reader/unmanaged.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/hash.h"
#include "base/lock.h"
#include "image/tags.h"
#include "model/catalog/domain.h"
#include "model/graph/usage_cache.h"
#include "model/reader/disk_chains.h"
#include "model/reader/image_backing.h"
#include "model/reader/probes.h"
#include "model/reader/policy.h"
#include "model/state.h"

enum {
    LOOK_MAX = 128 * 1024, /* tags of one domain that are looked at; a file has 65536 at most */
    UNTRACKED_MORE = 256   /* bytes of an untracked tag's probe, and of its file's name */
};

struct found {
    struct tag_list list;
    struct xml_domain *live;         /* backs the targets of the list */
    struct chains chains;            /* backs its paths */
    struct untracked_tag *untracked; /* backs the other members that the list points to */
    size_t n_untracked;
    struct probes *probes;
    uint64_t counted; /* in the budget */
};

struct unmanaged {
    pthread_mutex_t lock;
    struct found *found; /* NULL until asked for */
};

static void tag_clear(struct snapshot *s)
{
    for (size_t k = 0; k < s->n_disks; k++)
        free(s->disks[k].file);
    free(s->disks);
    free((char *)(uintptr_t)s->coded);
}

static void found_free(struct found *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->list.n; i++)
        tag_clear(&f->list.tags[i]);
    free(f->list.tags);
    probes_free(f->probes);
    untracked_free(f->untracked, f->n_untracked);
    chains_drop(&f->chains);
    xml_domain_free(f->live);
    budget_give(f->counted);
    free(f);
}
MEM_CLEANUP(struct found, found_free)

static void *unmanaged_new(const struct domain *d)
{
    struct unmanaged *u = calloc(1, sizeof(*u));
    (void)d;
    if (u)
        pthread_mutex_init(&u->lock, NULL);
    return u;
}

static void unmanaged_free(void *value)
{
    struct unmanaged *u = value;
    found_free(u->found);
    pthread_mutex_destroy(&u->lock);
    free(u);
}

const struct slot_kind unmanaged_slot = {unmanaged_new, unmanaged_free, NULL};

static struct unmanaged *unmanaged_of(const struct domain *d)
{
    return d->slots[SLOT_UNMANAGED].value;
}

/* ---- from files to untracked tags ---- */

/* Returns whether the domain has a snapshot of that name in that file. */
static bool is_snapshots(const struct domain *d, const struct chains *c, size_t file,
                         const char *name)
{
    const struct snapshot *s = domain_find_name(d, name);
    for (size_t i = 0; s && i < s->n_disks; i++)
        if (s->disks[i].tag && s->disks[i].path && chains_find(c, s->disks[i].path) == (int)file)
            return true;
    return false;
}

/* Returns whether the tag is the first of its name. QEMU takes the first as the snapshot's tag. */
static bool is_first(const struct image_tags *t, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (!strcmp(t->tags[k].name, t->tags[i].name))
            return false;
    return true;
}

/* Counts in the budget the memory of one tag, and of all that points to the tag. The tag's name
 * counts twice, because it is also kept coded. */
static int count(struct found *f, const struct image_tag *tag, struct err *e)
{
    uint64_t size = sizeof(struct untracked_tag) + sizeof(struct snapshot) +
                    sizeof(struct snapshot_disk) + 2 * strlen(tag->name) + strlen(tag->id) +
                    UNTRACKED_MORE;
    int r = budget_take(size, e);
    f->counted += r < 0 ? 0 : size;
    return r;
}

static int add_untracked(struct found *f, const struct chain_use *use, const struct image_tag *tag,
                         bool claimed, struct err *e)
{
    int r = count(f, tag, e);
    if (r < 0)
        return r;
    if (!mem_room(f->untracked, f->n_untracked))
        return err_nomem(e);
    struct untracked_tag *s = &f->untracked[f->n_untracked];
    *s = (struct untracked_tag){.path = f->chains.files[use->file].path,
                                .target = use->target,
                                .identity = tag->identity,
                                .vm_state_size = tag->vm_state_size,
                                .date = tag->date_sec,
                                .claimed = claimed,
                                .rank = f->n_untracked};
    f->n_untracked++;
    s->name = strdup(tag->name);
    s->id = strdup(tag->id);
    return s->name && s->id ? 0 : err_nomem(e);
}

/* Adds the tags of one file, for the disk `use` names. */
static int add_tags(struct found *f, struct model *m, struct domain *d, const struct chain_use *use,
                    const struct image_tags *t, struct err *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < t->n; i++) {
        const struct image_tag *tag = &t->tags[i];
        bool claimed = is_snapshots(d, &f->chains, use->file, tag->name);
        backing_note_untracked(m, d, use->target, f->chains.files[use->file].path, tag, t);
        if (claimed && is_first(t, i))
            continue;
        if (f->n_untracked == UNMANAGED_MAX || strlen(tag->name) > UNMANAGED_NAME_MAX ||
            strlen(tag->id) > UNMANAGED_NAME_MAX)
            f->list.n_left_out++;
        else
            r = add_untracked(f, use, tag, claimed, e);
    }
    return r;
}

static int read_tags(struct found *f, struct model *m, struct domain *d, struct err *e)
{
    struct allowance a = {.model = m, .domain = d};
    struct image_policy policy = policy_of(&a);
    size_t seen = 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i < f->chains.n_uses; i++) {
        const struct chain_use *use = &f->chains.uses[i];
        struct image_source source = {.path = f->chains.files[use->file].path, .format = "qcow2"};
        autodestroy(image_tags_free) struct image_tags *tags = NULL;
        struct err why;
        if (seen > LOOK_MAX) {
            f->list.n_left_out++;
            continue;
        }
        r = image_tags_read(&source, &policy, &tags, &why);
        if (r == 0)
            r = add_tags(f, m, d, use, tags, e);
        else
            r = err_is_resource(-r) ? err_fail(e, -r, "%s", why.text) : 0;
        seen += tags ? tags->n : 0;
    }
    return r;
}

/* Removes the tags that are snapshots of another domain. Such a domain shares a file with this
 * domain. */
static void drop_others(struct found *f, struct model *m, const struct domain *d)
{
    struct usage *o autodestroy(usage_unref) = NULL;
    if (f->n_untracked)
        o = usage_cache_ask(m->usage_cache, d, NULL);
    size_t kept = 0;
    for (size_t i = 0; o && i < f->n_untracked; i++) {
        struct untracked_tag *s = &f->untracked[i];
        if (usage_other_owns_tag(o, d, s->identity.dev, s->identity.ino, s->name, s->id))
            untracked_clear(s, 1);
        else
            f->untracked[kept++] = *s;
    }
    if (o)
        f->n_untracked = kept;
}

/* ---- from untracked tags to directories ---- */

static int fill_disk(struct found *f, const struct domain *d, struct snapshot *s, size_t at,
                     struct err *e)
{
    const struct untracked_tag *untracked_tag = &f->untracked[at];
    struct snapshot_disk *disk = &s->disks[s->n_disks++];
    *disk = (struct snapshot_disk){.target = (char *)(uintptr_t)untracked_tag->target,
                                   .file = domain_disk_file(untracked_tag->target),
                                   .path = untracked_tag->path,
                                   .format = "qcow2",
                                   .tag = untracked_tag->name,
                                   .untracked_tag = untracked_tag,
                                   .probe = at};
    disk->ident = domain_disk_ident(d->uuid, s, untracked_tag->target,
                                    image_id_hash(HASH_START, &untracked_tag->identity));
    disk->number = domain_disk_ident(d->uuid, s, untracked_tag->target,
                                     image_id_lasting(HASH_START, &untracked_tag->identity));
    return disk->file ? 0 : err_nomem(e);
}

/* Fills in the directory of the `n` untracked tags from `at` on. */
static int fill_tag(struct found *f, const struct domain *d, size_t at, size_t n, struct err *e)
{
    static const struct xml_snapshot nothing;
    struct snapshot *s = &f->list.tags[f->list.n++];
    const struct untracked_tag *first = &f->untracked[at];
    *s = (struct snapshot){.name = first->name, .parsed = &nothing, .untracked_tag = first};
    s->coded = untracked_coded(first);
    s->disks = calloc(n, sizeof(*s->disks));
    if (!s->coded || !s->disks)
        return err_nomem(e);
    uint64_t h = hash_str(hash_str(HASH_START, "unmanaged"), d->uuid), number = h;
    int r = 0;
    for (size_t i = at; r == 0 && i < at + n; i++) {
        if (i > at && !strcmp(f->untracked[i].target, f->untracked[i - 1].target)) {
            f->list.n_left_out++; /* the same entry twice in one table */
            continue;
        }
        r = fill_disk(f, d, s, i, e);
        h = hash_u64(h, s->disks[s->n_disks - 1].ident);
        number = hash_u64(number, s->disks[s->n_disks - 1].number);
        if (f->untracked[i].date > s->untracked_tag->date)
            s->untracked_tag = &f->untracked[i];
    }
    s->ident = hash_end(h);
    s->number = hash_end(number);
    s->n_images = s->n_disks;
    return r;
}

static int cmp_coded(const void *a, const void *b)
{
    const struct snapshot *x = a, *y = b;
    int r = strcmp(x->coded, y->coded);
    if (r || !x->untracked_tag || !y->untracked_tag)
        return r;
    return (x->untracked_tag->mark > y->untracked_tag->mark) -
           (x->untracked_tag->mark < y->untracked_tag->mark);
}

/* Drops one of two tags, if one tag's name equals the other tag's name with a mark. The tag that
 * needs no mark stays. */
static void drop_namesakes(struct tag_list *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (kept && !strcmp(l->tags[kept - 1].coded, l->tags[i].coded)) {
            l->n_left_out += l->tags[i].n_disks;
            tag_clear(&l->tags[i]);
        } else {
            l->tags[kept++] = l->tags[i];
        }
    }
    l->n = kept;
}

static int fill_tags(struct found *f, const struct domain *d, struct err *e)
{
    untracked_arrange(f->untracked, f->n_untracked);
    f->list.tags = calloc(f->n_untracked + 1, sizeof(*f->list.tags));
    f->probes = probes_new(f->n_untracked);
    if (!f->list.tags || !f->probes)
        return err_nomem(e);
    int r = 0;
    for (size_t at = 0, n; r == 0 && at < f->n_untracked; at += n) {
        n = untracked_together(f->untracked + at, f->n_untracked - at);
        r = fill_tag(f, d, at, n, e);
    }
    qsort(f->list.tags, f->list.n, sizeof(*f->list.tags), cmp_coded);
    drop_namesakes(&f->list);
    return r;
}

/* ---- asking ---- */

static int read_all(struct model *m, struct domain *d, struct found *f, struct err *e)
{
    int r = chains_read(m, d, f->live, &f->chains, e);
    if (r == 0)
        r = read_tags(f, m, d, e);
    if (r == 0)
        drop_others(f, m, d);
    return r < 0 ? r : fill_tags(f, d, e);
}

static int look(struct model *m, struct domain *d, struct found **ret, struct err *e)
{
    autodestroy(found_free) struct found *f = calloc(1, sizeof(*f));
    if (!f)
        return err_nomem(e);
    struct err why = {0};
    bool local = virt_files_local(m->virt, &why);
    if (!local && why.no && why.no != EOPNOTSUPP)
        return err_fail(e, why.no, "%s", why.text);
    int r = local ? xml_domain_parse(d->xml, &f->live, e) : 0;
    if (local && r == 0)
        r = read_all(m, d, f, e);
    if (r == 0)
        *ret = take(f);
    return r;
}

int model_tags(struct model *m, struct domain *d, const struct tag_list **ret, struct err *e)
{
    struct unmanaged *u = unmanaged_of(d);
    autolock(&u->lock);
    int r = u->found ? 0 : look(m, d, &u->found, e);
    if (r == 0)
        *ret = &u->found->list;
    return r;
}

static const struct found *found_in(const struct domain *d)
{
    autolock(&unmanaged_of(d)->lock);
    return unmanaged_of(d)->found;
}

const struct tag_list *domain_tags(const struct domain *d)
{
    const struct found *f = found_in(d);
    return f ? &f->list : NULL;
}

struct probes *unmanaged_probes(const struct domain *d)
{
    const struct found *f = found_in(d);
    return f ? f->probes : NULL;
}

const struct snapshot *tags_find_coded(const struct tag_list *l, const char *coded)
{
    struct snapshot key = {.coded = coded};
    return l->n ? bsearch(&key, l->tags, l->n, sizeof(key), cmp_coded) : NULL;
}

const struct snapshot *tags_find_ident(const struct tag_list *l, uint64_t ident)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->tags[i].ident == ident)
            return &l->tags[i];
    return NULL;
}
