/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check.c - see revert/check.h. No locks of its own: called under the domain's operation.
 *
 * Each rule comes from a case in which libvirt's own call loses data or dies:
 *
 *   - A revert to an internal snapshot writes into its file. If anything else uses that file, the
 *     revert is made on a copy.
 *   - libvirt's revert to an external snapshot unlinks the files of the current one, unchecked. It
 *     stops the domain before it knows that it can make the overlays. It ends the daemon if no
 *     snapshot is current. So snapfs never asks for it.
 */
#include "model/revert/check.h"

#include <errno.h>
#include <string.h>

#include "model/catalog/document.h"
#include "model/change/guard.h"
#include "model/reader/open.h"
#include "model/reader/pulled.h"
#include "model/revert/chains.h"
#include "model/revert/startable.h"
#include "model/state.h"
#include "model/storage/volumes.h"
#include "virt/virt.h"
#include "virt/xml.h"

enum { NAMES_SHOWN_MAX = 8 /* names that one message lists */ };

struct harm {
    const struct graph *graph;
    const struct domain *domain;
    const struct snapshot *snapshot; /* not counted; nor are the domain's live disks */
    struct text names;
    size_t n;
};

static void harm_each(void *ctx, const struct graph_user *u, size_t i)
{
    struct harm *h = ctx;
    bool here = !strcmp(u->domain, h->domain->name);
    if (here && u->snapshot && !strcmp(u->snapshot, h->snapshot->name))
        return;
    if (here && !u->snapshot && !u->tag)
        return;
    if (h->n++ >= NAMES_SHOWN_MAX)
        return;
    text_add(&h->names, "%s", h->n > 1 ? ", " : "");
    graph_describe(h->graph, i, &h->names);
}

static void harm_drop(struct harm *h)
{
    text_drop(&h->names);
}

/* Fails with EBUSY and names those that would be harmed. */
static int refuse_harm(const struct harm *h, int file, struct err *e)
{
    return err_fail(e, EBUSY, "reverting would write to '%s', used by %s%s",
                    graph_file_path(h->graph, file),
                    h->names.failed ? "other snapshots" : h->names.s,
                    h->n > NAMES_SHOWN_MAX ? ", and more" : "");
}

struct sharers {
    struct harm harm;
    int file;
    bool written; /* a running domain writes to it, so an image without a domain is spoilt */
    bool sure;    /* some user uses the file; false: one may, as far as snapfs can tell */
};

static void share_each(void *ctx, const struct graph_user *u, size_t i)
{
    struct sharers *h = ctx;
    size_t before = h->harm.n;
    if (h->written && u->found)
        return;
    harm_each(&h->harm, u, i);
    h->sure |= h->harm.n > before && graph_depth(h->harm.graph, i, h->file) != SIZE_MAX;
}

/* Counts only users that still have their bytes. If a running domain writes to the file, an image
 * without a domain that may use the file has already lost its bytes. */
int guard_shares(const struct survey *v, const struct domain *d, const struct snapshot *s,
                 const struct snapshot_disk *disk, bool *ret, struct err *e)
{
    int own = survey_user(v, d, s, disk->target);
    if (own < 0)
        return err_fail(e, EBUSY, "disk '%s' of the snapshot is not a local file", disk->target);
    struct sharers h = {.file = guard_top_file(v, own)};
    h.written = d->active && survey_is_live(v, d, h.file);
    h.harm = (struct harm){.graph = v->graph, .domain = d, .snapshot = s};
    graph_users_of(v->graph, h.file, false, share_each, &h);
    *ret = h.sure;
    int r = guard_tag_name(v, h.file, s, e);
    if (r == 0 && h.harm.n && !h.sure && !h.written)
        r = refuse_harm(&h.harm, h.file, e);
    harm_drop(&h.harm);
    return r;
}

static int refusal(int no)
{
    return no == ENOENT || no == EOPNOTSUPP ? no : EBUSY;
}

static int revert_disks(struct model *m, const struct survey *v, struct domain *d,
                        const struct snapshot *s, enum guard_way *ret_way, struct err *e)
{
    for (size_t i = 0; i < s->n_disks; i++) {
        if (s->disks[i].no)
            return err_fail(e, refusal(s->disks[i].no), "%s", s->disks[i].reason);
        int r = images_check_content(d, s, &s->disks[i], e);
        if (r < 0)
            return r;
    }
    *ret_way = guard_is_external(s) ? GUARD_OVERLAYS : GUARD_NATIVE;
    for (size_t i = 0; i < s->n_disks; i++)
        if (pulled_check_revert(m, d, s, &s->disks[i], e) < 0)
            return -e->no;
    for (size_t i = 0; *ret_way != GUARD_OVERLAYS && i < s->n_disks; i++) {
        bool shared = false;
        int r = guard_shares(v, d, s, &s->disks[i], &shared, e);
        if (r < 0)
            return r;
        if (shared)
            *ret_way = GUARD_COPY;
    }
    return 0;
}

/* Checks every disk that the domain had at the snapshot, even a CD in a drive. libvirt starts no
 * domain without its volumes. */
static int check_volumes(const struct domain *d, const struct snapshot *s, struct err *e)
{
    const struct xml_domain *x = s->parsed->domain;
    int r = 0;
    for (size_t i = 0; r == 0 && x && i < x->n_disks; i++)
        r = volumes_check(d->volumes, &x->disks[i], e);
    return r;
}

/* Checks that the domain can start after libvirt's own revert. snapfs's procedures check the domain
 * that they define. */
static int check_start(const struct domain *d, const struct snapshot *s, unsigned flags,
                       struct err *e)
{
    bool runs = s->parsed->memory != XML_NO || (flags & (VIRT_REVERT_RUNNING | VIRT_REVERT_PAUSED));
    if (!d->active && !runs)
        return 0;
    return startable_check(d, s->doc->xml, "domainsnapshot", flags & VIRT_REVERT_RESET_NVRAM, NULL,
                           e);
}

void revert_findings_drop(struct revert_findings *f)
{
    survey_drop(&f->survey);
    reclaim_drop(&f->left);
}

int guard_revert(struct model *m, struct domain *d, const struct snapshot *s, unsigned flags,
                 struct revert_findings *ret, struct err *e)
{
    *ret = (struct revert_findings){.way = GUARD_NATIVE};
    if (m->is_test)
        return 0;
    int r = guard_readable(d, e);
    if (r == 0)
        r = guard_monitor(d, s, e);
    if (r == 0)
        r = guard_saved(m, d, "on the reverted disks", e);
    if (r == 0)
        r = check_volumes(d, s, e);
    if (r == 0)
        r = survey_make(m, d, SURVEY_BESIDE, &ret->survey, e);
    if (r == 0)
        r = revert_disks(m, &ret->survey, d, s, &ret->way, e);
    if (r == 0 && ret->way != GUARD_OVERLAYS)
        r = revert_chains_check(d, s, e);
    if (r == 0 && ret->way != GUARD_OVERLAYS)
        r = check_start(d, s, flags, e);
    if (r == 0)
        r = reclaim_note_live(&ret->left, &ret->survey, d, e);
    return r == 0 ? reclaim_check(m, &ret->left, e) : r;
}
