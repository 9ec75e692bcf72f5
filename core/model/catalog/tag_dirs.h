/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tag_dirs.h - qcow2 tags that libvirt does not know, and the directories they are shown in.
 *
 * QEMU tells tags of one file apart by their ids; names need not be unique. The files of one disk's
 * chains may each hold a tag of the same name. A directory is for a name, and holds at most one
 * image of each disk: the image of the tag that comes first. Every other tag has a directory of its
 * own. The name of such a directory ends in a mark, which is made of the tag's entry and file. So
 * the name never leads to another tag's bytes.
 *
 * Pure data: no libvirt, no file is opened.
 */
#ifndef SNAPFS_MODEL_CATALOG_TAG_DIRS_H
#define SNAPFS_MODEL_CATALOG_TAG_DIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/id.h"

/* One tag, for one disk of the domain. */
struct untracked_tag {
    char *name, *id;           /* owned */
    const char *path, *target; /* the file that holds it, and the disk; borrowed */
    struct image_id identity;
    uint64_t vm_state_size; /* bytes */
    int64_t date;           /* seconds since 1970 */
    bool claimed;           /* a snapshot's tag in the same file has this name, too */
    size_t rank;            /* if several files of a disk have the name, the lowest comes first */
    uint64_t mark;          /* set by untracked_arrange: 0 = its directory has the plain name */
};

/* Gives each tag its mark and sorts the tags. Tags of one directory, with the same name and mark,
 * are together, by target. */
void untracked_arrange(struct untracked_tag *s, size_t n);

/* Returns the number of tags, from s[0] on, that are in one directory; n > 0. */
size_t untracked_together(const struct untracked_tag *s, size_t n);

/* Makes the directory's name; owned by the caller, NULL without memory. */
char *untracked_coded(const struct untracked_tag *s);

void untracked_clear(struct untracked_tag *s, size_t n); /* frees what they own, not the array */
void untracked_free(struct untracked_tag *s, size_t n);  /* NULL allowed */

#endif
