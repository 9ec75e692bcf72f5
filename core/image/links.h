/* SPDX-License-Identifier: GPL-3.0-or-later */
/* links.h - the links on the way to a file, and who could have made them. */
#ifndef SNAPFS_IMAGE_LINKS_H
#define SNAPFS_IMAGE_LINKS_H

#include <sys/stat.h>

#include "base/error.h"

/* Where `path` leads once every link is followed: its stat; and where there is a link on the way
 * that somebody other than root and us can exchange, because of who can write to its directory, the
 * first such in *ret_link and the path of what it leads to in *ret_real, which the caller frees;
 * else NULL. -errno as of open(2). */
int links_follow(const char *path, struct stat *ret, char **ret_link, char **ret_real,
                 struct err *e);

#endif
