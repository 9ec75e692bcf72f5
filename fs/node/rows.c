/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rows.c - see rows.h: the table, and the functions of each file. No locks. */
#include "node/rows.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "model/model.h"
#include "model/reader/unmanaged.h"
#include "model/verbs.h"
#include "node/tree.h"

static int give_copy(const char *s, size_t len, char **ret, size_t *ret_len, struct err *e)
{
    autotext struct text t = {0};
    text_put(&t, s, len);
    char *copy = text_take(&t, ret_len);
    if (!copy)
        return err_nomem(e);
    *ret = copy;
    return 0;
}

/* Gives a line of text, or no bytes if there is no text. */
static int give_line(const char *s, char **ret, size_t *ret_len, struct err *e)
{
    autotext struct text t = {0};
    if (s && *s)
        text_add(&t, "%s\n", s);
    return give_copy(t.failed ? NULL : t.s, t.len, ret, ret_len, e);
}

static int show_domain_xml(struct tree *t, const struct view *v, char **ret, size_t *ret_len,
                           struct err *e)
{
    (void)t;
    return give_copy(v->domain->xml, strlen(v->domain->xml), ret, ret_len, e);
}

static int show_state(struct tree *t, const struct view *v, char **ret, size_t *ret_len,
                      struct err *e)
{
    (void)t;
    return give_line(v->domain->state, ret, ret_len, e);
}

static int show_job(struct tree *t, const struct view *v, char **ret, size_t *ret_len,
                    struct err *e)
{
    return model_job(t->model, v->domain->uuid, v->domain->coded, v->domain->active, ret, ret_len,
                     e);
}

static int show_log(struct tree *t, const struct view *v, char **ret, size_t *ret_len,
                    struct err *e)
{
    return model_log(t->model, v->domain->uuid, ret, ret_len, e);
}

static int show_info(struct tree *t, const struct view *v, char **ret, size_t *ret_len,
                     struct err *e)
{
    return model_info(t->model, v->domain, v->snapshot, ret, ret_len, e);
}

static int show_tag_info(struct tree *t, const struct view *v, char **ret, size_t *ret_len,
                         struct err *e)
{
    return model_tag_info(t->model, v->domain, v->snapshot, ret, ret_len, e);
}

static int show_needed_by(struct tree *t, const struct view *v, char **ret, size_t *ret_len,
                          struct err *e)
{
    return model_needed_by(t->model, v->domain, v->snapshot, ret, ret_len, e);
}

static int show_snapshot_xml(struct tree *t, const struct view *v, char **ret, size_t *ret_len,
                             struct err *e)
{
    (void)t;
    return give_copy(v->snapshot->xml, v->snapshot->xml_len, ret, ret_len, e);
}

static int show_description(struct tree *t, const struct view *v, char **ret, size_t *ret_len,
                            struct err *e)
{
    (void)t;
    return give_line(snapshot_description(v->snapshot), ret, ret_len, e);
}

static int store_description(struct tree *t, const struct view *v, const char *words,
                             struct text *remark, struct err *e)
{
    return verb_describe(t->model, v->place.uuid, v->place.snapshot, words, remark, e);
}

static int store_revert(struct tree *t, const struct view *v, const char *words,
                        struct text *remark, struct err *e)
{
    return verb_revert(t->model, v->place.uuid, v->place.snapshot, words, remark, e);
}

static int store_delete(struct tree *t, const struct view *v, const char *words,
                        struct text *remark, struct err *e)
{
    if (!words[strspn(words, " \t")])
        return verb_delete(t->model, v->place.uuid, v->place.snapshot, remark, e);
    return verb_delete_written(t->model, v->place.uuid, v->place.snapshot, words, remark, e);
}

static int store_create(struct tree *t, const struct view *v, const char *words,
                        struct text *remark, struct err *e)
{
    return verb_create_written(t->model, v->place.uuid, words, remark, e);
}

static void when_logged(const struct tree *t, const struct view *v, struct timespec *ret)
{
    model_log_time(t->model, v->domain->uuid, ret);
}

static unsigned log_edition(const struct tree *t, const char *uuid)
{
    return model_log_edition(t->model, uuid);
}

static void when_run(const struct tree *t, const struct view *v, struct timespec *ret)
{
    model_job_time(t->model, v->domain->uuid, ret);
}

static void when_seen(const struct tree *t, const struct view *v, struct timespec *ret)
{
    (void)t;
    *ret = snapshot_seen(v->snapshot);
}

