/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outliving.c - see outliving.h. No locks. */
#include "model/change/outliving.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/processes.h"
#include "model/activity/progress.h"
#include "model/activity/task.h"

#define PROGRAM "qemu-img"

enum { LOOK_MS = 20, COMM_MAX = 64, ARGUMENTS_MAX = 16384, PID_MAX = 16 };

struct search {
    bool (*is_ours)(const void *ctx, const char *path);
    const void *ctx;
    char pid[PID_MAX], path[PATH_MAX]; /* of the process that was found; "" for none */
};

/* Returns whether the word is a command that libvirt runs. A user's own convert may take hours. */
static bool is_change(const char *word)
{
    return !strcmp(word, "create") || !strcmp(word, "snapshot");
}

static bool look_at_arguments(struct search *s, const char *arguments, size_t len, const char *pid)
{
    const char *path = NULL;
    bool changes = false;
    for (const char *at = arguments; at < arguments + len; at += strlen(at) + 1) {
        changes |= is_change(at);
        if (*at == '/' && s->is_ours(s->ctx, at))
            path = at;
    }
    if (!changes || !path)
        return false;
    snprintf(s->pid, sizeof(s->pid), "%s", pid);
    snprintf(s->path, sizeof(s->path), "%s", path);
    return true;
}

static bool look_at(void *ctx, int process, const char *pid)
{
    char comm[COMM_MAX], arguments[ARGUMENTS_MAX];
    if (!processes_read(process, "comm", comm, sizeof(comm)) || strcmp(comm, PROGRAM "\n") != 0)
        return true;
    size_t len = processes_read(process, "cmdline", arguments, sizeof(arguments));
    return !look_at_arguments(ctx, arguments, len, pid);
}

static bool find(struct search *s)
{
    *s->pid = '\0';
    processes_each(look_at, s);
    return *s->pid;
}

int outliving_wait(bool (*is_ours)(const void *ctx, const char *path), const void *ctx,
                   struct err *e)
{
    struct search s = {.is_ours = is_ours, .ctx = ctx};
    uint64_t until = clock_ns() + OUTLIVING_WAIT_MS * CLOCK_MS;
    int r = 0;
    bool found = find(&s);
    if (!found)
        return 0;
    progress_set("waiting for a " PROGRAM " that libvirt started", 0, 0);
    while (found && r == 0 && clock_ns() < until) {
        r = task_rest(LOOK_MS, e);
        found = find(&s);
    }
    progress_set("", 0, 0);
    if (r < 0 || !found)
        return r;
    return err_fail(e, ETIMEDOUT, PROGRAM " (pid %s), which libvirt started, is still using '%s'",
                    s.pid, s.path);
}
