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

/* dirs.c: what the kinds of directories share. */
int dir_no_entry(struct err *e, const char *name); /* ENOENT */
int listing_add(struct listing *l, const char *name, struct place p, struct err *e);
/* Another place of the same domain, found through this directory. */
int dir_found(const struct view *dir, struct place p, struct found *ret, struct err *e);

/* images.c */
/* The images of a snapshot's or a tag's directory that are listed. */
int images_list(struct tree *t, const struct view *dir, struct listing *l, struct err *e);
/* The image of that name, listed or not; sets ret->is_image where the name is one. ENOENT; or why
 * it cannot be found. */
int image_lookup(struct tree *t, const struct view *dir, const char *name, struct found *ret,
                 struct err *e);
/* Appends '/' and the name that the view's image has in its directory. */
void image_path(const struct view *v, struct text *out);

/* change.c */
/* In by-name/ of a flat tree: below the current snapshot. */
int snapshot_make_flat(struct tree *t, const struct view *dir, const char *name, struct view *ret,
                       struct text *remark, struct err *e);
int snapshot_make(struct tree *t, const struct view *dir, const char *name, struct view *ret,
                  struct text *remark, struct err *e);
int snapshot_remove(struct tree *t, const struct view *child, struct text *remark, struct err *e);

#endif
