/* SPDX-License-Identifier: GPL-3.0-or-later */
/* disk_chains.c - see reader/disk_chains.h. No locks. */
#include "model/reader/disk_chains.h"

#include <stdlib.h>
#include <string.h>

#include "image/layers.h"
#include "image/source.h"
#include "model/reader/policy.h"
#include "model/storage/backing.h"

void chains_drop(struct chains *c)
{
    for (size_t i = 0; i < c->n_files; i++)
        free(c->files[i].path);
    for (size_t i = 0; i < c->n_names; i++)
        free(c->names[i].path);
    free(c->files);
    free(c->uses);
    free(c->names);
    *c = (struct chains){0};
}

int chains_find(const struct chains *c, const char *path)
{
    for (size_t i = 0; i < c->n_names; i++)
        if (!strcmp(c->names[i].path, path))
            return (int)c->names[i].file;
    return -1;
}

static int add_name(struct chains *c, const char *path, size_t file, struct err *e)
{
    if (chains_find(c, path) >= 0)
        return 0;
    if (!mem_room(c->names, c->n_names))
        return err_nomem(e);
    char *copy = strdup(path);
    if (!copy)
        return err_nomem(e);
    c->names[c->n_names++] = (struct chain_name){copy, file};
    return 0;
}

/* Finds the file's number; adds the file if it is new. */
static int add_file(struct chains *c, const struct image_layer *l, size_t *ret, struct err *e)
{
    for (size_t i = 0; i < c->n_files; i++)
        if (c->files[i].dev == l->dev && c->files[i].ino == l->ino) {
            *ret = i;
            return 0;
        }
    if (!mem_room(c->files, c->n_files))
        return err_nomem(e);
    char *path = strdup(l->path);
    if (!path)
        return err_nomem(e);
    c->files[c->n_files] = (struct chain_file){path, l->dev, l->ino};
    *ret = c->n_files++;
    return 0;
}

static bool is_used(const struct chains *c, size_t file, const char *target)
{
    for (size_t i = 0; i < c->n_uses; i++)
        if (c->uses[i].file == file && !strcmp(c->uses[i].target, target))
            return true;
    return false;
}

static int add_layer(struct chains *c, const struct image_layer *l, const char *target,
                     struct err *e)
{
    size_t file = 0;
    int r = add_file(c, l, &file, e);
    if (r == 0)
        r = add_name(c, l->path, file, e);
    if (r < 0 || is_used(c, file, target))
        return r;
    if (!mem_room(c->uses, c->n_uses))
        return err_nomem(e);
    c->uses[c->n_uses++] = (struct chain_use){file, target};
    return 0;
}

static bool is_qcow2(const char *format)
{
    return format && !strcmp(format, "qcow2");
}

static bool is_known(const struct chains *c, const char *path, const char *target)
{
    int known = path ? chains_find(c, path) : -1;
    return known >= 0 && is_used(c, (size_t)known, target);
}

/* Returns whether all files of the source are known for this disk. If a file is known for a disk,
 * the files below it are known too. */
static bool is_all_known(const struct chains *c, const struct image_source *s, const char *target)
{
    bool all = is_known(c, s->path, target);
    for (size_t i = 0; all && i < s->n_below; i++)
        all = !is_qcow2(s->below[i].format) || is_known(c, s->below[i].path, target);
    return all;
}

static int follow(struct chains *c, const struct image_policy *policy,
                  const struct image_source *source, const char *target, struct err *e)
{
    if (!source->path || source->path[0] != '/' || !*target || !is_qcow2(source->format) ||
        is_all_known(c, source, target))
        return 0;
    struct image_layer *layers = NULL;
    struct err why;
    size_t n = 0;
    bool unknown;
    int r = image_layers(source, policy, &layers, &n, &unknown, &why);
    r = err_is_resource(-r) ? err_fail(e, -r, "%s", why.text) : 0;
    for (size_t i = 0; r == 0 && i < n && is_qcow2(layers[i].format) && layers[i].ino; i++)
        r = add_layer(c, &layers[i], target, e);
    image_layers_free(layers, n);
    return r;
}

static int follow_disk(struct chains *c, const struct image_policy *policy, const struct domain *d,
                       const struct xml_disk *x, const char *target, struct err *e)
{
    autobacking struct backing b = {0};
    int r = x && !xml_disk_sliced(x) ? backing_of(d->volumes, x, &b, e) : 0;
    return r < 0 ? r : follow(c, policy, &b.source, target, e);
}

int chains_read(struct model *m, struct domain *d, const struct xml_domain *live,
                struct chains *ret, struct err *e)
{
    struct allowance a = {.model = m, .domain = d};
    struct image_policy policy = policy_of(&a);
    struct chains c = {0};
    int r = 0;
    for (size_t i = 0; r == 0 && i < live->n_disks; i++)
        r = follow_disk(&c, &policy, d, &live->disks[i], live->disks[i].target, e);
    for (size_t i = 0; r == 0 && i < d->n; i++)
        for (size_t k = 0; r == 0 && k < d->all[i].n_disks; k++) {
            const char *target = d->all[i].disks[k].target;
            a.snapshot = &d->all[i];
            r = follow_disk(&c, &policy, d, xml_domain_disk(a.snapshot->parsed->domain, target),
                            target, e);
        }
    if (r < 0)
        chains_drop(&c);
    else
        *ret = c;
    return r;
}
