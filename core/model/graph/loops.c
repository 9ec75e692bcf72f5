/* SPDX-License-Identifier: GPL-3.0-or-later */
/* loops.c - see loops.h. No locks. */
#include "model/graph/loops.h"

#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKING_FILES "/sys/block/loop*/loop/backing_file"

enum { FILE_MAX = 4097 /* at most so many bytes that the kernel tells, and the NUL */ };

static bool read_line(const char *path, char line[FILE_MAX])
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, line, FILE_MAX - 1);
    if (n <= 0)
        return false;
    line[n] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return *line == '/';
}

/* `told`: the path in /sys, of which "/sys/block/NAME" names the device. */
static int add_one(struct graph *g, const struct mounts *mounts, const char *told, struct err *e)
{
    char file[FILE_MAX], device[64];
    struct stat st;
    const char *name = told + strlen("/sys/block/");
    if (!read_line(told, file) || mounts_check(mounts, file, NULL, NULL) < 0 || stat(file, &st) < 0)
        return 0;
    int number = graph_find(g, st.st_dev, st.st_ino);
    if (number == GRAPH_NO_FILE)
        return 0;
    snprintf(device, sizeof(device), "/dev/%.*s", (int)strcspn(name, "/"), name);
    struct graph_user u = {.domain = "", .target = device, .loop = true};
    return graph_add(g, &u, &number, 1) ? 0 : err_nomem(e);
}

int loops_add(struct graph *g, const struct mounts *mounts, struct err *e)
{
    glob_t found;
    int r = 0;
    if (glob(BACKING_FILES, GLOB_NOSORT, NULL, &found) != 0)
        return 0;
    for (size_t i = 0; r == 0 && i < found.gl_pathc; i++)
        r = add_one(g, mounts, found.gl_pathv[i], e);
    globfree(&found);
    return r;
}
