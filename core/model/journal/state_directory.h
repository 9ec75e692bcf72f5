/* SPDX-License-Identifier: GPL-3.0-or-later */
/* state_directory.h - the directory of what outlives a mount: the journals (journal/journal.h) and
 * what is kept of each domain (kept.h).
 *
 * It is $STATE_DIRECTORY, else, as root, /var/lib/snapfs, else $XDG_STATE_HOME/snapfs, else
 * ~/.local/state/snapfs.
 */
#ifndef SNAPFS_MODEL_JOURNAL_STATE_DIRECTORY_H
#define SNAPFS_MODEL_JOURNAL_STATE_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Opens the directory; the caller closes it. With `make` it is made where it is missing, for its
 * owner alone. -ENOENT where it is missing, or the environment names none. */
int state_directory(bool make, struct err *e);

/* The path of that file in the directory, the caller's. */
int state_path(const char *name, char **ret, struct err *e);

/* Opens root's directory for an ordinary user, who reads there what he may; -ENOENT for root, and
 * where $STATE_DIRECTORY is set. */
int state_directory_of_root(struct err *e);

/* Makes an empty file without a name there, for reading and writing, which ends with its last
 * descriptor. The caller closes it. */
int state_nameless_file(struct err *e);

/* Reads the file from its beginning: `size` bytes, fewer where it ends before. *ret is the
 * caller's, and ends in a NUL that does not count. -errno, without a sentence. */
int state_read(int fd, size_t size, char **ret);

/* Writes all of it at that offset. -errno, without a sentence. */
int state_write(int fd, const char *bytes, size_t len, long long offset);

/* Is the file that is open still the one of that name in `dir`? */
bool state_is_linked(int dir, const char *name, int fd);

#endif
