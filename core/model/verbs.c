/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verbs.c - see verbs.h; creation is in create/create.c, deletion in delete/verb.c. Locks: those of
 * change/operation.h, for the whole of a verb.
 */
#include "model/verbs.h"

#include <errno.h>
#include <string.h>

#include "model/catalog/catalog.h"
#include "model/change/outcome.h"
#include "model/revert/copy.h"
#include "model/reader/evidence.h"
#include "model/change/flag_words.h"
#include "model/change/guard.h"
#include "model/revert/overlays.h"
#include "model/revert/native.h"
#include "model/change/operation.h"
#include "virt/xml.h"

/* ---- revert ---- */

static const struct flag_word revert_words[] = {
    {"running", VIRT_REVERT_RUNNING},
    {"paused", VIRT_REVERT_PAUSED},
    {"force", VIRT_REVERT_FORCE},
    {"reset-nvram", VIRT_REVERT_RESET_NVRAM},
};

static int parse_revert(const char *words, unsigned *ret, struct err *e)
{
    int r = flags_parse("revert", revert_words, sizeof(revert_words) / sizeof(*revert_words), words,
                        ret, e);
    if (r == 0 && (*ret & VIRT_REVERT_RUNNING) && (*ret & VIRT_REVERT_PAUSED))
        return err_fail(e, EINVAL, "'running' and 'paused' exclude each other");
    return r;
}

int verb_revert(struct model *m, const char *uuid, uint64_t ident, const char *words,
                struct text *remark, struct err *e)
{
    autoturn struct turn t = {0};
    struct leftovers left __attribute__((cleanup(leftovers_drop))) = {0};
    const struct snapshot *s = NULL;
    unsigned flags = 0;
    enum guard_way way = GUARD_NATIVE;
    int r = parse_revert(words, &flags, e);
    if (r == 0)
        r = turn_begin(&t, m, uuid, e);
    if (r == 0)
        r = turn_snapshot(&t, ident, &s, e);
    if (r == 0)
        r = guard_revert(m, t.domain, s, flags, &way, &left, e);
    if (r == 0)
        r = turn_confirm(&t, e);
    if (r < 0)
        return r;
    switch (way) {
    case GUARD_COPY:
        return copy_revert(m, t.journal, t.domain, s, flags, remark, e);
    case GUARD_OVERLAYS:
        return revert_external(m, t.journal, t.domain, s, flags, remark, e);
    default:
        return native_revert(&t, s, flags, &left, remark, e);
    }
}

/* ---- description ---- */

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

int verb_describe(struct model *m, const char *uuid, uint64_t ident, const char *description,
                  struct text *remark, struct err *e)
{
    autoturn struct turn t = {0};
    const struct snapshot *s = NULL;
    int r = turn_begin(&t, m, uuid, e);
    if (r == 0)
        r = turn_snapshot(&t, ident, &s, e);
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
    r = turn_confirm(&t, e);
    if (r < 0)
        return r;
    struct describing describing = {s, description};
    struct outcome o = {.before = t.domain,
                        .is_done = is_described,
                        .ctx = &describing,
                        .done = "the description is there"};
    r = virt_snapshot_create(m->virt, uuid, new, flags, NULL, e);
    r = r < 0 ? outcome_settle(m, &o, remark, e) : 0;
    if (r == 0)
        evidence_keep(m, t.domain, s); /* who writes that says that its bytes are right */
    return r;
}
