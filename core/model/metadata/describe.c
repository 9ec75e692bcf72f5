/* SPDX-License-Identifier: GPL-3.0-or-later */
/* describe.c - see metadata/describe.h. Locks: those of change/operation.h, for the whole of a
 * verb.
 */
#include "model/metadata/describe.h"

#include <errno.h>
#include <string.h>

#include "model/change/operation.h"
#include "model/change/outcome.h"
#include "model/reader/evidence.h"
#include "model/reader/sizes.h"
#include "model/state.h"
#include "virt/xml.h"

struct describing {
    const struct snapshot *snapshot;
    const char *description;
};

static bool is_described(const struct domain *now, const void *ctx)
{
    const struct describing *d = ctx;
    const struct snapshot *s = domain_find_same(now, d->snapshot);
    const char *text = s ? snapshot_description(s) : NULL;
    return s && !strcmp(text ? text : "", d->description);
}

int guard_describe(const struct snapshot *s, struct err *e)
{
    if (!s->parsed->n_revert_disks)
        return 0;
    return err_fail(e, EBUSY,
                    "libvirt would forget which disks it made at the last revert to '%s' "
                    "(<revertDisks>), and remove the wrong ones at the next",
                    s->name);
}

int verb_describe(struct model *m, const char *uuid, uint64_t ident, const char *description,
                  struct text *remark, struct err *e)
{
    autooperation struct operation t = {0};
    const struct snapshot *s = NULL;
    int r = operation_begin_on(&t, m, uuid, ident, &s, e);
    if (r == 0)
        r = guard_describe(s, e);
    if (r < 0)
        return r;
    autofree char *old = NULL, *new = NULL;
    r = virt_snapshot_secure_xml(m->virt, uuid, s->name, &old, e);
    if (r == 0)
        r = xml_snapshot_describe(old, description, &new, e);
    if (r < 0)
        return r;
    unsigned flags = VIRT_CREATE_REDEFINE;
    if (t.domain->current == s)
        flags |= VIRT_CREATE_CURRENT;
    r = operation_confirm(&t, e);
    if (r < 0)
        return r;
    struct describing describing = {s, description};
    struct outcome o = {.before = t.domain,
                        .is_done = is_described,
                        .ctx = &describing,
                        .done = "the description is there"};
    r = virt_snapshot_create(m->virt, uuid, new, flags, NULL, e);
    r = r < 0 ? outcome_settle(m, &o, remark, e) : 0;
    if (r == 0) { /* a user who writes the description says that the bytes are right */
        evidence_keep(m, t.domain, s);
        sizes_accept(m, t.domain, s);
    }
    return r;
}
