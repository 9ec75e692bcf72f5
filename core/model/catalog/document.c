/* SPDX-License-Identifier: GPL-3.0-or-later */
/* document.c - see catalog/document.h. No locks: immutable except for the atomic count. */
#include "model/catalog/document.h"

#include <string.h>

#include "base/budget.h"
#include "base/name.h"

/* The structs of a disk in the document and in the tree, and malloc's overhead for its strings. */
enum { DISK_SIZE = 1024 };

/* Returns about the memory that the document takes: the text, and what was parsed out of it. */
static uint64_t size_of(const struct xml_snapshot *x, size_t xml_len)
{
    uint64_t n = x->n_disks + x->n_revert_disks;
    for (size_t i = 0; x->domain && i < x->domain->n_disks; i++)
        n += 1 + x->domain->disks[i].n_backing;
    return sizeof(struct snapshot_doc) + sizeof(*x) + 2 * xml_len + n * DISK_SIZE;
}

int document_new(const char *name, char **xml, struct snapshot_doc **ret, struct err *e)
{
    struct snapshot_doc *d autodestroy(document_unref) = calloc(1, sizeof(*d));
    if (!d)
        return err_nomem(e);
    d->refs = 1;
    d->name = strdup(name);
    d->coded = name_encode(name);
    if (!d->name || !d->coded)
        return err_nomem(e);
    int r = xml_snapshot_parse(*xml, &d->parsed, e);
    if (r < 0)
        return r;
    size_t len = strlen(*xml);
    uint64_t size = size_of(d->parsed, len);
    r = budget_take(size, e);
    if (r < 0)
        return r;
    d->counted = size;
    clock_gettime(CLOCK_REALTIME, &d->seen);
    d->xml = take(*xml);
    d->xml_len = len;
    *ret = take(d);
    return 0;
}

struct snapshot_doc *document_ref(struct snapshot_doc *d)
{
    __atomic_add_fetch(&d->refs, 1, __ATOMIC_RELAXED);
    return d;
}

void document_unref(struct snapshot_doc *d)
{
    if (!d || __atomic_sub_fetch(&d->refs, 1, __ATOMIC_ACQ_REL))
        return;
    budget_give(d->counted);
    xml_snapshot_free(d->parsed);
    free(d->name);
    free(d->coded);
    free(d->xml);
    free(d);
}
