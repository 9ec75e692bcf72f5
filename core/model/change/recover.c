/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recover.c - what a crash has left of procedures: found beside a mount (change/settler.h) and
 * before each operation. Locks: a domain's journal, and what the procedures take. */
#include "model/activity/log.h"
#include "model/change/recover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/catalog/catalog.h"
#include "model/change/settler.h"
#include "model/revert/copy.h"
#include "model/create/new_snapshot.h"
#include "model/delete/delete.h"
#include "model/change/lasting.h"
#include "model/create/quiesce.h"
#include "model/journal/record.h"
#include "model/revert/overlays.h"
#include "model/revert/native.h"
#include "model/reader/open_images.h"

static void say(struct model *m, const char *uuid, int result, const struct err *failure,
                const struct text *remark)
{
    autotext struct text line = {0};
    struct operation op = {.uid = getuid(), .pid = getpid(), .name = "recover", .path = uuid};
    model_log_add(m, uuid, &op, result < 0 ? failure : NULL, remark->s, &line);
    if (line.s && !line.failed && m->options.say)
        m->options.say(result < 0, line.s);
}

static const struct procedure_kind *const kinds[] = {
    &copy_kind, &delete_kind, &native_kind, &new_snapshot_kind, &revert_kind,
};

/* By the first word of the journal. */
static int recover_procedure(struct model *m, struct journal *j, const char *uuid,
                             struct text *remark, struct err *e)
{
    const char *text = journal_text(j);
    autofree char *word = strndup(text, strcspn(text, " \n"));
    if (!word)
        return err_nomem(e);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (!strcmp(kinds[i]->word, word))
            return procedure_recover(kinds[i], m, j, uuid, virt_uri(m->virt), remark, e);
    return strcmp(word, "freeze") ? record_fail(e) : quiesce_recover(m, j, uuid, remark, e);
}

/* No image is read any more of what the recovery has deleted. */
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
        say(m, uuid, r, &own, &remark);
    if (r == 0)
        return 0;
    return err_fail(e, own.no, "an earlier operation was cut off: %s", own.text);
}

void model_recover(struct model *m)
{
    if (m->options.readonly || m->is_test)
        return;
    struct settler *s = settler_new(m);
    pthread_mutex_lock(&m->lock);
    bool ends = m->recovery_ends; /* a signal may come first */
    m->settler = ends ? NULL : s;
    pthread_mutex_unlock(&m->lock);
    if (ends)
        settler_free(s);
    if (!s && m->options.say)
        m->options.say(true, "cannot start the thread that finishes what was cut off; the next "
                             "operation on a domain does it");
}

void model_recover_stop(struct model *m)
{
    pthread_mutex_lock(&m->lock);
    struct settler *s = m->settler;
    m->recovery_ends = true;
    pthread_mutex_unlock(&m->lock);
    settler_stop(s);
}
