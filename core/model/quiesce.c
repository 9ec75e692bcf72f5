/* quiesce.c - see quiesce.h. Locks: the turn's.
 *
 * The journal has two lines (record.h) from before the freeze until after the thaw:
 *
 *     freeze 1     the version of all this
 *     uri URI      what libvirt it was begun through
 */
#include "model/quiesce.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/catalog.h"
#include "model/record.h"
#include "model/recover.h"

/* What a guest's agent has to freeze all file systems, or thaw them. */
enum { FREEZE_SECONDS = 30 };

static int note(const struct turn *t, struct err *e)
{
    autotext struct text lines = {0};
    if (!t->journal)
        return 0;
    text_add(&lines, "freeze 1\n");
    record_field(&lines, "uri", virt_uri(t->m->virt));
    return record_add(t->journal, &lines, e);
}

/* What fails here is done again by the next operation, and then there is nothing to thaw. */
static void forget(const struct turn *t)
{
    struct err ignored;
    if (t->journal)
        journal_end(t->journal, &ignored);
}

int quiesce_begin(struct turn *t, struct err *e)
{
    progress_before("freezing the guest's file systems", false);
    int r = note(t, e);
    if (r == 0)
        r = virt_freeze(t->m->virt, t->domain->uuid, FREEZE_SECONDS, e);
    if (r < 0 && !err_is_unsure(e))
        forget(t);
    return r;
}

void quiesce_end(struct turn *t, struct text *remark)
{
    struct err why;
    int r = virt_thaw(t->m->virt, t->domain->uuid, FREEZE_SECONDS, &why);
    if (r < 0)
        text_add(remark, "the guest's file systems may still be frozen: %s", why.text);
    if (r == 0 || !err_is_unsure(&why))
        forget(t);
}

/* ---- recovery ---- */

static bool read_line(void *ctx, const struct record_line *l)
{
    char **uri = ctx;
    if (!strcmp(l->fields[0], "freeze"))
        return l->n == 2 && !strcmp(l->fields[1], "1");
    return !strcmp(l->fields[0], "uri") && record_keep(uri, l);
}

/* Is it libvirt that does not answer, rather than the agent? */
static bool is_libvirt_away(struct model *m, const char *uuid, const struct err *why)
{
    struct virt_status status;
    struct err ignored;
    return why->no == EHOSTDOWN || err_is_want(why->no) ||
           (why->no == ETIMEDOUT &&
            virt_domain_status(m->virt, uuid, false, &status, &ignored) < 0);
}

static int thaw(struct model *m, const char *uuid, struct text *remark, struct err *e)
{
    struct virt_status status;
    int r = virt_domain_status(m->virt, uuid, false, &status, e);
    if (r < 0 || !status.active)
        return r == -ENOENT ? 0 : r;
    r = virt_thaw(m->virt, uuid, FREEZE_SECONDS, e);
    if (r < 0 && is_libvirt_away(m, uuid, e))
        return r;
    text_add(remark, "a snapshot was cut off with the guest's file systems frozen; they %s%s",
             r < 0 ? "may still be: " : "are thawed", r < 0 ? e->text : "");
    return 0;
}

int quiesce_recover(struct model *m, struct journal *j, const char *uuid, struct text *remark,
                    struct err *e)
{
    autofree char *uri = NULL;
    int r = record_read(journal_text(j), read_line, &uri, e);
    if (r == 0 && uri)
        r = recover_check_uri(m, uri, e);
    if (r == 0)
        r = thaw(m, uuid, remark, e);
    return r == 0 ? journal_end(j, e) : r;
}
