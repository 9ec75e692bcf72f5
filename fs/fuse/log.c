/* log.c - see log.h. No locks: the level and the target are set before any thread starts, and a
 * line is written by one call. */
#include "fuse/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base/printable.h"
#include "fuse/lowlevel.h"

enum { LINE_MAX_BYTES = 4096 };

static enum log_level threshold = LOG_LEVEL_WARN;
static bool to_syslog;
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
    if (len && line[len - 1] == '\n') /* libfuse's */
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

void log_open(bool foreground, enum log_level level)
{
    threshold = level;
    to_syslog = !foreground;
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
