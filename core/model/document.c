/* document.c - see document.h. No locks: immutable but for the atomic count. */
#include "model/document.h"

#include <string.h>

#include "base/name.h"

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
    clock_gettime(CLOCK_REALTIME, &d->seen);
    d->xml = take(*xml);
    d->xml_len = strlen(d->xml);
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
    xml_snapshot_free(d->parsed);
    free(d->name);
    free(d->coded);
    free(d->xml);
    free(d);
}
