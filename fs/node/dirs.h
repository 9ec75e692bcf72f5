/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dirs.h - the vtable of a kind of directory; private to fs/node. */
#ifndef SNAPFS_NODE_DIRS_H
#define SNAPFS_NODE_DIRS_H

#include "node/tree.h"

struct dir_ops { /* a NULL member: refused */
    int (*lookup)(struct tree *t, const struct view *dir, const char *name, struct found *ret,
                  struct err *e);
    int (*list)(struct tree *t, const struct view *dir, struct listing *l, struct err *e);
    int (*make)(struct tree *t, const struct view *dir, const char *name, struct view *ret,
                struct text *remark, struct err *e);
    int (*remove)(struct tree *t, const struct view *child, struct text *remark, struct err *e);
};

const struct dir_ops *dir_ops_of(const struct view *dir);

/* Shared by the kinds of directories, in dirs.c: */
int dir_no_entry(struct err *e, const char *name); /* ENOENT */
int listing_add(struct listing *l, const char *name, struct place p, struct err *e);
/* Finds another place of the same domain through this directory. */
int dir_found(const struct view *dir, struct place p, struct found *ret, struct err *e);

/* images.c */
/* Adds the images to list in a snapshot's or a tag's directory. */
int images_list(struct tree *t, const struct view *dir, struct listing *l, struct err *e);
/* Finds the image of that name, listed or not. Sets ret->is_image if the name is an image's. Fails
 * with ENOENT, or with the reason why the image cannot be found. */
int image_lookup(struct tree *t, const struct view *dir, const char *name, struct found *ret,
                 struct err *e);
/* Appends '/' and the name of the view's image in its directory. */
void image_path(const struct view *v, struct text *out);

/* change.c */
/* Makes a snapshot in by-name/ of a flat tree, below the current snapshot. */
int snapshot_make_flat(struct tree *t, const struct view *dir, const char *name, struct view *ret,
                       struct text *remark, struct err *e);
int snapshot_make(struct tree *t, const struct view *dir, const char *name, struct view *ret,
                  struct text *remark, struct err *e);
int snapshot_remove(struct tree *t, const struct view *child, struct text *remark, struct err *e);

#endif
