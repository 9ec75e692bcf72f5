/* SPDX-License-Identifier: GPL-3.0-or-later */
/* denied.h - the first file that an ordinary user's survey was not allowed to look at. No locks. */
#ifndef SNAPFS_MODEL_GRAPH_DENIED_H
#define SNAPFS_MODEL_GRAPH_DENIED_H

#include <stdbool.h>

struct denied {
    char *path; /* NULL: none yet */
};

/* Notes the path if it is the first one and `no`, an errno, says that permission was missing. */
void denied_note(struct denied *d, int no, const char *path);
void denied_drop(struct denied *d);

#endif