static void when_made(const struct tree *t, const struct view *v, struct timespec *ret)
{
    (void)t;
    *ret = (struct timespec){.tv_sec = snapshot_created(v->snapshot)};
}

static const struct row rows[] = {
    {.name = "by-name",
     .where = PLACE_DOMAIN,
     .kind = PLACE_BY_NAME,
     .help = "every snapshot by its name: links, or the directory itself in a deep tree"},
    {.name = "create",
     .where = PLACE_DOMAIN,
     .kind = PLACE_FILE,
     .mode = 0600,
     .documents = true,
     .store = store_create,
     .words = verb_create_words,
     .help = "a write of NAME and words, or a <domainsnapshot>, makes one below the current one"},
    {.name = "current",
     .where = PLACE_DOMAIN,
     .kind = PLACE_CURRENT,
     .help = "link to the directory that a new snapshot goes in"},
    {.name = "domain.xml",
     .where = PLACE_DOMAIN,
     .kind = PLACE_FILE,
     .mode = 0444,
     .show = show_domain_xml,
     .help = "the domain's XML, as libvirt has it now"},
    {.name = "job",
     .where = PLACE_DOMAIN,
     .kind = PLACE_FILE,
     .mode = 0444,
     .away = true,
     .show = show_job,
     .when = when_run,
     .help = "the operation that runs on the domain now and its progress, or 'none'"},
    {.name = "log",
     .where = PLACE_DOMAIN,
     .kind = PLACE_FILE,
     .mode = 0444,
     .away = true,
     .show = show_log,
     .when = when_logged,
     .edition = log_edition,
     .help = "recent operations, and why any failed"},
    {.name = "snapshots",
     .where = PLACE_DOMAIN,
     .kind = PLACE_SNAPSHOTS,
     .help = "a directory per snapshot, inside its parent's; mkdir makes one, rmdir deletes one"},
    {.name = "state",
     .where = PLACE_DOMAIN,
     .kind = PLACE_FILE,
     .mode = 0444,
     .show = show_state,
     .help = "running, paused, shut off, ..."},
    {.name = "unmanaged",
     .where = PLACE_DOMAIN,
     .kind = PLACE_UNMANAGED,
     .help = "a directory per qcow2 snapshot in the disks that libvirt does not know"},
    {.name = "info",
     .where = PLACE_TAG,
     .kind = PLACE_FILE,
     .mode = 0444,
     .show = show_tag_info,
     .help = "facts about it, in 'Key: value' lines"},
    {.name = "delete",
     .where = PLACE_SNAPSHOT,
     .kind = PLACE_FILE,
     .mode = 0600,
     .when = when_made,
     .store = store_delete,
     .words = verb_delete_words,
     .help = "an empty line deletes as rmdir does; words say what else is deleted or kept"},
    {.name = "description",
     .where = PLACE_SNAPSHOT,
     .kind = PLACE_FILE,
     .mode = 0644,
     .whole = true,
     .show = show_description,
     .when = when_seen,
     .store = store_description,
     .help = "the snapshot's description; one write replaces it"},
    {.name = "info",
     .where = PLACE_SNAPSHOT,
     .kind = PLACE_FILE,
     .mode = 0444,
     .show = show_info,
     .help = "facts about the snapshot, in 'Key: value' lines"},
    {.name = "needed-by",
     .where = PLACE_SNAPSHOT,
     .kind = PLACE_FILE,
     .mode = 0444,
     .hidden = true,
     .show = show_needed_by,
     .help = "not listed: the users of the snapshot's files, one a line"},
    {.name = "revert",
     .where = PLACE_SNAPSHOT,
     .kind = PLACE_FILE,
     .mode = 0600,
     .when = when_made,
     .store = store_revert,
     .words = verb_revert_words,
     .help = "a write reverts the domain to this snapshot"},
    {.name = "snapshot.xml",
     .where = PLACE_SNAPSHOT,
     .kind = PLACE_FILE,
     .mode = 0444,
     .show = show_snapshot_xml,
     .when = when_seen,
     .help = "the snapshot's XML, without secrets"},
};

size_t row_count(void)
{
    return sizeof(rows) / sizeof(*rows);
}

const struct row *row_at(size_t i)
{
    return &rows[i];
}

const struct row *row_find(enum place_kind where, const char *name)
{
    for (size_t i = 0; i < row_count(); i++)
        if (rows[i].where == where && !strcmp(rows[i].name, name))
            return &rows[i];
    return NULL;
}

size_t row_number(const struct row *row)
{
    return (size_t)(row - rows);
}
