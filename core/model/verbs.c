/* verbs.c - see verbs.h; creation is in create.c. Locks: those of turn.h, for the whole of a verb.
 */
#include "model/verbs.h"

#include <errno.h>
#include <string.h>

#include "model/catalog.h"
#include "model/guard.h"
#include "model/revert.h"
#include "model/turn.h"
#include "virt/xml.h"

static int turn_snapshot(const struct turn *t, uint64_t ident, const struct snapshot **ret,
                         struct err *e)
{
    *ret = domain_find_ident(t->domain, ident);
    if (*ret)
        return 0;
    return err_fail(e, ESTALE, "the snapshot was deleted or made again meanwhile");
}

/* ---- rmdir ---- */

static bool is_gone(const struct turn *t, const char *name)
{
    struct domain *after autodestroy(domain_unref) = NULL;
    struct err ignored;
    return model_domain_now(t->m, t->domain->uuid, &after, &ignored) == 0 &&
           !domain_find_name(after, name);
}

int verb_delete(struct model *m, const char *uuid, uint64_t ident, struct text *remark,
                struct err *e)
{
    autoturn struct turn t = {0};
    const struct snapshot *s = NULL;
    int r = turn_begin(&t, m, uuid, e);
    if (r == 0)
        r = turn_snapshot(&t, ident, &s, e);
    if (r < 0)
        return r;
    if (s->n_children)
        return err_fail(e, ENOTEMPTY, "snapshot '%s' has %zu child snapshot%s, '%s' first", s->name,
                        s->n_children, s->n_children == 1 ? "" : "s", s->children[0]->name);
    r = guard_delete(m, t.domain, s, e);
    if (r == 0)
        r = turn_confirm(&t, e);
    if (r == 0)
        r = virt_snapshot_delete(m->virt, uuid, s->name, false, e);
    if (r < 0 && turn_is_unsure(e) && is_gone(&t, s->name)) {
        text_add(remark, "the connection was lost meanwhile; the snapshot is gone");
        return 0;
    }
    return r;
}

/* ---- revert ---- */

static const struct {
    const char *word;
    unsigned flag;
} revert_words[] = {
    {"running", VIRT_REVERT_RUNNING},
    {"paused", VIRT_REVERT_PAUSED},
    {"force", VIRT_REVERT_FORCE},
    {"reset-nvram", VIRT_REVERT_RESET_NVRAM},
};

static unsigned revert_flag(const char *word, size_t len)
{
    for (size_t i = 0; i < sizeof(revert_words) / sizeof(*revert_words); i++)
        if (strlen(revert_words[i].word) == len && !strncmp(revert_words[i].word, word, len))
            return revert_words[i].flag;
    return 0;
}

static int parse_revert(const char *words, unsigned *ret, struct err *e)
{
    static const char blanks[] = " \t\r\n";
    unsigned flags = 0;
    for (const char *p = words + strspn(words, blanks); *p; p += strspn(p, blanks)) {
        size_t len = strcspn(p, blanks);
        unsigned flag = revert_flag(p, len);
        if (!flag)
            return err_fail(e, EINVAL,
                            "unknown word '%.*s': revert takes running, paused, force, reset-nvram",
                            (int)(len < 64 ? len : 64), p);
        flags |= flag;
        p += len;
    }
    if ((flags & VIRT_REVERT_RUNNING) && (flags & VIRT_REVERT_PAUSED))
        return err_fail(e, EINVAL, "'running' and 'paused' exclude each other");
    *ret = flags;
    return 0;
}

/* A revert whose connection broke: what is so now is all that can be told. */
static int tell_outcome(const struct turn *t, struct err *e)
{
    struct domain *now autodestroy(domain_unref) = NULL;
    struct err why = *e, ignored;
    if (model_domain_now(t->m, t->domain->uuid, &now, &ignored) < 0)
        return -why.no;
    return err_fail(e, why.no, "%s; the domain is now '%s', its current snapshot '%s'", why.text,
                    now->state, now->current ? now->current->name : "");
}

int verb_revert(struct model *m, const char *uuid, uint64_t ident, const char *words,
                struct text *remark, struct err *e)
{
    autoturn struct turn t = {0};
    const struct snapshot *s = NULL;
    unsigned flags = 0;
    bool native = true;
    int r = parse_revert(words, &flags, e);
    if (r == 0)
        r = turn_begin(&t, m, uuid, e);
    if (r == 0)
        r = turn_snapshot(&t, ident, &s, e);
    if (r == 0)
        r = guard_revert(m, t.domain, s, &native, e);
    if (r == 0)
        r = turn_confirm(&t, e);
    if (r < 0)
        return r;
    if (!native)
        return revert_external(m, t.journal, t.domain, s, flags, remark, e);
    r = virt_snapshot_revert(m->virt, uuid, s->name, flags, e);
    if (r < 0 && turn_is_unsure(e))
        return tell_outcome(&t, e);
    if (r != -EOPNOTSUPP || !guard_is_external(s))
        return r;
    /* As of a second revert within a second, whose files would have the names of the first. */
    text_add(remark, "libvirt answered: %s; ", e->text);
    return revert_external(m, t.journal, t.domain, s, flags, remark, e);
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
    if (r < 0 && turn_is_unsure(e) && is_described(&t, s->ident, description)) {
        text_add(remark, "the connection was lost meanwhile; the description is there");
        return 0;
    }
    return r;
}
