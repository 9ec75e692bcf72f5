/* SPDX-License-Identifier: GPL-3.0-or-later */
/* log.c - see activity/log.h. Locks: activity->lock guards the lines. */
#include "model/activity/log.h"

#include <string.h>

#include "base/printable.h"
#include "model/activity/activity.h"
#include "model/state.h"

static void add_time(struct text *line)
{
    time_t now = time(NULL);
    struct tm tm;
    char stamp[32] = "";
    if (gmtime_r(&now, &tm))
        strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
    text_add(line, "%s", stamp);
}

/* Returns whether the operation is a read. A failing read is often tried again and again, also by
 * other processes. */
static bool is_read(const struct log_entry *op)
{
    return !strcmp(op->name, "open") || !strcmp(op->name, "read");
}

void model_log_add(struct model *m, const char *uuid, const struct log_entry *op,
                   const struct err *failure, const char *remark, struct text *line)
{
    add_time(line);
    text_add(line, " uid=%u pid=%d", (unsigned)op->uid, (int)op->pid);
    size_t said = line->len;
    text_add(line, " %s %s: ", op->name, op->path);
    if (failure && failure->no)
        text_add(line, "%s: %s", err_name(failure->no), failure->text);
    else
        text_add(line, "ok%s%s", remark && *remark && *remark != ';' ? "; " : "",
                 remark ? remark : "");
    if (!line->failed)
        printable(line->s);
    struct work *w = line->failed || !uuid ? NULL : work_get(m->activity, uuid);
    if (!w)
        return;
    autotext struct text whole = {0};
    text_add(&whole, "%s\n", line->s);
    char *added = text_take(&whole, NULL);
    pthread_mutex_lock(&m->activity->lock);
    oplog_add(&w->log, added, added && is_read(op) ? added + said : NULL);
    pthread_mutex_unlock(&m->activity->lock);
    work_done(m->activity, w);
}

int model_log(struct model *m, const char *uuid, char **ret, size_t *ret_len, struct err *e)
{
    struct work *w = work_get(m->activity, uuid);
    if (!w)
        return err_nomem(e);
    struct text t = {0};
    pthread_mutex_lock(&m->activity->lock);
    oplog_text(&w->log, &t);
    pthread_mutex_unlock(&m->activity->lock);
    work_done(m->activity, w);
    *ret = text_take(&t, ret_len);
    return *ret ? 0 : err_nomem(e);
}

unsigned model_log_edition(struct model *m, const char *uuid)
{
    struct work *w = work_get(m->activity, uuid);
    if (!w)
        return 0;
    pthread_mutex_lock(&m->activity->lock);
    unsigned edition = w->log.edition;
    pthread_mutex_unlock(&m->activity->lock);
    work_done(m->activity, w);
    return edition;
}

bool model_log_time(struct model *m, const char *uuid, struct timespec *ret)
{
    struct work *w = work_get(m->activity, uuid);
    if (!w)
        return false;
    pthread_mutex_lock(&m->activity->lock);
    bool any = w->log.n;
    if (any)
        *ret = w->log.last;
    pthread_mutex_unlock(&m->activity->lock);
    work_done(m->activity, w);
    return any;
}
