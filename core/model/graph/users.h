/* SPDX-License-Identifier: GPL-3.0-or-later */
/* users.h - finds the users of a file among all users that a survey has seen. */
#ifndef SNAPFS_MODEL_GRAPH_USERS_H
#define SNAPFS_MODEL_GRAPH_USERS_H

#include <sys/stat.h>

#include "model/graph/survey.h"

/* Returns the number of the file that the path leads to. If the survey has not seen that file,
 * returns GRAPH_NO_FILE. */
int users_file(const struct survey *v, const char *path);

enum users_how {
    USERS_MAYBE, /* also a user that may need the file, because its chain cannot be followed */
    USERS_SURE,
    USERS_BUT_OWN_TAGS /* sure, and not a tag in the file itself: the file is snapfs's copy */
};

/* Finds the first user whose chain has that file; *ret_user is SIZE_MAX for none. */
int users_find(const struct survey *v, const char *path, const struct stat *st, enum users_how how,
               size_t *ret_user, struct err *e);

/* Returns the first overlay that uses that file of the graph, and that no disk is on. If there is
 * no such overlay, returns SIZE_MAX. */
size_t users_unattached(const struct survey *v, int file);

#endif
