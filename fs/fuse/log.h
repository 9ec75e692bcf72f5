/* SPDX-License-Identifier: GPL-3.0-or-later */
/* log.h - the program's log: stderr in the foreground, syslog (LOG_DAEMON, "snapfs") else. A line
 * for systemd's journal begins with its level ("<6>"). */
#ifndef SNAPFS_FUSE_LOG_H
#define SNAPFS_FUSE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* The level of a word ("error", "warn", "info", "debug"); false when it is none. */
bool log_level_parse(const char *word, enum log_level *ret);

/* Called once, before any thread. Takes libfuse's messages too. */
void log_open(bool foreground, enum log_level level);

/* One line, without newline. */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* From now on libfuse's messages go to a buffer; log_captured ends that and gives the first line of
 * them, without newline and libfuse's prefix, "" for none. Only while one thread runs. */
void log_capture(void);
void log_captured(char *ret, size_t size);

#endif
