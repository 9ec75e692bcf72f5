/* erase.c - rmdir, and the words of the `delete` file; see verbs.h. Locks: those of turn.h, for the
 * whole of a verb. */
#include <errno.h>
#include <string.h>

#include "model/delete.h"
#include "model/flags.h"
#include "model/turn.h"
#include "model/verbs.h"

enum word {
    CHILDREN = 1 << 0,
    CHILDREN_ONLY = 1 << 1,
    MERGE = 1 << 2,
    METADATA = 1 << 3,
};

static const struct flag_word delete_words[] = {
    {"children", CHILDREN},
    {"children-only", CHILDREN_ONLY},
    {"merge", MERGE},
    {"metadata", METADATA},
};

/* ---- one ---- */

static bool is_gone(const struct turn *t, const char *name)
{
    struct domain *after autodestroy(domain_unref) = NULL;
    struct err ignored;
    return model_domain_now(t->m, t->domain->uuid, &after, &ignored) == 0 &&
           !domain_find_name(after, name);
}

static int delete_one(struct turn *t, const struct snapshot *s, bool metadata, struct text *remark,
                      struct err *e)
{
    int r = turn_confirm(t, e);
    if (r == 0)
        r = delete_snapshot(t->m, t->journal, t->domain, s, metadata, remark, e);
    if (r < 0 && turn_is_unsure(e) && is_gone(t, s->name)) {
        text_add(remark, "; the connection was lost meanwhile; the snapshot is gone");
        return 0;
    }
    return r;
}

/* ---- with others ---- */

static const struct snapshot *deepest(const struct snapshot *s)
{
    while (s->n_children)
        s = s->children[s->n_children - 1];
    return s;
}

static int fail_after(size_t done, const char *name, struct err *e)
{
    struct err why = *e;
    return done ? err_fail(e, why.no, "%zu deleted, but not '%s': %s", done, name, why.text)
                : -why.no;
}

/* The deepest first, `name` itself last. */
static int delete_below(struct turn *t, const char *name, unsigned words, struct text *remark,
                        struct err *e)
{
    const struct snapshot *top, *s;
    size_t done = 0;
    top = domain_find_name(t->domain, name);
    int r = top ? delete_check_below(t->m, t->domain, top, !(words & CHILDREN_ONLY),
                                     words & METADATA, e)
                : 0;
    while (r == 0 && (top = domain_find_name(t->domain, name))) {
        s = deepest(top);
        if (s == top && (words & CHILDREN_ONLY))
            break;
        text_add(remark, "%s'%s': ", done ? "; " : "", s->name);
        r = delete_one(t, s, words & METADATA, remark, e);
        if (r < 0)
            return fail_after(done, s->name, e);
        done++;
        r = turn_again(t, e);
    }
    return r;
}

static int delete_as_told(struct turn *t, const struct snapshot *s, unsigned words,
                          struct text *remark, struct err *e)
{
    if (words & (CHILDREN | CHILDREN_ONLY))
        return delete_below(t, s->name, words, remark, e);
    if (s->n_children && !(words & (MERGE | METADATA)))
        return err_fail(e, ENOTEMPTY,
                        "snapshot '%s' has %zu child snapshot%s, '%s' first; 'merge', 'children' "
                        "or 'children-only' written to its 'delete' file does it",
                        s->name, s->n_children, s->n_children == 1 ? "" : "s",
                        s->children[0]->name);
    return delete_one(t, s, words & METADATA, remark, e);
}

static int delete_by(struct model *m, const char *uuid, uint64_t ident, unsigned words,
                     struct text *remark, struct err *e)
{
    autoturn struct turn t = {0};
    const struct snapshot *s = NULL;
    int r = turn_begin(&t, m, uuid, e);
    if (r == 0)
        r = turn_snapshot(&t, ident, &s, e);
    return r == 0 ? delete_as_told(&t, s, words, remark, e) : r;
}

int verb_delete(struct model *m, const char *uuid, uint64_t ident, struct text *remark,
                struct err *e)
{
    return delete_by(m, uuid, ident, 0, remark, e);
}

int verb_delete_written(struct model *m, const char *uuid, uint64_t ident, const char *text,
                        struct text *remark, struct err *e)
{
    unsigned words = 0;
    int r = flags_parse("delete", delete_words, sizeof(delete_words) / sizeof(*delete_words), text,
                        &words, e);
    if (r < 0)
        return r;
    unsigned which = words & (CHILDREN | CHILDREN_ONLY | MERGE);
    if (!words || (which & (which - 1)))
        return err_fail(e, EINVAL,
                        "delete takes one of children, children-only and merge, or metadata, which "
                        "may go with them");
    return delete_by(m, uuid, ident, words, remark, e);
}
