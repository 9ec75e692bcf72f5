/* SPDX-License-Identifier: GPL-3.0-or-later */
/* requests.h - one function per FUSE request. Each replies once, or hands the request to a task. */
#ifndef SNAPFS_FUSE_REQUESTS_H
#define SNAPFS_FUSE_REQUESTS_H

#include "fuse/fs.h"
#include "fuse/lowlevel.h"

/* entry.c */
void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup);
void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_readlink(fuse_req_t req, fuse_ino_t ino);
void op_statfs(fuse_req_t req, fuse_ino_t ino);

/* directory.c */
void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                    struct fuse_file_info *fi);
void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);

/* file.c */
void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi);
void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);

/* Replies to a read or write that failed. It logs the failure once per open image, because a
 * damaged image is read many times. */
void transfer_failed(fuse_req_t req, const char *operation, struct handle *h, struct err *e);

/* cow.c: .cow files. The handle must have its image and its part of the image. */
int cow_open(struct fs *fs, fuse_ino_t ino, const struct stat *st, struct handle *h,
             struct fuse_file_info *fi,
             struct err *e); /* calls cows_open, and tells the kernel what it may keep */
void cow_drop_pages(struct fuse_session *session, fuse_ino_t ino);
/* Tells whether the file was opened for writing while it has been open. */
bool cow_is_written(struct fs *fs, fuse_ino_t ino);
struct image_request;
ssize_t cow_file_read(const struct image_request *q, struct image *im, char *buf, size_t size,
                      uint64_t off, struct err *e);
ssize_t cow_file_write(const struct image_request *q, struct image *im, struct err *e);

/* change.c */
void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
              struct fuse_file_info *fi);
void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);

/* Called before the handle is closed. If only a part of a document was written, it logs that. */
void drop_input(struct fs *fs, const struct handle *h);

/* refuse.c: fills in the operations that never succeed, or have no effect. */
void refuse_ops(struct fuse_lowlevel_ops *ops);

#endif
