/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file_chain.h - finds the file that a path leads to, and the chain of one file. No locks. Reads
 * headers, writes nothing. */
#ifndef SNAPFS_MODEL_STORAGE_FILE_CHAIN_H
#define SNAPFS_MODEL_STORAGE_FILE_CHAIN_H

#include <sys/stat.h>

#include "image/layers.h"
#include "image/source.h"
#include "virt/xml.h"

struct mounts;

/* Reads the file's layers, as image_layers does, except those inside a snapfs mount, which are not
 * looked at. The chain has to be whole. */
int follow_layers(const char *path, const char *format, struct image_layer **ret, size_t *ret_n,
                  struct err *e);

/* Makes the policy of a caller that may open any file except those inside a snapfs mount; `mounts`
 * must outlive it. */
struct image_policy follow_policy(const struct mounts *mounts);

/* Looks at the file that the path leads to; false if nothing is there, or it is inside a snapfs
 * mount. */
bool follow_stat(const struct mounts *mounts, const char *path, struct stat *ret);

/* Returns the path that the header of the qcow2 `path` names as its backing file; owned by the
 * caller. NULL: it names no local file, or cannot be looked at. */
char *follow_backing(const struct mounts *mounts, const char *path);

/* Returns whether the file is a qcow2 whose header names no backing file. */
bool follow_ends(const struct mounts *mounts, const char *path);

/* Finds how deep `file` is in the chain of the qcow2 `top` by the headers: 1 = directly below it. 0
 * = it is not below it, or one of them is not there. *ret_below (NULL: not asked for) gets the path
 * that the header of `top` names, owned by the caller, or stays as it is. */
size_t follow_depth(const struct mounts *mounts, const char *top, const char *file,
                    char **ret_below);

/* Returns whether both lead to one file that is there. NULL leads nowhere. The paths are outside
 * every snapfs mount. */
bool follow_to_same(const char *a, const char *b);

/* Returns the name of that file in the XML of the disk, or of a layer below it; borrowed. NULL:
 * none is that file. */
const char *follow_name(const struct xml_disk *disk, const char *path);

#endif
