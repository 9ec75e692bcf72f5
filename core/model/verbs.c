/* verbs.c - see verbs.h; creation is in create.c, deletion in erase.c. Locks: those of turn.h, for
 * the whole of a verb.
 */
#include "model/verbs.h"

#include <errno.h>
#include <string.h>

#include "model/catalog.h"
#include "model/copy.h"
#include "model/flags.h"
#include "model/guard.h"
#include "model/revert.h"
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

/* What libvirt did of a revert that failed, or whose connection broke, is all that can be told. */
static int tell_outcome(const struct turn *t, struct err *e)
{
    struct domain *now autodestroy(domain_unref) = NULL;
    struct err why = *e, ignored;
    if (model_domain_now(t->m, t->domain->uuid, &now, &ignored) < 0)
        return -why.no;
    if (!err_is_unsure(&why) && now->active == t->domain->active)
        return -why.no;
    return err_fail(e, why.no, "%s; the domain is now '%s', its current snapshot '%s'", why.text,
                    now->state, now->current ? now->current->name : "");
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
    int r = virt_snapshot_revert(t->m->virt, t->domain->uuid, s->name, flags, e);
    if (r == 0)
        remove_left(t, left, remark);
    return r < 0 ? tell_outcome(t, e) : 0;
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
        r = guard_revert(m, t.domain, s, &way, &left, e);
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

static bool is_described(const struct turn *t, uint64_t ident, const char *description)
{
    struct domain *now autodestroy(domain_unref) = NULL;
    struct err ignored;
    if (model_domain_now(t->m, t->domain->uuid, &now, &ignored) < 0)
        return false;
    const struct snapshot *s = domain_find_ident(now, ident);
    const char *text = s ? snapshot_description(s) : NULL;
    return s && !strcmp(text ? text : "", description);
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
    if (r == 0)
        r = virt_snapshot_create(m->virt, uuid, new, flags, NULL, e);
    if (r < 0 && err_is_unsure(e) && is_described(&t, s->ident, description)) {
        text_add(remark, "the connection was lost meanwhile; the description is there");
        return 0;
    }
    return r;
}
