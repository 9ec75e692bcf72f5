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

/* change.c */
/* In by-name/ of a flat tree: below the current snapshot. */
int snapshot_make_flat(struct tree *t, const struct view *dir, const char *name, struct view *ret,
                       struct text *remark, struct err *e);
int snapshot_make(struct tree *t, const struct view *dir, const char *name, struct view *ret,
                  struct text *remark, struct err *e);
int snapshot_remove(struct tree *t, const struct view *child, struct text *remark, struct err *e);

#endif
