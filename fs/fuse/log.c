/* SPDX-License-Identifier: GPL-3.0-or-later */
/* log.c - see log.h. No locks: the level and the target are set before any thread starts, and one
 * call writes a whole line. */
#include "fuse/log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/printable.h"
#include "fuse/lowlevel.h"

enum { LINE_MAX_BYTES = 4096 };

static enum log_level threshold = LOG_LEVEL_WARN;
static bool to_syslog, to_journal;
static bool capturing;
static char captured[512];

static const struct {
    const char *word;
    int priority;
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", LOG_ERR},
    [LOG_LEVEL_WARN] = {"warn", LOG_WARNING},
    [LOG_LEVEL_INFO] = {"info", LOG_INFO},
    [LOG_LEVEL_DEBUG] = {"debug", LOG_DEBUG},
};

bool log_level_parse(const char *word, enum log_level *ret)
{
    for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++)
        if (!strcmp(word, levels[i].word)) {
            *ret = (enum log_level)i;
            return true;
        }
    return false;
}

static void emit(enum log_level level, const char *line)
{
    if (to_syslog)
        syslog(levels[level].priority, "%s", line);
    else if (to_journal)
        fprintf(stderr, "<%d>%s\n", levels[level].priority, line);
    else
        fprintf(stderr, "snapfs: %s\n", line);
}

__attribute__((format(printf, 2, 0))) static void log_args(enum log_level level, const char *fmt,
                                                           va_list ap)
{
    if (level > threshold)
        return;
    char line[LINE_MAX_BYTES];
    vsnprintf(line, sizeof(line), fmt, ap);
    size_t len = strlen(line);
    if (len && line[len - 1] == '\n') /* from libfuse */
        line[len - 1] = '\0';
    printable(line);
    emit(level, line);
}

void log_line(enum log_level level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    log_args(level, fmt, ap);
    va_end(ap);
}

__attribute__((format(printf, 2, 0))) static void from_libfuse(enum fuse_log_level level,
                                                               const char *fmt, va_list ap)
{
    size_t used = strlen(captured);
    if (capturing) /* libfuse writes a line in pieces */
        vsnprintf(captured + used, sizeof(captured) - used, fmt, ap);
    else if (level >= FUSE_LOG_DEBUG)
        log_args(LOG_LEVEL_DEBUG, fmt, ap);
    else
        log_args(level >= FUSE_LOG_WARNING ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, fmt, ap);
}

/* Tells whether systemd's journal reads stderr, by the test in systemd.exec(5). */
static bool journal_reads_stderr(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char actual[64];
    struct stat st;
    if (!stream || fstat(STDERR_FILENO, &st) < 0)
        return false;
    snprintf(actual, sizeof(actual), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return !strcmp(stream, actual);
}

void log_open(bool foreground, enum log_level level)
{
    threshold = level;
    to_syslog = !foreground;
    to_journal = foreground && journal_reads_stderr();
    if (to_syslog)
        openlog("snapfs", LOG_PID, LOG_DAEMON);
    fuse_set_log_func(from_libfuse);
}

void log_capture(void)
{
    captured[0] = '\0';
    capturing = true;
    fuse_set_log_func(from_libfuse);
}

void log_captured(char *ret, size_t size)
{
    capturing = false;
    const char *text = captured;
    if (!strncmp(text, "fuse: ", 6))
        text += 6;
    snprintf(ret, size, "%.*s", (int)strcspn(text, "\n"), text);
}
