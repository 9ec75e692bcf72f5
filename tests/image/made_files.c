/* SPDX-License-Identifier: GPL-3.0-or-later */
/* made_files.c - the system calls by which the reader looks at made-up files; see made.h.
 *
 * These replace the C library's own. Each layer has an empty file in memory, which is opened
 * by its path in /proc and known by its inode.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "made.h"

static struct {
    int fd;
    ino_t ino;
    char path[32];
} files[MADE_LAYERS];

static bool real_stat(int fd, struct stat *ret)
{
    return fstatat(fd, "", ret, AT_EMPTY_PATH) == 0;
}

const char *made_path(unsigned layer)
{
    struct stat st;
    if (!files[layer].path[0]) {
        files[layer].fd = memfd_create("made", MFD_CLOEXEC);
        if (real_stat(files[layer].fd, &st))
            files[layer].ino = st.st_ino;
        snprintf(files[layer].path, sizeof(files[layer].path), "/proc/self/fd/%d", files[layer].fd);
    }
    return files[layer].path;
}

struct made_layer *made_by_fd(int fd)
{
    struct stat st;
    if (!real_stat(fd, &st))
        return NULL;
    for (unsigned i = 0; i < made.n; i++)
        if (files[i].ino == st.st_ino)
            return made.layers[i];
    return NULL;
}

/* Takes the snapshot out of the table, and changes every byte of the file. */
static void change(struct made_layer *l)
{
    l->changed = true;
    if (l->snapshot)
        l->header[63] = 0;
}

ssize_t pread(int fd, void *buf, size_t len, off_t offset)
{
    const struct made_layer *l = made_by_fd(fd);
    if (!l)
        return syscall(SYS_pread64, fd, buf, len, offset);
    if (++made.calls == made.change_at)
        change(made.layers[0]);
    if (made.fail_every && made.calls % made.fail_every == 0) {
        errno = EIO;
        return -1;
    }
    return (ssize_t)made_read(l, buf, len, (uint64_t)offset);
}

int fstat(int fd, struct stat *ret)
{
    if (!real_stat(fd, ret))
        return -1;
    const struct made_layer *l = made_by_fd(fd);
    if (l) {
        ret->st_size = (off_t)l->file_size;
        ret->st_mtim = (struct timespec){.tv_sec = l->changed ? 2 : 1};
    }
    return 0;
}

/* These files need no waiting. */
int nanosleep(const struct timespec *time, struct timespec *rest)
{
    (void)time, (void)rest;
    return 0;
}

/* No made-up file has a hole. */
off_t lseek(int fd, off_t offset, int whence)
{
    const struct made_layer *l = made_by_fd(fd);
    if (!l)
        return syscall(SYS_lseek, fd, offset, whence);
    if ((uint64_t)offset < l->file_size)
        return whence == SEEK_HOLE ? (off_t)l->file_size : offset;
    errno = ENXIO;
    return -1;
}
