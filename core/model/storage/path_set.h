/* SPDX-License-Identifier: GPL-3.0-or-later */
/* path_set.h - the paths that libvirt's documents name, also if no file is there: a new file must
 * have none of them. One thread. */
#ifndef SNAPFS_MODEL_STORAGE_PATH_SET_H
#define SNAPFS_MODEL_STORAGE_PATH_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

struct names;

struct names *names_new(void);    /* NULL without memory; knows the mounts of now */
void names_free(struct names *n); /* NULL allowed */
MEM_CLEANUP(struct names, names_free)

/* Adds one (NULL adds nothing); false without memory. */
bool names_add(struct names *n, const char *path);

/* Returns the i-th path that was added, NULL after the last. */
const char *names_at(const struct names *n, size_t i);

/* Returns whether one of them is this path, or another path to the same name in the same
 * directory. */
bool names_has(const struct names *n, const char *path);

/* Returns whether both lead to one file or device. Inside a snapfs mount nothing is looked at;
 * there only the same path is the same. */
bool names_same_file(const struct names *n, const char *a, const char *b);

#endif
