/* SPDX-License-Identifier: GPL-3.0-or-later */
/* state_directory.h - the directory of the files that outlive a mount: the journals
 * (journal/journal.h) and the records of each domain (kept.h).
 *
 * It is $STATE_DIRECTORY, else, as root, /var/lib/snapfs, else $XDG_STATE_HOME/snapfs, else
 * ~/.local/state/snapfs.
 */
#ifndef SNAPFS_MODEL_JOURNAL_STATE_DIRECTORY_H
#define SNAPFS_MODEL_JOURNAL_STATE_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Opens the directory; the caller closes it. If the directory is missing, it makes one for the
 * owner alone with `make`, else it fails with ENOENT. If the environment names no directory, it
 * fails with ENOENT. */
int state_directory(bool make, struct err *e);

/* Makes the path of that file in the directory; the caller owns it. */
int state_path(const char *name, char **ret, struct err *e);

/* Opens root's directory for an ordinary user, who may read only some of it. For root, and if
 * $STATE_DIRECTORY is set, it fails with ENOENT. */
int state_directory_of_root(struct err *e);

/* Makes an empty file without a name in the directory, for reading and writing. The file goes away
 * with its last descriptor. The caller closes the descriptor. */
int state_nameless_file(struct err *e);

/* Reads the file from its beginning: `size` bytes, fewer if it ends before. The caller owns *ret,
 * which ends in a NUL that does not count. -errno, without a message. */
int state_read(int fd, size_t size, char **ret);

/* Writes all bytes at that offset. -errno, without a message. */
int state_write(int fd, const char *bytes, size_t len, long long offset);

/* Returns whether the open file is still the one of that name in `dir`. */
bool state_is_linked(int dir, const char *name, int fd);

#endif
