/* SPDX-License-Identifier: GPL-3.0-or-later */
/* users.h - who needs a file, of all that a survey has seen. */
#ifndef SNAPFS_MODEL_GRAPH_USERS_H
#define SNAPFS_MODEL_GRAPH_USERS_H

#include <sys/stat.h>

#include "model/graph/survey.h"

/* The number of the file that the path leads to, GRAPH_NO_FILE where the survey has seen none. */
int users_file(const struct survey *v, const char *path);

enum users_how {
    USERS_MAYBE, /* also one who may need it, since its chain cannot be followed */
    USERS_SURE,
    USERS_BUT_OWN_TAGS /* sure, and no tag in the file itself: the file was made here, as a copy */
};

/* *ret_user: the first whose chain has that file, SIZE_MAX for nobody. */
int users_find(const struct survey *v, const char *path, const struct stat *st, enum users_how how,
               size_t *ret_user, struct err *e);

/* The first overlay that no disk is on, and that stands on that file of the graph; SIZE_MAX for
 * none. */
size_t users_unattached(const struct survey *v, int file);

#endif
