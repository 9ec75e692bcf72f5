/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chains.c - see reader/disk_chains.h. No locks; headers are read, nothing is written. */
#include "model/revert/chains.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "model/reader/image_backing.h"
#include "model/reader/policy.h"
#include "model/storage/file_chain.h"
#include "model/storage/source.h"

void revert_chains_drop(struct revert_chains *c)
{
    for (size_t i = 0; i < c->n; i++) {
        image_layers_free(c->layers[i], c->n_layers[i]);
        free((struct xml_layer *)(uintptr_t)c->items[i].layers);
    }
    free(c->items);
    free(c->layers);
    free(c->n_layers);
    *c = (struct revert_chains){0};
}

static bool is_told(const struct xml_disk *x)
{
    return x->n_backing || x->ends;
}

/* Returns whether libvirt finds the chain by the headers. A header may lack a format that the XML
 * of another disk or snapshot gives, and libvirt starts no domain then. */
static bool is_found(const struct domain *d, const struct xml_disk *x)
{
    const char *path = policy_path(d->volumes, &x->source);
    struct image_layer *layers = NULL;
    struct err ignored;
    size_t n = 0;
    int r = path ? follow_layers(path, policy_format(&x->source), &layers, &n, &ignored) : -ENOENT;
    image_layers_free(layers, n);
    return r == 0;
}

static bool is_moved(const struct revert *rv, const char *target)
{
    for (size_t i = 0; i < rv->n; i++)
        if (!strcmp(rv->disks[i].target, target))
            return true;
    return false;
}

static bool same_file(const struct domain *d, const struct xml_disk *a, const struct xml_disk *b)
{
    const char *x = policy_path(d->volumes, &a->source), *y = policy_path(d->volumes, &b->source);
    return x && y && !strcmp(x, y);
}

/* Checks that the chain can be written. libvirt needs the secret of an encrypted layer, and the
 * place of a slice. */
static int check_plain(const struct xml_disk *x, struct err *e)
{
    for (size_t i = 0; i < x->n_backing; i++)
        if (x->backing[i].encrypted || x->backing[i].slice)
            return err_fail(
                e, EOPNOTSUPP,
                "cannot write the chain of disk '%s' for the revert: a backing file is encrypted "
                "or a slice",
                x->target);
    return 0;
}

/* Returns the layers from number `first` on, as the XML is to name them. */
static struct xml_layer *name_layers(const struct image_layer *layers, size_t n, size_t first)
{
    struct xml_layer *named = calloc(n - first + 1, sizeof(*named));
    for (size_t i = first; named && i < n; i++) {
        struct stat st;
        bool block = stat(layers[i].path, &st) == 0 && S_ISBLK(st.st_mode);
        named[i - first] = (struct xml_layer){layers[i].path, layers[i].format, block};
    }
    return named;
}

static int add(struct revert_chains *c, const struct domain *d, const struct snapshot *s,
               const struct xml_disk *x, bool moved, struct err *e)
{
    struct image_layer **layers = &c->layers[c->n];
    size_t *n = &c->n_layers[c->n], first = moved ? 0 : 1;
    int r = check_plain(x, e);
    if (r == 0)
        r = backing_layers(d, s, x, layers, n, e);
    struct xml_layer *named = r == 0 ? name_layers(*layers, *n, first) : NULL;
    if (!named) {
        image_layers_free(take(*layers), *n);
        return r < 0 ? r : err_nomem(e);
    }
    c->items[c->n++] = (struct xml_chain){.target = x->target, .layers = named, .n = *n - first};
    return 0;
}

static int consider(struct revert_chains *c, const struct domain *d, const struct snapshot *s,
                    const struct xml_disk *x, const struct revert *rv, struct err *e)
{
    const struct xml_disk *live = xml_domain_disk(policy_live(d), x->target);
    if (is_moved(rv, x->target))
        return is_told(x) || !is_found(d, x) ? add(c, d, s, x, true, e) : 0;
    if (live && same_file(d, x, live))
        return is_told(live) ? add(c, d, NULL, live, false, e) : 0;
    return is_told(x) ? add(c, d, s, x, false, e) : 0;
}

int revert_chains_find(const struct domain *d, const struct snapshot *s, const struct revert *rv,
                       struct revert_chains *ret, struct err *e)
{
    const struct xml_domain *x = s ? s->parsed->domain : NULL;
    size_t n = x ? x->n_disks : 0;
    struct revert_chains c = {.items = calloc(n + 1, sizeof(*c.items)),
                              .layers = calloc(n + 1, sizeof(struct image_layer *)),
                              .n_layers = calloc(n + 1, sizeof(size_t))};
    int r = c.items && c.layers && c.n_layers ? 0 : err_nomem(e);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = consider(&c, d, s, &x->disks[i], rv, e);
    if (r < 0)
        revert_chains_drop(&c);
    else
        *ret = c;
    return r;
}

/* ---- the chain that libvirt would use ---- */

/* Returns the first layer that counts and that the XML leaves out, also after the end of the XML's
 * chain. Returns NULL if there is no such layer. A file that was merged and removed does not
 * count. */
static const char *find_left_out(const struct domain *d, const struct xml_disk *x,
                                 const struct image_layer *layers, size_t n)
{
    struct stat ignored;
    for (size_t i = 0; i < x->n_backing; i++) {
        const char *named = policy_path(d->volumes, &x->backing[i]);
        const char *counts = i + 1 < n ? layers[i + 1].path : NULL;
        if (!named || !counts || stat(named, &ignored) < 0)
            return NULL;
        if (!follow_to_same(named, counts))
            return counts;
    }
    return x->ends && x->n_backing + 1 < n ? layers[x->n_backing + 1].path : NULL;
}

static int check_disk(const struct domain *d, const struct snapshot *s, const struct xml_disk *x,
                      struct err *e)
{
    struct image_layer *layers = NULL;
    struct err why;
    size_t n = 0;
    int r = backing_layers(d, s, x, &layers, &n, &why);
    const char *left_out = r == 0 ? find_left_out(d, x, layers, n) : NULL;
    if (left_out)
        r = err_fail(e, EBUSY,
                     "reverting would put disk '%s' on a chain without '%s', which the XML of "
                     "snapshot '%s' leaves out, as after a 'virsh snapshot-delete --metadata' by "
                     "libvirt 9.0; write the right chain with 'redefine'",
                     x->target, left_out, s->name);
    else if (r == -EIO)
        r = err_fail(e, EBUSY, "%s", why.text);
    else
        r = 0;
    image_layers_free(layers, n);
    return r;
}

int revert_chains_check(const struct domain *d, const struct snapshot *s, struct err *e)
{
    const struct xml_domain *x = s->parsed->domain;
    int r = 0;
    for (size_t i = 0; r == 0 && x && i < x->n_disks; i++)
        if (is_told(&x->disks[i]))
            r = check_disk(d, s, &x->disks[i], e);
    return r;
}
