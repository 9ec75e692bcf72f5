/* verbs.c - see verbs.h. Locks: entry->operation for the whole of a verb (catalog.h has the order).
 */
#include "model/verbs.h"

#include <errno.h>
#include <string.h>

#include "base/name.h"
#include "model/catalog.h"
#include "model/guard.h"
#include "virt/xml.h"

/* One verb at work: the domain's turn, and the domain as it was read after the turn came. */
struct turn {
    struct model *m;
    struct entry *entry;
    struct domain *domain;
};

static void turn_end(struct turn *t)
{
    if (!t->entry)
        return;
    domain_unref(t->domain);
    model_changed(t->m, t->entry);
    pthread_mutex_unlock(&t->entry->operation);
    model_entry_done(t->m, t->entry);
}

#define autoturn __attribute__((cleanup(turn_end)))

static int turn_begin(struct turn *t, struct model *m, const char *uuid, struct err *e)
{
    if (m->options.readonly)
        return err_fail(e, EROFS, "the mount is read-only");
    t->m = m;
    t->entry = model_entry(m, uuid);
    if (!t->entry)
        return err_nomem(e);
    pthread_mutex_lock(&t->entry->operation);
    return model_domain_now(m, uuid, &t->domain, e);
}

static int turn_snapshot(const struct turn *t, uint64_t ident, const struct snapshot **ret,
                         struct err *e)
{
    *ret = domain_find_ident(t->domain, ident);
    if (*ret)
        return 0;
    return err_fail(e, ESTALE, "the snapshot was deleted or made again meanwhile");
}

static bool same_snapshots(const struct domain *a, const struct domain *b)
{
    bool same = a->n == b->n && a->n_unreadable == b->n_unreadable;
    for (size_t i = 0; same && i < a->n; i++) {
        const struct snapshot *x = a->by_ident[i], *y = b->by_ident[i];
        same = x->ident == y->ident &&
               (x->parent ? x->parent->ident : 0) == (y->parent ? y->parent->ident : 0);
    }
    return same && (a->current ? a->current->ident : 0) == (b->current ? b->current->ident : 0);
}

static int same_disks(const struct domain *a, const struct domain *b, bool *ret, struct err *e)
{
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    struct xml_domain *y autodestroy(xml_domain_free) = NULL;
    int r = xml_domain_parse(a->xml, &x, e);
    if (r == 0)
        r = xml_domain_parse(b->xml, &y, e);
    if (r < 0)
        return r;
    *ret = x->n_disks == y->n_disks;
    for (size_t i = 0; *ret && i < x->n_disks; i++) {
        const struct xml_disk *p = &x->disks[i], *q = &y->disks[i];
        const char *was = p->source.path ? p->source.path : "";
        *ret = !strcmp(p->target, q->target) && !strcmp(was, q->source.path ? q->source.path : "");
    }
    return 0;
}

/* The last step before the change: is the domain still what the guard was asked about? The guard
 * reads every domain, which takes its time, and libvirt names snapshots by their names alone. */
static int turn_confirm(const struct turn *t, struct err *e)
{
    struct domain *now autodestroy(domain_unref) = NULL;
    bool same = false;
    int r = model_domain_now(t->m, t->domain->uuid, &now, e);
    if (r == 0)
        r = same_disks(t->domain, now, &same, e);
    if (r < 0)
        return r;
    if (same && same_snapshots(t->domain, now) && now->active == t->domain->active)
        return 0;
    return err_fail(e, EBUSY, "someone else changed the domain meanwhile; nothing was done");
}

/* After a change failed: was it the connection, so that the change may have been made all the same?
 */
static bool is_unsure(const struct err *e)
{
    return e->no == ENOTCONN || e->no == ETIMEDOUT;
}

/* ---- mkdir ---- */

