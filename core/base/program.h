/* SPDX-License-Identifier: GPL-3.0-or-later */
/* program.h - another program of this host: where it is, and a run of it to its end. No locks. */
#ifndef SNAPFS_BASE_PROGRAM_H
#define SNAPFS_BASE_PROGRAM_H

#include <stdbool.h>

#include "base/error.h"

enum { PROGRAM_PATH_MAX = 256 };

/* Finds the program `name` in the system's directories. An ordinary user's PATH counts instead.
 * Root ignores the caller's PATH, so that the caller cannot choose the program. */
bool program_find(const char *name, char ret[PROGRAM_PATH_MAX]);

/* Runs a program, and waits for its end. `argv` ends with NULL, and its first word is the program's
 * name. The program's output is dropped. Returns 0 if the program ends with status 0. If there is
 * no such program, it fails with EOPNOTSUPP. Otherwise it fails with EIO and the last line of the
 * program's standard error, or with the reason why the program cannot be run. */
int program_run(const char *const argv[], struct err *e);

#endif
