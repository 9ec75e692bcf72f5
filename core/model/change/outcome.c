/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outcome.c - see outcome.h. No locks of its own: called under the domain's operation. */
#include "model/change/outcome.h"

#include <string.h>

#include "model/catalog/catalog.h"
#include "model/change/fingerprint.h"

static const char *current_name(const struct domain *d)
{
    return d->current ? d->current->name : "";
}

static bool has_other_disks(const struct domain *a, const struct domain *b)
{
    uint64_t x = 0, y = 0;
    struct err ignored;
    return fingerprint_config(a->xml, &x, &ignored) == 0 &&
           fingerprint_config(b->xml, &y, &ignored) == 0 && x != y;
}

static int fail_with(const struct err *why, const struct domain *before, const struct domain *now,
                     struct err *e)
{
    bool disks = has_other_disks(before, now);
    if (!disks && !strcmp(before->state, now->state) &&
        !strcmp(current_name(before), current_name(now)))
        return err_fail(e, why->no, "%s", why->text);
    return err_fail(e, why->no, "%s; the domain is now '%s', its current snapshot '%s'%s",
                    why->text, now->state, current_name(now),
                    disks ? ", and its disks are other files" : "");
}

int outcome_settle(struct model *m, const struct outcome *o, struct text *remark, struct err *e)
{
    struct domain *now autodestroy(domain_unref) = NULL;
    struct err why = *e, ignored;
    bool unsure = err_is_unsure(e);
    if (model_domain_now(m, o->before->uuid, &now, &ignored) < 0)
        return err_fail(e, why.no, "%s", why.text);
    if (!o->is_done || !o->is_done(now, o->ctx) || (o->only_unanswered && !unsure))
        return fail_with(&why, o->before, now, e);
    text_add(remark, "%s", remark->len ? "; " : "");
    if (unsure)
        text_add(remark, "the connection was lost meanwhile; %s", o->done);
    else
        text_add(remark, "%s, although libvirt answered: %s", o->done, why.text);
    return 0;
}

bool outcome_is_rewritten(const struct domain *now, const void *ctx)
{
    const struct snapshot *was = ctx, *s = domain_find_same(now, was);
    return s && strcmp(s->xml, was->xml) != 0;
}
