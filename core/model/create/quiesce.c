/* SPDX-License-Identifier: GPL-3.0-or-later */
/* quiesce.c - see create/quiesce.h. No locks of its own: called under the domain's operation. */
#include "model/create/quiesce.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "model/activity/progress.h"
#include "model/journal/procedure.h"
#include "model/state.h"

/* The time that a guest's agent has to freeze all file systems, or thaw them. */
enum { FREEZE_SECONDS = 30 };

/* The time that libvirt has to find the agent, and the time between two looks. A libvirt that has
 * just started answers before it is connected to the agents of the guests that run. */
enum { AGENT_SECONDS = 10, AGENT_LOOK_MS = 100 };

int quiesce_freeze(struct model *m, const char *uuid, struct err *e)
{
    progress_before("freezing the guest's file systems", false);
    return virt_freeze(m->virt, uuid, FREEZE_SECONDS, e);
}

static int thaw(struct model *m, const char *uuid, struct err *e)
{
    uint64_t until = clock_ns() + AGENT_SECONDS * CLOCK_SECOND;
    struct timespec look = {.tv_nsec = AGENT_LOOK_MS * (long)CLOCK_MS};
    int r = virt_thaw(m->virt, uuid, FREEZE_SECONDS, e);
    while (r == -ETIMEDOUT && clock_ns() < until) {
        nanosleep(&look, NULL);
        r = virt_thaw(m->virt, uuid, FREEZE_SECONDS, e);
    }
    return r;
}

int quiesce_thaw(struct model *m, const char *uuid, bool late, struct text *remark, struct err *e)
{
    struct virt_status status = {.active = true};
    struct err why;
    int r = thaw(m, uuid, &why);
    int asked = r < 0 ? virt_domain_status(m->virt, uuid, false, &status, e) : 0;
    if (asked == -ENOENT || (asked == 0 && !status.active))
        return 0;
    if (asked < 0)
        return asked;
    if (r < 0 && (why.no == EHOSTDOWN || err_is_resource(why.no)))
        return err_fail(e, why.no, "%s", why.text);
    if (late)
        text_add(remark, "%sa snapshot was cut off with the guest's file systems frozen; they %s%s",
                 remark->len ? "; " : "", r < 0 ? "may still be: " : "are thawed",
                 r < 0 ? why.text : "");
    else if (r < 0)
        text_add(remark, "%sthe guest's file systems may still be frozen: %s",
                 remark->len ? "; " : "", why.text);
    return 0;
}

/* ---- recovery ---- */

static bool read_line(void *ctx, const struct record_line *l)
{
    char **uri = ctx;
    if (!strcmp(l->fields[0], "freeze"))
        return l->n == 2 && !strcmp(l->fields[1], "1");
    return !strcmp(l->fields[0], "uri") && record_keep(uri, l);
}

int quiesce_recover(struct model *m, struct journal *j, const char *uuid, struct text *remark,
                    struct err *e)
{
    autofree char *uri = NULL;
    int r = record_read(journal_text(j), read_line, &uri, e);
    if (r == 0 && uri)
        r = procedure_check_uri(virt_uri(m->virt), uri, e);
    if (r == 0)
        r = quiesce_thaw(m, uuid, true, remark, e);
    return r == 0 ? journal_end(j, e) : r;
}
