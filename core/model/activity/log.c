/* SPDX-License-Identifier: GPL-3.0-or-later */
/* log.c - see activity/log.h. Locks: the lines are under model->lock.
 */
#include "model/activity/log.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/printable.h"
#include "model/catalog/catalog.h"

static bool ends_with(const char *line, const char *ending)
{
    size_t len = strlen(line), n = strlen(ending);
    return len >= n && !strcmp(line + len - n, ending);
}

static bool was_said(const struct oplog *log, const char *ending, time_t now)
{
    for (size_t i = log->n; i-- > 0 && log->lines[i].when + OPLOG_REPEAT_SECONDS > now;)
        if (ends_with(log->lines[i].text, ending))
            return true;
    return false;
}

static void begin_edition(struct oplog *log)
{
    size_t gone = log->n - OPLOG_KEPT;
    for (size_t i = 0; i < gone; i++)
        free(log->lines[i].text);
    memmove(log->lines, log->lines + gone, OPLOG_KEPT * sizeof(*log->lines));
    log->n = OPLOG_KEPT;
    log->edition++;
}

void oplog_add(struct oplog *log, char *line, const char *ending)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (!log->lines)
        log->lines = calloc(OPLOG_LINES, sizeof(*log->lines));
    if (!line || !log->lines || (ending && was_said(log, ending, now.tv_sec))) {
        free(line);
        return;
    }
    if (log->n == OPLOG_LINES)
        begin_edition(log);
    log->lines[log->n++] = (struct oplog_line){line, now.tv_sec};
    log->last = now;
}

void oplog_text(const struct oplog *log, struct text *out)
{
    for (size_t i = 0; i < log->n; i++)
        text_put(out, log->lines[i].text, strlen(log->lines[i].text));
}

void oplog_clear(struct oplog *log)
{
    for (size_t i = 0; i < log->n; i++)
        free(log->lines[i].text);
    free(log->lines);
    *log = (struct oplog){0};
}

static void add_time(struct text *line)
{
    time_t now = time(NULL);
    struct tm tm;
    char stamp[32] = "";
    if (gmtime_r(&now, &tm))
        strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
    text_add(line, "%s", stamp);
}

/* A failing read is often tried again and again, also by other processes. */
static bool is_read(const struct operation *op)
{
    return !strcmp(op->name, "open") || !strcmp(op->name, "read");
}

void model_log_add(struct model *m, const char *uuid, const struct operation *op,
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
    struct entry *en = line->failed || !uuid ? NULL : model_entry(m, uuid);
    if (!en)
        return;
    autotext struct text whole = {0};
    text_add(&whole, "%s\n", line->s);
    char *added = text_take(&whole, NULL);
    pthread_mutex_lock(&m->lock);
    oplog_add(&en->log, added, added && is_read(op) ? added + said : NULL);
    pthread_mutex_unlock(&m->lock);
    model_entry_done(m, en);
}

int model_log(struct model *m, const char *uuid, char **ret, size_t *ret_len, struct err *e)
{
    struct entry *en = model_entry(m, uuid);
    if (!en)
        return err_nomem(e);
    struct text t = {0};
    pthread_mutex_lock(&m->lock);
    oplog_text(&en->log, &t);
    pthread_mutex_unlock(&m->lock);
    model_entry_done(m, en);
    *ret = text_take(&t, ret_len);
    return *ret ? 0 : err_nomem(e);
}

unsigned model_log_edition(struct model *m, const char *uuid)
{
    struct entry *en = model_entry(m, uuid);
    if (!en)
        return 0;
    pthread_mutex_lock(&m->lock);
    unsigned edition = en->log.edition;
    pthread_mutex_unlock(&m->lock);
    model_entry_done(m, en);
    return edition;
}

bool model_log_time(struct model *m, const char *uuid, struct timespec *ret)
{
    struct entry *en = model_entry(m, uuid);
    if (!en)
        return false;
    pthread_mutex_lock(&m->lock);
    bool any = en->log.n;
    if (any)
        *ret = en->log.last;
    pthread_mutex_unlock(&m->lock);
    model_entry_done(m, en);
    return any;
}
