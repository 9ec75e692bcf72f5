/* SPDX-License-Identifier: GPL-3.0-or-later */
/* path_set.h - the paths that libvirt's documents name, even if no file is there. A new file must
 * not have such a path. One thread. */
#ifndef SNAPFS_MODEL_STORAGE_PATH_SET_H
#define SNAPFS_MODEL_STORAGE_PATH_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

struct names;

struct names *names_new(void);    /* NULL without memory; reads the present mounts */
void names_free(struct names *n); /* NULL allowed */
MEM_CLEANUP(struct names, names_free)

/* Adds a path (NULL adds nothing); false without memory. */
bool names_add(struct names *n, const char *path);

/* Returns the i-th path that was added, NULL after the last. */
const char *names_at(const struct names *n, size_t i);

/* Returns whether the set has this path, or another path to the same name in the same
 * directory. */
bool names_has(const struct names *n, const char *path);

/* Returns whether two paths lead to one file or device. It looks at no file inside a snapfs mount;
 * there, only equal paths are the same file. */
bool names_same_file(const struct names *n, const char *a, const char *b);

#endif
