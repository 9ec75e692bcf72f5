/* SPDX-License-Identifier: GPL-3.0-or-later */
/* failed.c - see failed.h. */
#include "model/revert/failed.h"

#include <errno.h>
#include <string.h>

#include "base/mounts.h"
#include "image/at_tag.h"
#include "image/source.h"
#include "model/catalog/catalog.h"
#include "model/state.h"
#include "model/storage/file_chain.h"
#include "virt/change.h"

int failed_is_at(const struct snapshot *s, bool *ret, struct err *e)
{
    struct mounts *mounts autodestroy(mounts_free) = mounts_read();
    *ret = mounts != NULL;
    if (!mounts)
        return err_nomem(e);
    struct image_policy policy = follow_policy(mounts);
    int r = 0;
    for (size_t i = 0; r == 0 && *ret && i < s->n_disks; i++)
        if (s->disks[i].tag && s->disks[i].path)
            r = image_is_at_tag(s->disks[i].path, s->disks[i].tag, &policy, ret, e);
    return r;
}

int failed_note(struct failed *f, struct model *m, const struct domain *d, const struct snapshot *s,
                struct err *e)
{
    struct err ignored;
    *f = (struct failed){.m = m, .uuid = d->uuid, .snapshot = s->name, .ran = d->active};
    if (!f->ran)
        failed_is_at(s, &f->at, &ignored);
    return virt_domain_secure_config(m->virt, d->uuid, &f->config, e);
}

void failed_drop(struct failed *f)
{
    free(f->config);
}

/* Makes the snapshot current. libvirt gives the domain the configuration of the snapshot before it
 * starts QEMU, so only the current mark is missing. */
static int finish(const struct failed *f, const struct domain *now, struct err *e)
{
    autofree char *secure = NULL;
    if (now->current && !strcmp(now->current->name, f->snapshot))
        return 0;
    int r = virt_snapshot_secure_xml(f->m->virt, f->uuid, f->snapshot, &secure, e);
    return r < 0 ? r
                 : virt_snapshot_create(f->m->virt, f->uuid, secure,
                                        VIRT_CREATE_REDEFINE | VIRT_CREATE_CURRENT, NULL, e);
}

static int settle(const struct failed *f, const struct domain *now, enum failed_end *ret,
                  struct err *e)
{
    autofree char *config = NULL;
    bool at = false;
    const struct snapshot *s = domain_find_name(now, f->snapshot);
    int r = virt_domain_secure_config(f->m->virt, f->uuid, &config, e);
    if (r == 0)
        r = s ? failed_is_at(s, &at, e) : err_fail(e, ESTALE, "the snapshot is gone");
    if (r < 0)
        return r;
    bool same = !strcmp(config, f->config);
    if (same && !f->ran && (!at || f->at))
        return 0;
    *ret = at ? FAILED_AT_SNAPSHOT : FAILED_AS_BEFORE;
    if (at)
        return finish(f, now, e);
    return same ? 0 : virt_domain_define(f->m->virt, f->config, e);
}

int failed_settle(const struct failed *f, enum failed_end *ret, struct err *e)
{
    struct domain *now autodestroy(domain_unref) = NULL;
    struct err why = *e, own;
    *ret = FAILED_UNTOUCHED;
    int r = model_domain_now(f->m, f->uuid, &now, &own);
    if (r == 0 && !now->active)
        r = settle(f, now, ret, &own);
    if (r < 0) {
        *ret = FAILED_UNTOUCHED;
        return err_fail(e, why.no, "%s; cannot restore the domain: %s", why.text, own.text);
    }
    const char *end =
        *ret == FAILED_AT_SNAPSHOT ? "; the domain is at the snapshot, and shut off" : "";
    const char *ran = *ret == FAILED_AT_SNAPSHOT ? "; it ran before"
                      : *ret == FAILED_AS_BEFORE ? FAILED_STOPPED
                                                 : "";
    return err_fail(e, why.no, "%s%s%s", why.text, end, f->ran ? ran : "");
}
