/* SPDX-License-Identifier: GPL-3.0-or-later */
/* links.h - the links on the way to a file, and the users who could have made them. */
#ifndef SNAPFS_IMAGE_LINKS_H
#define SNAPFS_IMAGE_LINKS_H

#include <sys/stat.h>

#include "base/error.h"

/* Follows every link of `path`, and fills *ret with the stat of its end. Returns -errno as open(2).
 *
 * If a user other than root and snapfs's own can replace a link on the way, by write access to its
 * directory, *ret_link gets the first such link. *ret_real then gets the real path of the end. The
 * caller frees both. They are NULL if there is no such link. */
int links_follow(const char *path, struct stat *ret, char **ret_link, char **ret_real,
                 struct err *e);

#endif
