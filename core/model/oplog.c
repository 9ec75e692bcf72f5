/* oplog.c - see oplog.h, and model_log_add (verbs.h). Locks: the ring is under model->lock. */
#include "model/oplog.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/printable.h"
#include "model/catalog.h"
#include "model/verbs.h"

/* The i-th line, the oldest first. */
static char **line_at(struct oplog *log, size_t i)
{
    return &log->lines[(log->next + OPLOG_LINES - log->n + i) % OPLOG_LINES];
}

static bool ends_with(const char *line, const char *ending)
{
    size_t len = strlen(line), n = strlen(ending);
    return len >= n && !strcmp(line + len - n, ending);
}

static void remove_line(struct oplog *log, size_t i)
{
    free(*line_at(log, i));
    for (; i + 1 < log->n; i++)
        *line_at(log, i) = *line_at(log, i + 1);
    *line_at(log, i) = NULL;
    log->next = (log->next + OPLOG_LINES - 1) % OPLOG_LINES;
    log->n--;
}

void oplog_add(struct oplog *log, char *line, const char *ending)
{
    if (!line)
        return;
    for (size_t i = 0; ending && i < log->n; i++)
        if (ends_with(*line_at(log, i), ending))
            remove_line(log, i);
    free(log->lines[log->next]);
    log->lines[log->next] = line;
    log->next = (log->next + 1) % OPLOG_LINES;
    if (log->n < OPLOG_LINES)
        log->n++;
    clock_gettime(CLOCK_REALTIME, &log->last);
}

void oplog_text(struct oplog *log, struct text *out)
{
    for (size_t i = 0; i < log->n; i++)
        text_put(out, *line_at(log, i), strlen(*line_at(log, i)));
}

void oplog_clear(struct oplog *log)
{
    for (size_t i = 0; i < OPLOG_LINES; i++)
        free(log->lines[i]);
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

/* One that fails is often tried again and again; who did is no part of what is said twice. */
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
