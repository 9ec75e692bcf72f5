/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file_chain.h - where a path leads, and the chain of one file. No locks; headers are read, nothing
 * is written. */
#ifndef SNAPFS_MODEL_STORAGE_FILE_CHAIN_H
#define SNAPFS_MODEL_STORAGE_FILE_CHAIN_H

#include <sys/stat.h>

#include "image/image.h"
#include "virt/xml.h"

struct mounts;

/* The file's layers, as image_layers gives them, but for those inside a snapfs mount, which are not
 * looked at; its chain has to be whole. */
int follow_layers(const char *path, const char *format, struct image_layer **ret, size_t *ret_n,
                  struct err *e);

/* The policy of a caller that may open any file but those inside a snapfs mount; `mounts` must
 * outlive it. */
struct image_policy follow_policy(const struct mounts *mounts);

/* Looks at what the path leads to; false where nothing is there, or it is inside a snapfs mount. */
bool follow_stat(const struct mounts *mounts, const char *path, struct stat *ret);

/* The path that the header of the qcow2 `path` names as its backing file; owned by the caller.
 * NULL: it names no local file, or cannot be looked at. */
char *follow_backing(const struct mounts *mounts, const char *path);

/* Is it a qcow2 whose header names no backing file? */
bool follow_ends(const struct mounts *mounts, const char *path);

/* Finds how deep `file` is in the chain of the qcow2 `top` by the headers: 1 = right below it; 0:
 * it is not below it, or one of them is not there. *ret_below (NULL: not asked for) gets the path
 * that the header of `top` names, owned by the caller, or stays as it is. */
size_t follow_depth(const struct mounts *mounts, const char *top, const char *file,
                    char **ret_below);

/* Do both lead to one file that is there? NULL leads nowhere. The paths are outside every mount of
 * ours. */
bool follow_to_same(const char *a, const char *b);

/* What the disk, or a layer below it in its XML, calls that file; borrowed. NULL: none is it. */
const char *follow_name(const struct xml_disk *disk, const char *path);

#endif
