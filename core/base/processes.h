/* SPDX-License-Identifier: GPL-3.0-or-later */
/* processes.h - the processes of this host, as far as /proc shows them. No locks. */
#ifndef SNAPFS_BASE_PROCESSES_H
#define SNAPFS_BASE_PROCESSES_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>

/* Calls `call` with each process's directory in /proc and its number, until it returns false. */
void processes_each(bool (*call)(void *ctx, int directory, const char *pid), void *ctx);

/* Reads the file in `directory` into `text`, which has room for `size` bytes, and ends it with a
 * NUL. Returns the number of bytes read, 0 if the file cannot be read. */
size_t processes_read(int directory, const char *file, char *text, size_t size);

/* Opens a directory in `directory`; NULL if it cannot be opened. Close it with closedir. */
DIR *processes_open(int directory, const char *name);

#endif
