/* verbs.c - see verbs.h; creation is in create.c, deletion in erase.c. Locks: those of turn.h, for
 * the whole of a verb.
 */
#include "model/verbs.h"

#include <errno.h>
#include <string.h>

#include "model/catalog.h"
#include "model/change/outcome.h"
#include "model/copy.h"
#include "model/evidence.h"
#include "model/flags.h"
#include "model/guard.h"
#include "model/revert.h"
#include "model/revert/failed.h"
#include "model/turn.h"
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

/* What the domain was on may be left to nobody now. */
static void remove_left(struct turn *t, const struct leftovers *left, struct text *remark)
{
    struct err e;
    int r = left->n ? turn_again(t, &e) : 0;
    if (r == 0)
        r = leftovers_remove(t->m, t->domain, left, remark, &e);
    if (r < 0)
        text_add(remark, "; the files that it had are left: %s", e.text);
}

static int revert_natively(struct turn *t, const struct snapshot *s, unsigned flags,
                           const struct leftovers *left, struct text *remark, struct err *e)
{
    struct failed failed __attribute__((cleanup(failed_drop))) = {0};
    enum failed_end end = FAILED_UNTOUCHED;
    int r = t->m->is_test ? 0 : failed_note(&failed, t->m, t->domain, s, e);
    if (r < 0)
        return r;
    r = virt_snapshot_revert(t->m->virt, t->domain->uuid, s->name, flags, e);
    if (r < 0 && !t->m->is_test && !err_is_open(e))
        r = failed_settle(&failed, &end, e);
    if (r == 0 || end == FAILED_AT_SNAPSHOT)
        remove_left(t, left, remark);
    /* Whether libvirt reverted the domain cannot be told from the domain: only what it is now. */
    return r < 0 && end == FAILED_UNTOUCHED
               ? outcome_settle(t->m, &(struct outcome){.before = t->domain}, remark, e)
               : r;
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
        return revert_natively(&t, s, flags, &left, remark, e);
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
