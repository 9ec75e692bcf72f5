/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recover.c - recovers what a crash has left of procedures. Called beside a mount
 * (change/settler.h) and before each operation. Locks: a domain's journal, and what the procedures
 * take. */
#include "model/change/recover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/activity/log.h"
#include "model/catalog/catalog.h"
#include "model/change/lasting.h"
#include "model/journal/record.h"
#include "model/reader/open_images.h"
#include "model/state.h"

static void say(struct model *m, const char *uuid, const struct domain *d, int result,
                const struct err *failure, const struct text *remark)
{
    autotext struct text line = {0};
    struct log_entry op = {
        .uid = getuid(), .pid = getpid(), .name = "recover", .path = d ? d->coded : uuid};
    model_log_add(m, uuid, &op, result < 0 ? failure : NULL, remark->s, &line);
    if (line.s && !line.failed && m->options.say)
        m->options.say(result < 0, line.s);
}

/* Returns the row whose word is the first of the journal, or NULL. */
static const struct recoverable *find(const struct model *m, const char *text)
{
    size_t len = strcspn(text, " \n");
    for (const struct recoverable *r = m->recoverables; r->kind || r->word; r++) {
        const char *word = r->kind ? r->kind->word : r->word;
        if (strlen(word) == len && !strncmp(word, text, len))
            return r;
    }
    return NULL;
}

static int recover_procedure(struct model *m, struct journal *j, const char *uuid,
                             struct text *remark, struct err *e)
{
    const struct recoverable *row = find(m, journal_text(j));
    if (!row)
        return record_fail(e);
    return row->kind ? procedure_recover(row->kind, m, j, uuid, virt_uri(m->virt), remark, e)
                     : row->recover(m, j, uuid, remark, e);
}

/* Ends all reads of images whose snapshots the recovery has deleted. */
static void end_images(struct model *m, const struct domain *before)
{
    struct domain *now autodestroy(domain_unref) = NULL;
    struct err ignored;
    if (model_domain_now(m, before->uuid, &now, &ignored) < 0)
        return;
    for (size_t i = 0; i < before->n; i++)
        if (!domain_find_same(now, &before->all[i]))
            open_images_gone(m, before, &before->all[i]);
}

int recover_domain(struct model *m, struct journal *j, const char *uuid, struct err *e)
{
    autotext struct text remark = {0};
    struct err own, ignored;
    if (!*journal_text(j))
        return 0;
    struct domain *before autodestroy(domain_unref) = NULL;
    (void)model_domain_now(m, uuid, &before, &ignored);
    int r = recover_procedure(m, j, uuid, &remark, &own);
    if (before)
        lasting_keep(m, before);
    if (before && r == 0)
        end_images(m, before);
    if (r < 0 || remark.len)
        say(m, uuid, before, r, &own, &remark);
    if (r == 0)
        return 0;
    return err_fail(e, own.no, "an earlier operation was cut off: %s", own.text);
}
