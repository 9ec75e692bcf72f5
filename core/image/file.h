/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file.h - one opened image file, with the data that tells whether its bytes are still the same.
 *
 * A file below the active one never changes until QEMU writes into it. Then QEMU has locked it for
 * writing, or its modification time has moved. file_settle at the open and file_unchanged after
 * each read work together. They prove that every byte read in between is that of the moment of the
 * open.
 *
 * For a block device the kernel's count of writes is used (device.h). snapfs never takes a lock, it
 * only asks for locks of others. Any number of threads may use one file.
 */
#ifndef SNAPFS_IMAGE_FILE_H
#define SNAPFS_IMAGE_FILE_H

#include "base/mem.h"
#include "image/device.h"
#include "image/id.h"
#include "image/source.h"

enum { FILE_HEAD = 4096 };

struct image_file {
    char *path; /* as the caller or the overlay named it */
    int fd;     /* -1: it is on another host, and changes cannot be detected */
    uint64_t dev, ino;
    uint64_t size; /* in bytes, when last read; a block device's capacity */
    uint64_t mtime_ns;
    uint64_t ctime_ns;    /* of a file; if it differs, the next open must look again */
    uint64_t storage;     /* bytes the host gives it */
    char head[FILE_HEAD]; /* of a file: its first bytes when it was settled */
    size_t head_len;      /* number of bytes in `head` */
    struct device device; /* of a block device */
    uint64_t written;     /* of a block device: its count of writes when last read */
};

/* A file that may be opened, by its name. */
struct file_seen {
    const char *path; /* the caller's path */
    struct stat st;
};

/* Looks at `path` after policy->allow agrees (policy may be NULL). If `path` leads through a link
 * that others can replace, the policy must also allow the real path. Accepts only regular files,
 * block devices, and URIs that remote_is accepts. Fails with EINVAL for another kind of file, and
 * with ENOENT, EACCES and other errnos. */
int file_see(const char *path, const struct image_policy *policy, struct file_seen *ret,
             struct err *e);

/* Opens the file that file_see saw, for reading. Fails as file_see, or with ESTALE if another file
 * is now in its place. */
int file_open_seen(const struct file_seen *seen, struct image_file **ret, struct err *e);

/* Calls file_see and file_open_seen. */
int file_open(const char *path, const struct image_policy *policy, struct image_file **ret,
              struct err *e);
void file_close(struct image_file *f); /* NULL allowed */
MEM_CLEANUP(struct image_file, file_close)

bool file_is(const struct image_file *f, const struct stat *st); /* is `st` of this file? */
bool file_is_remote(const struct image_file *f);
bool file_is_device(const struct image_file *f);
/* Tells whether the ctime in `st` is still the file's old one. A program can write to a file and
 * restore its mtime, but not its ctime. A new owner or label changes the ctime as well. */
bool file_has_ctime(const struct image_file *f, const struct stat *st);
/* Tells whether it is a plain file that still has its size and modification time. */
bool file_is_dated(const struct image_file *f);
bool file_same(const struct image_file *a, const struct image_file *b);

/* Reads at most `len` bytes at `offset`, fewer only at the end of the file. Returns the number of
 * bytes or -EIO. */
ssize_t file_read_some(const struct image_file *f, void *buf, size_t len, uint64_t offset,
                       struct err *e);

/* Reads all `len` bytes. A byte past the end of the file makes it fail with EIO; it never reads as
 * zero. */
int file_read(const struct image_file *f, void *buf, size_t len, uint64_t offset, struct err *e);

/* Waits until the modification time is old enough to differ from a later one. Fails with EBUSY if a
 * program writes to the file, or a block job consumes it. */
int file_settle(struct image_file *f, struct err *e);

/* Reads size and modification time again, for a file in use that is being opened. Returns true if
 * they have changed since they were last read, or are too young to tell. */
bool file_refresh(struct image_file *f);

/* Returns the time of the last change of the file (its ctime), once a later change would differ.
 * Returns 0 if it would not yet differ, or if the file is a block device. */
uint64_t file_quiet_since(const struct image_file *f);

/* Returns 0 while the file has not been written since file_settle, and fails with ESTALE from then
 * on. If only its ctime has moved, as with a new owner, its first bytes must be the same. No other
 * bytes are compared. */
int file_unchanged(const struct image_file *f, struct err *e);

#endif
