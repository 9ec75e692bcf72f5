/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file.h - one opened image file, with what tells whether it is still the same bytes.
 *
 * A file below the active one never changes until QEMU writes into it, and then it is either locked
 * for writing or its modification time has moved: file_settle at the open and file_unchanged after
 * each read together prove that what was read in between are the bytes of the moment of the open.
 * Of a block device the kernel's count of what was written tells (device.h). No lock is ever taken,
 * only asked for. Any number of threads may use one file.
 */
#ifndef SNAPFS_IMAGE_FILE_H
#define SNAPFS_IMAGE_FILE_H

#include "image/device.h"
#include "image/image.h"

/* The device number of a disk on another host, whose number is a hash of its name; no file system
 * has so great a one. A block device has FILE_DEV_BLOCK (base/file_id.h). */
#define FILE_DEV_REMOTE (UINT64_MAX - 1)

enum { FILE_HEAD = 4096 };

struct image_file {
    char *path; /* as the caller or the overlay named it */
    int fd;     /* -1: another host has it, and nothing tells whether it changes */
    uint64_t dev, ino;
    uint64_t size; /* bytes, when last taken; of a block device its capacity */
    uint64_t mtime_ns;
    uint64_t ctime_ns;    /* of a file; a new one is a cause to look again, for whoever opens it */
    uint64_t storage;     /* bytes the host gives it */
    char head[FILE_HEAD]; /* of a file: its first bytes when it was settled, and */
    size_t head_len;      /* how many they are */
    struct device device; /* of a block device, */
    uint64_t written;     /* and what was written to it when last taken */
};

/* A file that may be opened, by its name. */
struct file_seen {
    const char *path; /* the caller's */
    struct stat st;
};

/* Looks at `path` once policy->allow (policy may be NULL) agrees, also with what a link leads to
 * that others can exchange; regular files, block devices and URIs that remote_is only. ENOENT,
 * EACCES…, or EINVAL for another kind of file. */
int file_see(const char *path, const struct image_policy *policy, struct file_seen *ret,
             struct err *e);

/* Opens for reading what was seen. Errors as file_see; ESTALE: another file is in its place by now.
 */
int file_open_seen(const struct file_seen *seen, struct image_file **ret, struct err *e);

/* Both at once. */
int file_open(const char *path, const struct image_policy *policy, struct image_file **ret,
              struct err *e);
void file_close(struct image_file *f); /* NULL allowed */
MEM_CLEANUP(struct image_file, file_close)

bool file_is(const struct image_file *f, const struct stat *st); /* that very file? */
bool file_is_remote(const struct image_file *f);
bool file_is_device(const struct image_file *f);
/* Is its ctime, by that stat, the one that it had? Somebody may write to a file and put its mtime
 * back; but a new owner or label has a new ctime as well. */
bool file_has_ctime(const struct image_file *f, const struct stat *st);
/* Is it a plain file of the size and modification time that it had? */
bool file_is_dated(const struct image_file *f);
bool file_same(const struct image_file *a, const struct image_file *b);

/* Reads at most `len` bytes at `offset`; fewer only at the end of the file. The count or -EIO. */
ssize_t file_read_some(const struct image_file *f, void *buf, size_t len, uint64_t offset,
                       struct err *e);

/* Reads all of it; a byte past the end of the file is -EIO, never a zero. */
int file_read(const struct image_file *f, void *buf, size_t len, uint64_t offset, struct err *e);

/* Waits until the modification time is old enough to be told from a later one, and refuses a file
 * that is being written or consumed by a block job. EBUSY. */
int file_settle(struct image_file *f, struct err *e);

/* For a file in use, while it is opened: takes size and modification time anew. True when they have
 * moved since they were last taken, or are too young to tell. */
bool file_refresh(struct image_file *f);

/* When anything of the file was last changed (its ctime), once that can be told from a later
 * change; 0: it cannot, or it is a block device. */
uint64_t file_quiet_since(const struct image_file *f);

/* 0 while the file has not been written since file_settle; ESTALE from then on. If its ctime alone
 * has moved, as a new owner does, its first bytes have to be the same; nothing tells of others. */
int file_unchanged(const struct image_file *f, struct err *e);

#endif
