/* SPDX-License-Identifier: GPL-3.0-or-later */
/* log.h - the program's log: stderr in the foreground, otherwise syslog (LOG_DAEMON, "snapfs"). A
 * line for systemd's journal begins with its level ("<6>"). */
#ifndef SNAPFS_FUSE_LOG_H
#define SNAPFS_FUSE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Reads a level's name ("error", "warn", "info", "debug"). Returns false if the word is no level.
 * */
bool log_level_parse(const char *word, enum log_level *ret);

/* Opens the log. Call it once, before any thread. It takes libfuse's messages too. */
void log_open(bool foreground, enum log_level level);

/* Writes one line, given without a newline. */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Begin and end a capture of libfuse's messages. log_captured returns their first line, without
 * newline and libfuse's prefix, or "" if there is none. Only one thread may run meanwhile. */
void log_capture(void);
void log_captured(char *ret, size_t size);

#endif
