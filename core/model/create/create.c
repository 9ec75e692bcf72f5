/* SPDX-License-Identifier: GPL-3.0-or-later */
/* create.c - makes a snapshot, for all who ask. Locks: those of change/operation.h, for the whole.
 *
 * snapfs plans a wish (create/words.h) for the domain as it is (create/plan.h), settles its files
 * (create/new_files.h), and asks the guard. Then libvirt gets a document that names every file, so
 * that it has nothing to guess. A failure, or a crash, leaves no file that was not there before
 * (create/steps.c).
 */
#include "model/create/create.h"

#include <errno.h>
#include <string.h>

#include "base/name.h"
#include "model/catalog/catalog.h"
#include "model/change/guard.h"
#include "model/change/jobs.h"
#include "model/change/operation.h"
#include "model/change/outcome.h"
#include "model/create/check.h"
#include "model/create/input.h"
#include "model/create/new_files.h"
#include "model/create/new_snapshot.h"
#include "model/create/steps.h"
#include "model/metadata/redefine.h"
#include "model/state.h"
#include "virt/shared.h"

struct creation {
    struct operation operation;
    struct wish wish; /* its name is the real one */
    struct plan plan;
    struct new_files new_files;
    const char *base; /* the document that a user wrote, NULL for none */
    char *xml;        /* the document for libvirt */
};

static void creation_end(struct creation *c)
{
    operation_end(&c->operation);
    wish_drop(&c->wish);
    new_files_drop(&c->new_files);
    free(c->xml);
}

#define autocreation __attribute__((cleanup(creation_end)))

/* ---- checks before it is made ---- */

static int check_parent(const struct operation *t, uint64_t parent_ident, struct err *e)
{
    const struct snapshot *current = t->domain->current;
    if (parent_ident == (current ? current->ident : 0))
        return 0;
    if (parent_ident && !domain_find_ident(t->domain, parent_ident))
        return err_fail(e, ESTALE, "the parent snapshot was deleted or made again meanwhile");
    autotext struct text path = {0};
    snapshot_path(current, &path);
    const char *here = parent_ident ? "; to put it here, first revert to this snapshot, which "
                                      "discards the domain's current state"
                                    : "";
    return err_fail(
        e, EBUSY,
        "libvirt puts a new snapshot under the current one: it would go in '%s', not here; use "
        "'%s/current/', and try again if that has just moved%s",
        path.failed ? "?" : path.s, t->domain->coded, here);
}

static int check_new_name(const struct operation *t, const char *name, struct err *e)
{
    int r = name_check_new(name, e);
    if (r < 0)
        return r;
    if (domain_find_name(t->domain, name))
        return err_fail(e, EEXIST, "domain '%s' already has a snapshot '%s'", t->domain->name,
                        name);
    return 0;
}

/* Settles the files and asks the guard. Then c->wish has what libvirt will be told. An ordinary
 * user makes no snapshot whose files that user could not look at to delete it. */
static int settle(struct creation *c, struct err *e)
{
    struct model *m = c->operation.m;
    struct domain *d = c->operation.domain;
    bool files = c->plan.external || c->wish.request.memory == XML_EXTERNAL;
    struct survey v;
    struct err why;
    if (!virt_files_local(m->virt, &why)) {
        if (!files)
            return 0; /* snapfs cannot see the content of the disks; libvirt's own checks remain */
        return err_fail(e, EOPNOTSUPP, "cannot look at the files of an external snapshot: %s",
                        why.text);
    }
    bool reuse = c->wish.flags & VIRT_CREATE_REUSE_EXTERNAL, anothers = virt_is_anothers(m->virt);
    enum survey_scope scope = !files ? SURVEY_ALONE : reuse ? SURVEY_BESIDE : SURVEY_ALL;
    int r = files ? guard_overlays(m, e) : 0;
    if (r == 0)
        r = survey_make(m, d, anothers ? SURVEY_BESIDE : scope, &v, e);
    if (r < 0)
        return r;
    r = guard_create(m, &v, d, c->wish.request.name, &c->plan, e);
    if (r == 0)
        r = new_files_settle(&v, d, &c->wish, &c->new_files, e);
    survey_drop(&v);
    return r;
}

static int prepare(struct creation *c, struct err *e)
{
    struct xml_domain *live autodestroy(xml_domain_free) = NULL;
    int r = jobs_check_create(c->operation.m, c->operation.domain, e);
    if (r == 0)
        r = xml_domain_parse(c->operation.domain->xml, &live, e);
    if (r == 0)
        r = plan_make(live, c->operation.domain->active, &c->wish, &c->plan, e);
    if (r == 0)
        r = settle(c, e);
    return r < 0 ? r : xml_request_write(c->base, &c->wish.request, &c->xml, e);
}

/* ---- making it ---- */

/* Says what to do if QEMU does not save the memory of a guest that has been paused since its memory
 * was last saved or restored. */
static int explain_paused(const struct new_snapshot *ns, struct err *e)
{
    bool paused = ns->active && !ns->running;
    if (!paused || e->no != EIO ||
        (!strstr(e->text, "paused due to previous migration") &&
         !strstr(e->text, "is writable but does not support snapshots")))
        return -e->no;
    struct err why = *e;
    return err_fail(
        e, EBUSY,
        "cannot save the memory of '%s': the guest has been paused since its memory was "
        "last saved or restored; resume it with 'virsh resume', then try again: %s",
        ns->before->name, why.text);
}

