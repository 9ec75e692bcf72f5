/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tree.h - the mounted tree: each place in it, and its functions. dirs.c explains the idea.
 *
 * Every request first turns its place into a view (the present objects, with the domain's value
 * held), works on the view, and drops it. Functions return 0 or -errno with a sentence. Any thread
 * may call them.
 */
#ifndef SNAPFS_NODE_TREE_H
#define SNAPFS_NODE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "base/error.h"
#include "base/text.h"
#include "model/model.h"
#include "node/bar.h"
#include "node/place.h"
#include "node/rows.h"
#include "node/view.h"

enum { NAME_BYTES_MAX = 255, MASK_NONE = -1 };

/* The images that are listed although they cannot be read. */
enum tree_unreadable {
    UNREADABLE_AUTO, /* UNSUPPORTED if libvirt's daemon sees other files than snapfs, else SHOW */
    UNREADABLE_SHOW,
    UNREADABLE_UNSUPPORTED, /* all, except disks of a kind that can never be read */
    UNREADABLE_HIDE
};

struct tree_options {
    uid_t uid; /* owner and group of everything */
    gid_t gid;
    int dmask, fmask; /* MASK_NONE: the modes of the rows */
    enum tree_unreadable unreadable;
};

struct tree {
    struct model *model;
    struct tree_options options;
    struct timespec start; /* CLOCK_REALTIME of the mount; used if an object has no time */
    struct bar bar;
};

void tree_init(struct tree *t, struct model *m, const struct tree_options *o);
void tree_destroy(struct tree *t); /* does not close the model */

/* ---- dirs.c ---- */

struct found {
    struct view view;
    uint64_t entry_until; /* the kernel may keep the name until then */
    bool is_image;        /* also set if an image was found but cannot be read */
};

/* Looks a name up. If there is no such name, it fails with ENOENT; this message need not be
 * reported. If an image cannot be read, it fails with that image's errno. */
int tree_lookup(struct tree *t, const struct view *dir, const char *name, struct found *ret,
                struct err *e);

struct listing_item {
    struct place place;
    const char *name; /* points into the listing's values */
};

struct listing {
    struct domain *domain;       /* NULL for the root's */
    struct domain_list *domains; /* the root's */
    size_t n, cap;
    struct listing_item *items; /* "." and ".." first */
    uint64_t counted;           /* bytes counted in the budget */
};

int tree_list(struct tree *t, const struct view *dir, struct listing **ret, struct err *e);
void listing_free(struct listing *l); /* NULL allowed */
MEM_CLEANUP(struct listing, listing_free)

/* ---- attr.c ---- */

int tree_stat(struct tree *t, const struct view *v, struct stat *ret, struct err *e);
/* Returns the range of the disk that an image shows: a partition, or the whole (to UINT64_MAX). */
struct partition;
int tree_part(struct tree *t, const struct view *v, struct partition *ret, struct err *e);
int tree_text(struct tree *t, const struct view *v, char **ret, size_t *ret_len, struct err *e);
int tree_readlink(const struct view *v, char **ret, struct err *e);

/* Adds the place's path below the mountpoint, as far as the path is known. If `leaf` is not NULL,
 * also adds this name in the place. */
void tree_path(struct tree *t, const struct place *p, const char *leaf, struct text *out);

/* ---- change.c ---- */

/* Fails with EROFS on a mount with `ro`. */
int tree_check_readonly(const struct tree *t, struct err *e);
/* Checks that the file may be written. If the file or the mount is read-only, it fails with
 * EROFS. */
int tree_may_write(const struct tree *t, const struct view *v, struct err *e);
/* Fails with EPERM, because a .cow file keeps its size. */
int tree_refuse_size(struct err *e);

/* The following may take minutes. */

int tree_mkdir(struct tree *t, const struct place *dir, const char *name, struct view *ret,
               struct text *remark, struct err *e);
int tree_rmdir(struct tree *t, const struct place *dir, const char *name, struct text *remark,
               struct err *e);
/* Stores a write. `data` is followed by a NUL that does not count. */
int tree_store(struct tree *t, const struct place *file, const char *data, size_t len,
               struct text *remark, struct err *e);

/* The following never succeed. */
int tree_unlink(struct tree *t, const struct place *dir, const char *name, struct err *e);
int tree_rename(struct tree *t, const struct place *dir, const char *name, struct err *e);

#endif
