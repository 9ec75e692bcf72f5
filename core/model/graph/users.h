/* SPDX-License-Identifier: GPL-3.0-or-later */
/* users.h - finds the users of a file, of all that a survey has seen. */
#ifndef SNAPFS_MODEL_GRAPH_USERS_H
#define SNAPFS_MODEL_GRAPH_USERS_H

#include <sys/stat.h>

#include "model/graph/survey.h"

/* Returns the number of the file that the path leads to, or GRAPH_NO_FILE if the survey has seen
 * none. */
int users_file(const struct survey *v, const char *path);

enum users_how {
    USERS_MAYBE, /* also one that may need it, because its chain cannot be followed */
    USERS_SURE,
    USERS_BUT_OWN_TAGS /* sure, and no tag in the file itself: snapfs made the file, as a copy */
};

/* Finds the first user whose chain has that file; *ret_user is SIZE_MAX for none. */
int users_find(const struct survey *v, const char *path, const struct stat *st, enum users_how how,
               size_t *ret_user, struct err *e);

/* Returns the first overlay that no disk is on, and that uses that file of the graph; SIZE_MAX for
 * none. */
size_t users_unattached(const struct survey *v, int file);

#endif