/* Makes the snapshot. Adds to a failure what has changed in the domain nevertheless. */
static int run(struct creation *c, bool *unsupported, struct text *remark, struct err *e)
{
    struct outcome o = {.before = c->operation.domain};
    struct new_snapshot ns = {.p = {.kind = &new_snapshot_kind, .remark = remark},
                              .unsupported = unsupported};
    int r = new_snapshot_plan(&ns, &c->operation, &c->wish, &c->plan, &c->new_files, c->xml, e);
    operation_begins_change(&c->operation);
    if (r == 0)
        r = procedure_run(&ns.p, e);
    if (r < 0)
        r = explain_paused(&ns, e);
    if (r < 0 && ns.asked)
        r = outcome_settle(c->operation.m, &o, remark, e);
    procedure_drop(&ns.p);
    return r;
}

static int attempt(struct creation *c, bool *unsupported, struct text *remark, struct err *e)
{
    *unsupported = false;
    int r = prepare(c, e);
    return r == 0 ? run(c, unsupported, remark, e) : r;
}

/* Makes the snapshot of libvirt's default kind. If libvirt answers that this domain cannot have it,
 * makes an external disk-only one. */
static int make(struct creation *c, struct text *remark, struct err *e)
{
    bool is_default = wish_is_default(&c->wish), unsupported;
    int r = attempt(c, &unsupported, remark, e);
    if (r == 0 || !unsupported || !is_default)
        return r;
    text_add(remark, "an external disk-only one, because libvirt answered: %s", e->text);
    new_files_drop(&c->new_files);
    free(take(c->xml));
    c->wish.flags |= VIRT_CREATE_DISK_ONLY;
    return attempt(c, &unsupported, remark, e);
}

/* Reads the new snapshot's ident back. */
static int find_created(const struct operation *t, const char *name, uint64_t *ret_ident,
                        struct err *e)
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

/* Makes the snapshot of c->wish. `ret_ident` (NULL if it is not needed) gets the new one's. */
static int create(struct creation *c, uint64_t *ret_ident, struct text *remark, struct err *e)
{
    int r = make(c, remark, e);
    return r == 0 && ret_ident ? find_created(&c->operation, c->wish.request.name, ret_ident, e)
                               : r;
}

/* ---- the verbs ---- */

int verb_create(struct model *m, const char *uuid, uint64_t parent_ident, const char *coded,
                uint64_t *ret_ident, struct text *remark, struct err *e)
{
    autocreation struct creation c = {0};
    const char *words = m->options.create ? m->options.create : "";
    int r = words_parse_option(words, &c.wish, e);
    if (r == 0)
        r = name_decode_new(coded, &c.wish.request.name, e);
    if (r == 0)
        r = operation_begin(&c.operation, m, uuid, e);
    if (r == 0)
        r = check_new_name(&c.operation, c.wish.request.name, e);
    if (r == 0)
        r = check_parent(&c.operation, parent_ident, e);
    return r < 0 ? r : create(&c, ret_ident, remark, e);
}

static int decode_name(char **name, struct err *e)
{
    autofree char *coded = take(*name);
    return name_decode_new(coded, name, e);
}

static int by_words(struct creation *c, const char *words, struct err *e)
{
    int r = words_parse(words, &c->wish, e);
    return r < 0 ? r : decode_name(&c->wish.request.name, e);
}

/* Names the snapshot by the time, as libvirt does without a name. snapfs needs the name here,
 * because files are named after it. */
static int name_by_time(char **name, struct err *e)
{
    autotext struct text t = {0};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    text_add(&t, "%lld", (long long)now.tv_sec);
    *name = text_take(&t, NULL);
    return *name ? 0 : err_nomem(e);
}

static int by_document(struct creation *c, const char *text, struct err *e)
{
    autofree char *words = NULL;
    c->base = input_split(text, &words);
    int r = c->base ? words_parse_document(words, &c->wish, e) : err_nomem(e);
    if (r == 0)
        r = xml_request_parse(c->base, &c->wish.request, e);
    return r < 0 || c->wish.request.name ? r : name_by_time(&c->wish.request.name, e);
}

/* Checks the document. libvirt would answer that a disk must be internal, which does not help the
 * user. */
static int check_document(const struct creation *c, struct err *e)
{
    const struct xml_request *q = &c->wish.request;
    bool external = false;
    for (size_t i = 0; i < q->n_disks; i++)
        external |= q->disks[i].where == XML_EXTERNAL;
    if (!c->base || !c->operation.domain->active || !external || q->memory != XML_UNSAID ||
        (c->wish.flags & VIRT_CREATE_DISK_ONLY))
        return 0;
    return err_fail(e, EINVAL,
                    "cannot make '%s': its document has external disks and no <memory>, and the "
                    "domain runs; write the line 'document disk-only' before it, or give it a "
                    "<memory snapshot='external' file='PATH'/>",
                    q->name);
}

static int by_redefine(struct model *m, const char *uuid, const char *text, struct text *remark,
                       struct err *e)
{
    autofree char *words = NULL;
    const char *document = input_split(text, &words);
    return document ? redefine(m, uuid, words, document, remark, e) : err_nomem(e);
}

void verb_create_words(struct text *out)
{
    words_list(" ", out);
}

int verb_create_written(struct model *m, const char *uuid, const char *text, struct text *remark,
                        struct err *e)
{
    autocreation struct creation c = {0};
    enum input_kind kind = input_kind(text);
    if (kind == INPUT_REDEFINE)
        return by_redefine(m, uuid, text, remark, e);
    int r = kind == INPUT_DOCUMENT ? by_document(&c, text, e) : by_words(&c, text, e);
    if (r == 0)
        r = operation_begin(&c.operation, m, uuid, e);
    if (r == 0)
        r = check_new_name(&c.operation, c.wish.request.name, e);
    if (r == 0)
        r = check_document(&c, e);
    if (r == 0)
        r = create(&c, NULL, remark, e);
    if (r == 0)
        text_add(remark, "%s'%s' is made", remark->len ? "; " : "", c.wish.request.name);
    return r;
}
