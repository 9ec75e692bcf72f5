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

/* Reads the file's layers, as image_layers does, but does not look at layers inside a snapfs mount.
 * The chain has to be whole. */
int follow_layers(const char *path, const char *format, struct image_layer **ret, size_t *ret_n,
                  struct err *e);

/* Makes the policy of a caller that may open any file except those inside a snapfs mount; `mounts`
 * must outlive it. */
struct image_policy follow_policy(const struct mounts *mounts);

/* Looks at the file that the path leads to. Returns false if there is no file, or if the file is
 * inside a snapfs mount. */
bool follow_stat(const struct mounts *mounts, const char *path, struct stat *ret);

/* Returns the path of the backing file in the header of the qcow2 `path`; the caller owns it.
 * Returns NULL if the header names no local file, or if snapfs cannot look at the qcow2. */
char *follow_backing(const struct mounts *mounts, const char *path);

/* Returns whether the file is a qcow2 whose header names no backing file. */
bool follow_ends(const struct mounts *mounts, const char *path);

/* Finds how deep `file` is in the chain of the qcow2 `top`, by the headers. Returns 1 if `file` is
 * directly below `top`. Returns 0 if `file` is not below `top`, or if one of the two is missing.
 * *ret_below (may be NULL) gets the path that the header of `top` names, owned by the caller, or
 * stays as it is. */
size_t follow_depth(const struct mounts *mounts, const char *top, const char *file,
                    char **ret_below);

/* Returns whether both paths lead to one file that exists. NULL leads nowhere. The paths are
 * outside every snapfs mount. */
bool follow_to_same(const char *a, const char *b);

/* Returns the name of that file in the XML, as the disk itself or as a layer below the disk;
 * borrowed. Returns NULL if the XML does not name that file. */
const char *follow_name(const struct xml_disk *disk, const char *path);

#endif
