/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keep.c - see journal/keep.h. Lock: keeper->lock guards what is below it, and is a leaf; no file
 * is touched under it.
 *
 * A domain may be gone for a moment, as while a tool undefines it and defines it anew. So its file
 * outlives it for a while. If libvirt cannot list its domains, keep_prune is not called, and
 * nothing is removed.
 */
#include "model/journal/keep.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/text.h"
#include "base/uuid.h"
#include "model/state.h"

enum { GONE_MAX = 256 /* gone domains that snapfs watches at a time; others come later */ };

struct keeper {
    pthread_mutex_t lock;
    bool failed; /* a failure was logged */
    size_t n;
    struct gone {
        char uuid[UUID_LEN + 1];
        uint64_t since; /* clock_ns */
    } gone[GONE_MAX];
};

struct keeper *keeper_new(void)
{
    struct keeper *k = calloc(1, sizeof(*k));
    if (k)
        pthread_mutex_init(&k->lock, NULL);
    return k;
}

void keeper_free(struct keeper *k)
{
    if (k)
        pthread_mutex_destroy(&k->lock);
    free(k);
}

/* ---- changing ---- */

static void tell_once(struct model *m, const struct err *e)
{
    autotext struct text line = {0};
    pthread_mutex_lock(&m->keeper->lock);
    bool told = m->keeper->failed;
    m->keeper->failed = true;
    pthread_mutex_unlock(&m->keeper->lock);
    text_add(&line,
             "cannot keep what is known of domains: %s; files may be refused or read again in full",
             e->text);
    if (!told && !line.failed && m->options.say)
        m->options.say(true, line.s);
}

struct change {
    kept_edit_fn *edit;
    void *ctx;
    const char *uri;
};

static int edit_with_uri(void *ctx, struct kept *k)
{
    const struct change *c = ctx;
    int r = c->edit(c->ctx, k);
    if (r == 0 && kept_is_changed(k))
        kept_set(k, "uri", "", c->uri);
    return r;
}

int keep_surely(struct model *m, const char *uuid, kept_edit_fn *edit, void *ctx, struct err *e)
{
    struct change c = {edit, ctx, virt_uri(m->virt)};
    bool keeps = !m->options.readonly && !m->is_test;
    return keeps ? kept_change(m->virt, uuid, edit_with_uri, &c, e) : 0;
}

void keep(struct model *m, const char *uuid, kept_edit_fn *edit, void *ctx)
{
    struct err e = {0};
    if (keep_surely(m, uuid, edit, ctx, &e) < 0)
        tell_once(m, &e);
}

/* ---- removing ---- */

struct pruning {
    struct model *m;
    const struct virt_domain *all;
    size_t n;
    uint64_t now;
    struct gone still[GONE_MAX]; /* not gone for long, so their files stay */
    size_t n_still;
};

static bool is_listed(const struct pruning *p, const char *uuid)
{
    for (size_t i = 0; i < p->n; i++)
        if (!strcmp(p->all[i].uuid, uuid))
            return true;
    return false;
}

static bool is_uri(void *ctx, uid_t by, const char *value)
{
    (void)by;
    return !strcmp(value, *(const char *const *)ctx);
}

static bool is_of_uri(const struct model *m, const char *uuid)
{
    struct kept *k autodestroy(kept_unref) = NULL;
    struct err ignored;
    const char *uri = virt_uri(m->virt);
    return kept_read(m->virt, uuid, NULL, &k, &ignored) == 0 &&
           kept_find(k, "uri", "", NULL, is_uri, &uri);
}

/* Returns the time since when snapfs has known that the domain is gone. */
static uint64_t gone_since(struct keeper *k, const char *uuid, uint64_t now)
{
    autolock(&k->lock);
    for (size_t i = 0; i < k->n; i++)
        if (!strcmp(k->gone[i].uuid, uuid))
            now = k->gone[i].since;
    return now;
}

static void prune_one(void *ctx, const char *uuid)
{
    struct pruning *p = ctx;
    if (is_listed(p, uuid) || !is_of_uri(p->m, uuid) || p->n_still == GONE_MAX)
        return;
    struct gone *g = &p->still[p->n_still];
    memcpy(g->uuid, uuid, sizeof(g->uuid));
    g->since = gone_since(p->m->keeper, uuid, p->now);
    if (p->now - g->since >= KEEP_GONE_MS * CLOCK_MS)
        kept_remove(p->m->virt, uuid);
    else
        p->n_still++;
}

void keep_prune(struct model *m, const struct virt_domain *all, size_t n)
{
    autofree struct pruning *p = calloc(1, sizeof(*p));
    if (!p || m->options.readonly || m->is_test)
        return;
    *p = (struct pruning){.m = m, .all = all, .n = n, .now = clock_ns()};
    kept_list(m->virt, prune_one, p);
    autolock(&m->keeper->lock);
    memcpy(m->keeper->gone, p->still, sizeof(p->still));
    m->keeper->n = p->n_still;
}

/* ---- helpers for other changes of records ---- */

int kept_put_record(void *ctx, struct kept *k)
{
    const struct kept_record *r = ctx;
    kept_set(k, r->kind, r->key, r->value);
    return 0;
}

struct kept *keep_read(const struct model *m, const char *uuid)
{
    struct kept *k = NULL;
    struct err ignored;
    (void)kept_read(m->virt, uuid, NULL, &k, &ignored);
    return k;
}
