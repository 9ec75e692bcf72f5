/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verb.c - rmdir, and the words of the `delete` file; see verbs.h. Locks: those of
 * change/operation.h, for the whole of a verb. */
#include "model/delete/verb.h"

#include <errno.h>
#include <string.h>

#include "model/change/flag_words.h"
#include "model/change/operation.h"
#include "model/delete/delete.h"
#include "model/delete/in_use.h"
#include "model/graph/survey.h"
#include "model/reader/modified.h"
#include "model/reader/open_images.h"
#include "model/reader/open_marks.h"

enum word {
    CHILDREN = 1 << 0,
    CHILDREN_ONLY = 1 << 1,
    MERGE = 1 << 2,
    METADATA = 1 << 3,
    FORCE = 1 << 4,
};

static const struct flag_word delete_words[] = {
    {"children", CHILDREN}, {"children-only", CHILDREN_ONLY},
    {"merge", MERGE},       {"metadata", METADATA},
    {"force", FORCE},
};

/* ---- one ---- */

/* `v` is as in struct delete_how. */
static int delete_one(struct operation *t, const struct snapshot *s, unsigned words,
                      struct survey *v, struct text *remark, struct err *e)
{
    struct open_mark *mark autodestroy(open_mark_drop) = NULL;
    struct delete_how how = {.metadata = words & METADATA,
                             .force = words & FORCE,
                             .claim = words & FORCE ? NULL : &mark,
                             .survey = v};
    int r = how.claim ? in_use_check(t->m, t->domain, s, NULL, e) : 0;
    if (r == 0)
        r = operation_confirm(t, e);
    if (r == 0)
        modified_note_merges(t->m, t->domain, s);
    if (r == 0)
        r = delete_snapshot(t->m, t->journal, t->domain, s, &how, remark, e);
    if (r == 0)
        open_images_gone(t->m, t->domain, s);
    return r;
}

/* ---- a snapshot with those below ---- */

static const struct snapshot *deepest(const struct snapshot *s)
{
    while (s->n_children)
        s = s->children[s->n_children - 1];
    return s;
}

static int fail_after(size_t done, struct err *e)
{
    struct err why = *e;
    return done ? err_fail(e, why.no, "%zu deleted, but then: %s", done, why.text) : -why.no;
}

/* Finds the deepest snapshot below `top`, or `top` itself. If `top` is gone, it fails with ESTALE.
 * If the domain did not have the deepest one when it was first read, it fails with EBUSY. */
static int find_next(const struct operation *t, const struct domain *first,
                     const struct snapshot *top, const struct snapshot **ret, struct err *e)
{
    const struct snapshot *now = domain_find_same(t->domain, top);
    if (!now)
        return err_fail(e, ESTALE, "snapshot '%s' was deleted or made again meanwhile", top->name);
    *ret = deepest(now);
    if (domain_find_same(first, *ret))
        return 0;
    return err_fail(e, EBUSY, "another program made snapshot '%s' below '%s' meanwhile",
                    (*ret)->name, top->name);
}

static int delete_next(struct operation *t, const struct snapshot *s, size_t done, unsigned words,
                       struct survey *v, struct text *remark, struct err *e)
{
    text_add(remark, "%s'%s': ", done ? "; " : "", s->name);
    int r = delete_one(t, s, words, v, remark, e);
    if (r < 0) {
        struct err why = *e;
        return err_fail(e, why.no, "'%s': %s", s->name, why.text);
    }
    return 0;
}

/* Deletes all below `top`, a snapshot of t->domain, and with CHILDREN also `top`. The domain is
 * read again after each delete; `first` keeps `top` alive until the last delete. The survey of all
 * domains after a delete also serves the next delete. */
static int delete_below(struct operation *t, const struct snapshot *top, unsigned words,
                        struct text *remark, struct err *e)
{
    struct domain *first autodestroy(domain_unref) = domain_ref(t->domain);
    autosurvey struct survey v = {0};
    struct delete_how how = {.metadata = words & METADATA, .force = words & FORCE, .survey = &v};
    bool itself = !(words & CHILDREN_ONLY), last = false;
    const struct snapshot *s = NULL;
    size_t done = 0;
    int r = words & FORCE ? 0 : in_use_check_below(t->m, t->domain, top, itself, e);
    if (r == 0)
        r = delete_check_below(t->m, t->domain, top, itself, &how, e);
    while (r == 0 && !last) {
        r = find_next(t, first, top, &s, e);
        last = r == 0 && !strcmp(s->name, top->name);
        if (last && !itself)
            break;
        if (r == 0)
            r = delete_next(t, s, done, words, &v, remark, e);
        if (r == 0 && ++done && !last)
            r = operation_read_again(t, e);
    }
    return r < 0 ? fail_after(done, e) : 0;
}

static int delete_as_told(struct operation *t, const struct snapshot *s, unsigned words,
                          struct text *remark, struct err *e)
{
    if (words & (CHILDREN | CHILDREN_ONLY))
        return delete_below(t, s, words, remark, e);
    if (s->n_children && !(words & (MERGE | METADATA)))
        return err_fail(
            e, ENOTEMPTY,
            "snapshot '%s' has %zu child snapshot%s, '%s' first; write 'merge', 'children' or "
            "'children-only' to its 'delete' file",
            s->name, s->n_children, s->n_children == 1 ? "" : "s", s->children[0]->name);
    return delete_one(t, s, words, NULL, remark, e);
}

static int delete_by(struct model *m, const char *uuid, uint64_t ident, unsigned words,
                     struct text *remark, struct err *e)
{
    autooperation struct operation t = {0};
    const struct snapshot *s = NULL;
    int r = operation_begin_on(&t, m, uuid, ident, &s, e);
    return r == 0 ? delete_as_told(&t, s, words, remark, e) : r;
}

int verb_delete(struct model *m, const char *uuid, uint64_t ident, struct text *remark,
                struct err *e)
{
    return delete_by(m, uuid, ident, 0, remark, e);
}

void verb_delete_words(struct text *out)
{
    flags_list(delete_words, sizeof(delete_words) / sizeof(*delete_words), " ", out);
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
        return err_fail(
            e, EINVAL,
            "delete takes at most one of children, children-only and merge; metadata and force go "
            "with each of these, or alone");
    return delete_by(m, uuid, ident, words, remark, e);
}
