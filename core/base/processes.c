/* SPDX-License-Identifier: GPL-3.0-or-later */
/* processes.c - see processes.h. No locks. */
#include "base/processes.h"

#include <ctype.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"

DIR *processes_open(int directory, const char *name)
{
    int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *found = fd < 0 ? NULL : fdopendir(fd);
    if (!found && fd >= 0)
        close(fd);
    return found;
}

size_t processes_read(int directory, const char *file, char *text, size_t size)
{
    autoclose int fd = openat(directory, file, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n = fd < 0 ? 0 : 1;
    while (n > 0 && len < size - 1)
        if ((n = read(fd, text + len, size - 1 - len)) > 0)
            len += (size_t)n;
    text[len] = '\0';
    return len;
}

void processes_each(bool (*call)(void *ctx, int directory, const char *pid), void *ctx)
{
    DIR *proc = processes_open(AT_FDCWD, "/proc");
    bool more = proc;
    for (const struct dirent *one; more && (one = readdir(proc));) {
        if (!isdigit((unsigned char)one->d_name[0]))
            continue;
        autoclose int process = openat(dirfd(proc), one->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (process >= 0)
            more = call(ctx, process, one->d_name);
    }
    if (proc)
        closedir(proc);
}
