/* SPDX-License-Identifier: GPL-3.0-or-later */
/* refuse.c - requests that never succeed, each with the errno that makes tools stop cleanly. It is
 * EROFS for new files, images and texts, and EPERM for the rest. It is never EXDEV (mv would go on
 * to mkdir), nor ENOSYS (the kernel would stop asking). No locks. */
#include <errno.h>

#include "fuse/report.h"
#include "fuse/requests.h"

/* Fills `op` for the node, or replies with a failure itself. */
static bool begin(fuse_req_t req, fuse_ino_t ino, const char *operation, const char *name,
                  struct op *op)
{
    struct place p;
    struct err e;
    if (table_place(fs_of(req)->table, ino, &p, &e) < 0) {
        reply_quietly(req, operation, &e);
        return false;
    }
    *op = op_of(req, operation, &p, name);
    return true;
}

static void refuse_new(fuse_req_t req, fuse_ino_t parent, const char *operation, const char *name)
{
    struct op op;
    struct err e;
    if (!begin(req, parent, operation, name, &op))
        return;
    err_fail(&e, EROFS, "no file can be created here; mkdir makes a snapshot");
    reply_failure(req, &op, &e);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
    (void)mode;
    (void)rdev;
    refuse_new(req, parent, "mknod", name);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                      struct fuse_file_info *fi)
{
    (void)mode;
    (void)fi;
    refuse_new(req, parent, "create", name);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
    (void)target;
    refuse_new(req, parent, "symlink", name);
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
    (void)ino;
    refuse_new(req, parent, "link", name);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct op op;
    struct err e;
    if (!begin(req, parent, "unlink", name, &op))
        return;
    tree_unlink(&fs_of(req)->tree, &op.place, name, &e);
    reply_failure(req, &op, &e);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent,
                      const char *newname, unsigned flags)
{
    (void)newparent;
    (void)newname;
    (void)flags;
    struct op op;
    struct err e;
    if (!begin(req, parent, "rename", name, &op))
        return;
    tree_rename(&fs_of(req)->tree, &op.place, name, &e);
    reply_failure(req, &op, &e);
}

/* Checks a change of attributes. A file that can be written accepts a new size, which has no
 * effect, because a shell truncates before it writes. A .cow file accepts only the size that it
 * has. Every other attribute stays as it is. */
static int may_set(struct tree *t, const struct view *v, const struct stat *now,
                   const struct stat *attr, int to_set, struct err *e)
{
    bool sets_size = to_set & FUSE_SET_ATTR_SIZE;
    if (v->place.cow && sets_size)
        return attr->st_size == now->st_size ? 0 : tree_refuse_size(e);
    int r = tree_check_readonly(t, e);
    if (r < 0)
        return r;
    if (!sets_size)
        return err_fail(e, EPERM,
                        "modes, owners and times here are the mount's and the "
                        "snapshots'; see the options uid, gid, dmask and fmask");
    return tree_may_write(t, v, e);
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                       struct fuse_file_info *fi)
{
    (void)fi;
    struct fs *fs = fs_of(req);
    autoview struct view v = {0};
    struct op op;
    struct err e;
    struct stat st;
    if (!begin(req, ino, to_set & FUSE_SET_ATTR_SIZE ? "truncate" : "setattr", NULL, &op))
        return;
    int r = tree_view(&fs->tree, &op.place, &v, &e);
    if (r == 0)
        r = tree_stat(&fs->tree, &v, &st, &e);
    if (r == 0)
        r = may_set(&fs->tree, &v, &st, attr, to_set, &e);
    if (r == 0)
        fuse_reply_attr(req, &st, 0);
    else
        reply_failure(req, &op, &e);
}

static void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
                         struct fuse_file_info *fi)
{
    (void)ino;
    (void)mode;
    (void)offset;
    (void)length;
    fuse_reply_err(req, handle_of(fi)->in_cows ? EOPNOTSUPP : EROFS);
}

static void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg,
                     struct fuse_file_info *fi, unsigned flags, const void *in, size_t in_size,
                     size_t out_size)
{
    (void)ino;
    (void)cmd;
    (void)arg;
    (void)fi;
    (void)flags;
    (void)in;
    (void)in_size;
    (void)out_size;
    fuse_reply_err(req, ENOTTY);
}

/* ---- extended attributes: there are none ---- */

static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
    (void)ino;
    (void)name;
    (void)size;
    fuse_reply_err(req, ENODATA);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
    (void)ino;
    if (size)
        fuse_reply_buf(req, NULL, 0);
    else
        fuse_reply_xattr(req, 0);
}

static void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
                        size_t size, int flags)
{
    (void)ino;
    (void)name;
    (void)value;
    (void)size;
    (void)flags;
    fuse_reply_err(req, model_readonly(fs_of(req)->tree.model) ? EROFS : EPERM);
}

static void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
    (void)ino;
    (void)name;
    fuse_reply_err(req, model_readonly(fs_of(req)->tree.model) ? EROFS : EPERM);
}

/* ---- requests without an effect ---- */

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
    (void)ino;
    (void)datasync;
    (void)fi;
    fuse_reply_err(req, 0);
}

void refuse_ops(struct fuse_lowlevel_ops *ops)
{
    ops->mknod = op_mknod;
    ops->create = op_create;
    ops->symlink = op_symlink;
    ops->link = op_link;
    ops->unlink = op_unlink;
    ops->rename = op_rename;
    ops->setattr = op_setattr;
    ops->fallocate = op_fallocate;
    ops->ioctl = op_ioctl;
    ops->getxattr = op_getxattr;
    ops->listxattr = op_listxattr;
    ops->setxattr = op_setxattr;
    ops->removexattr = op_removexattr;
    ops->fsync = op_fsync;
    ops->fsyncdir = op_fsync;
}
