/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tag_tables.c - see catalog/tag_tables.h. No locks: one reading of a domain has them for itself.
 */
#include "model/catalog/tag_tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mounts.h"
#include "model/state.h"
#include "model/storage/file_chain.h"
#include "model/storage/remedy.h"
#include "model/catalog/tag_dirs.h"

struct table {
    struct table *next;
    char *path, *format;
    struct image_tags *tags;          /* NULL = could not be read, see `failure` */
    const struct image_tag **by_name; /* sorted; NULL before the first search */
    struct err failure;
};

struct tag_tables {
    const struct virt *virt;
    struct err not_local; /* no != 0: snapfs cannot see the files */
    struct mounts *mounts;
    struct table *tables;
};

struct tag_tables *tag_tables_new(const struct model *m)
{
    struct tag_tables *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->virt = m->virt;
    t->mounts = mounts_read();
    if (!t->mounts) {
        free(t);
        return NULL;
    }
    if (!virt_files_local(m->virt, &t->not_local) && !t->not_local.no)
        t->not_local.no = EOPNOTSUPP;
    return t;
}

const struct mounts *tag_tables_mounts(const struct tag_tables *t)
{
    return t->mounts;
}

static void table_free(struct table *t)
{
    if (!t)
        return;
    image_tags_free(t->tags);
    free(t->by_name);
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
    struct image_policy policy = follow_policy(all->mounts);
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

static int cmp_tag(const void *a, const void *b)
{
    return strcmp((*(const struct image_tag *const *)a)->name,
                  (*(const struct image_tag *const *)b)->name);
}

static int sort_tags(struct table *t, struct err *e)
{
    if (t->by_name)
        return 0;
    t->by_name = calloc(t->tags->n + 1, sizeof(*t->by_name));
    if (!t->by_name)
        return err_nomem(e);
    for (size_t i = 0; i < t->tags->n; i++)
        t->by_name[i] = &t->tags->tags[i];
    qsort(t->by_name, t->tags->n, sizeof(*t->by_name), cmp_tag);
    return 0;
}

static int table_get(struct tag_tables *all, const char *path, const char *fmt, struct table **ret,
                     struct err *e)
{
    struct table *t = table_of(all, path, fmt);
    if (!t)
        return err_nomem(e);
    if (!t->tags) {
        if (e)
            *e = t->failure;
        return -t->failure.no;
    }
    *ret = t;
    return 0;
}

int tag_tables_get(struct tag_tables *all, const char *path, const char *fmt,
                   const struct image_tags **ret, struct err *e)
{
    struct table *t = NULL;
    int r = table_get(all, path, fmt, &t, e);
    if (r == 0)
        *ret = t->tags;
    return r;
}

/* Finds the disk's entry among the entries with the name of `hit`. If libvirt does not know the
 * tag, the entry must also have the tag's id. */
static int one_of(const struct table *t, const struct image_tag **hit,
                  const struct snapshot_disk *disk, const struct image_tag **ret, struct err *e)
{
    const struct image_tag **end = t->by_name + t->tags->n, *found = NULL;
    while (hit > t->by_name && !cmp_tag(hit, hit - 1))
        hit--;
    for (const struct image_tag **at = hit; at < end && !cmp_tag(hit, at); at++) {
        if (disk->untracked_tag && strcmp((*at)->id, disk->untracked_tag->id) != 0)
            continue;
        if (found)
            return err_fail(e, EINVAL, "'%s' holds two internal snapshots named '%s'", disk->path,
                            disk->tag);
        found = *at;
    }
    if (!found)
        return err_fail(e, ENOENT, "'%s' holds no internal snapshot named '%s' with id '%s'",
                        disk->path, disk->tag, disk->untracked_tag->id);
    *ret = found;
    return 0;
}

/* Finds the disk's entry, by exactly that name. If two entries have the name, it fails, because it
 * cannot tell which entry is the disk's. */
static int find_tag(struct tag_tables *all, const struct snapshot_disk *disk,
                    const struct image_tag **ret, struct err *e)
{
    const char *name = disk->tag, *path = disk->path;
    struct table *t = NULL;
    int r = table_get(all, path, disk->format, &t, e);
    if (r == 0)
        r = sort_tags(t, e);
    if (r < 0)
        return r;
    const struct image_tag key = {.name = name}, *wanted = &key;
    size_t n = t->tags->n;
    const struct image_tag **hit = bsearch(&wanted, t->by_name, n, sizeof(*hit), cmp_tag);
    if (!hit)
        return err_fail(e, ENOENT, "'%s' holds no internal snapshot named '%s'", path, name);
    return one_of(t, hit, disk, ret, e);
}

/* Returns the bytes of memory that the disk's file holds for its tag; -errno, as `e` has it. */
static int64_t memory_in(struct tag_tables *all, const struct snapshot_disk *disk, struct err *e)
{
    const struct image_tag *tag = NULL;
    if (!disk->tag || !disk->path || !disk->format)
        return 0;
    int r = find_tag(all, disk, &tag, e);
    return r < 0 ? r : (int64_t)min_u64(tag->vm_state_size, INT64_MAX);
}

int tag_tables_find_memory(struct tag_tables *all, const struct snapshot *s,
                           struct snapshot_disk *memory, struct err *e)
{
    int failed = 0;
    for (size_t i = 0; i < s->n_disks; i++) {
        const struct snapshot_disk *disk = &s->disks[i];
        int64_t bytes = all->not_local.no ? 0 : memory_in(all, disk, e);
        failed = bytes < 0 ? (int)bytes : failed;
        if (bytes <= 0)
            continue;
        if (memory->path)
            return err_fail(e, EINVAL, "both '%s' and '%s' hold memory of the snapshot",
                            memory->path, disk->path);
        memory->path = disk->path;
        memory->format = disk->format;
    }
    if (memory->path || failed || all->not_local.no)
        return memory->path ? 0 : failed;
    memory->absent = true;
    return err_fail(e, ENOENT, "no disk of the snapshot holds its memory");
}

static void set_identity(struct snapshot_disk *disk, const struct image_id *id)
{
    disk->ident = image_id_hash(HASH_START, id);
    disk->state = image_id_lasting(HASH_START, id);
}

static int identify_tag(struct tag_tables *all, struct snapshot_disk *disk, struct err *e)
{
    const struct image_tag *tag = NULL;
    int r = find_tag(all, disk, &tag, e);
    if (r == 0)
        set_identity(disk, &tag->identity);
    return r;
}

static int identify_file(const struct tag_tables *all, struct snapshot_disk *disk, struct err *e)
{
    struct image_tags *tags autodestroy(image_tags_free) = NULL;
    int r = tags_read(all, disk->path, disk->format, &tags, e);
    if (r == 0)
        set_identity(disk, &tags->file);
    return r;
}

bool tag_tables_elsewhere(const struct tag_tables *all)
{
    return all->not_local.no == EOPNOTSUPP;
}

int tag_tables_identify(struct tag_tables *all, struct snapshot_disk *disk, struct err *e)
{
    if (all->not_local.no) {
        *e = all->not_local;
        return -e->no;
    }
    if (!disk->path)
        return err_fail(
            e, EOPNOTSUPP,
            "disk '%s' is neither a local file or block device nor a disk that snapfs reads from "
            "another host",
            disk->target);
    if (!disk->format)
        return err_fail(e, EINVAL, "libvirt's XML gives no format for disk '%s' ('%s')",
                        disk->target, disk->path);
    return remedy_add(all->virt,
                      disk->tag ? identify_tag(all, disk, e) : identify_file(all, disk, e), e);
}