static int check_parent(const struct turn *t, uint64_t parent_ident, struct err *e)
{
    const struct snapshot *current = t->domain->current;
    if (parent_ident == (current ? current->ident : 0))
        return 0;
    if (parent_ident && !domain_find_ident(t->domain, parent_ident))
        return err_fail(e, ESTALE, "the parent snapshot was deleted or made again meanwhile");
    autotext struct text path = {0};
    snapshot_path(current, &path);
    return err_fail(
        e, EBUSY,
        "libvirt puts a new snapshot under the current one: it would go in '%s', not here "
        "(revert here first, or use '%s/current/')",
        path.failed ? "?" : path.s, t->domain->coded);
}

static int check_new_name(const struct turn *t, const char *name, struct err *e)
{
    int r = name_check_new(name, e);
    if (r < 0)
        return r;
    if (domain_find_name(t->domain, name))
        return err_fail(e, EEXIST, "domain '%s' already has a snapshot '%s'", t->domain->name,
                        name);
    return 0;
}

/* libvirt's default kind; where it answers that this domain cannot have that, external disk-only.
 */
static int create_call(const struct turn *t, const char *name, struct text *remark, struct err *e)
{
    autofree char *xml = xml_snapshot_new(name);
    if (!xml)
        return err_nomem(e);
    bool unsupported = false;
    int r = virt_snapshot_create(t->m->virt, t->domain->uuid, xml, 0, &unsupported, e);
    if (r == 0 || !unsupported)
        return r;
    text_add(remark, "an external disk-only one, since libvirt answered: %s", e->text);
    r = guard_create_external(t->m, t->domain, e);
    if (r < 0)
        return r;
    return virt_snapshot_create(t->m->virt, t->domain->uuid, xml,
                                VIRT_CREATE_DISK_ONLY | VIRT_CREATE_ATOMIC, &unsupported, e);
}

/* The new snapshot's ident, read back; also tells whether a call that lost its connection was done.
 */
static int find_created(const struct turn *t, const char *name, uint64_t *ret_ident, struct err *e)
{
    struct domain *after autodestroy(domain_unref) = NULL;
    int r = model_domain_now(t->m, t->domain->uuid, &after, e);
    if (r < 0)
        return r;
    const struct snapshot *s = domain_find_name(after, name);
    if (!s)
        return err_fail(e, ENOENT, "the new snapshot '%s' is gone already", name);
    *ret_ident = s->ident;
    return 0;
}

int verb_create(struct model *m, const char *uuid, uint64_t parent_ident, const char *coded,
                uint64_t *ret_ident, struct text *remark, struct err *e)
{
    autoturn struct turn t = {0};
    autofree char *name = NULL;
    int r = name_decode(coded, &name, e);
    if (r == 0)
        r = turn_begin(&t, m, uuid, e);
    if (r == 0)
        r = check_new_name(&t, name, e);
    if (r == 0)
        r = check_parent(&t, parent_ident, e);
    if (r == 0)
        r = guard_create(m, t.domain, name, e);
    if (r == 0)
        r = turn_confirm(&t, e);
    if (r < 0)
        return r;
    r = create_call(&t, name, remark, e);
    if (r == 0)
        return find_created(&t, name, ret_ident, e);
    struct err again;
    if (is_unsure(e) && find_created(&t, name, ret_ident, &again) == 0) {
        text_add(remark, "the connection was lost meanwhile; the snapshot is there");
        return 0;
    }
    return r;
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
        r = virt_snapshot_delete(m->virt, uuid, s->name, e);
    if (r < 0 && is_unsure(e) && is_gone(&t, s->name)) {
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
    (void)remark;
    int r = parse_revert(words, &flags, e);
    if (r == 0)
        r = turn_begin(&t, m, uuid, e);
    if (r == 0)
        r = turn_snapshot(&t, ident, &s, e);
    if (r == 0)
        r = guard_revert(m, t.domain, s, e);
    if (r == 0)
        r = turn_confirm(&t, e);
    if (r < 0)
        return r;
    r = virt_snapshot_revert(m->virt, uuid, s->name, flags, e);
    return r < 0 && is_unsure(e) ? tell_outcome(&t, e) : r;
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
    if (r < 0 && is_unsure(e) && is_described(&t, s->ident, description)) {
        text_add(remark, "the connection was lost meanwhile; the description is there");
        return 0;
    }
    return r;
}
