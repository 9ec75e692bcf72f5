/* SPDX-License-Identifier: GPL-3.0-or-later */
/* holders.c - see holders.h. No locks. */
#include "model/reader/holders.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mounts.h"
#include "base/processes.h"
#include "model/graph/mount_path.h"

#define BACKING_FILES "/sys/block/loop*/loop/backing_file"
#define QEMU "qemu"
#define DELETED " (deleted)" /* the kernel adds this to a path that has no name any more */

enum { FDINFO_MAX = 4096, COMM_MAX = 64, CMDLINE_MAX = 4096 };

struct search {
    const struct domain *d;
    const struct snapshot *s;
    const struct open_files *files;
    struct text *out;
    unsigned found;
    uint64_t until;
};

static bool is_over(const struct search *h)
{
    return h->found == HOLDERS_MAX || clock_ns() >= h->until;
}

static void begin_name(struct search *h)
{
    text_add(h->out, "%s", h->found++ ? ", " : "");
}

/* Returns the file that has the last name of that path, or NULL. */
static const struct open_file *file_named(const struct search *h, char *path)
{
    size_t len = strlen(path), tail = strlen(DELETED);
    if (len > tail && !strcmp(path + len - tail, DELETED))
        path[len - tail] = '\0';
    const char *name = strrchr(path, '/');
    for (size_t i = 0; name && i < h->files->n; i++)
        if (!strcmp(h->files->items[i].file, name + 1))
            return &h->files->items[i];
    return NULL;
}

/* ---- processes ---- */

/* Compares the inode number of the descriptor's file. The kernel tells it without asking snapfs. */
static bool has_ino(const struct search *h, int fdinfo, const char *fd)
{
    char text[FDINFO_MAX];
    uint64_t ino;
    const char *line =
        processes_read(fdinfo, fd, text, sizeof(text)) ? strstr(text, "\nino:") : NULL;
    if (!line || sscanf(line, "\nino: %" SCNu64, &ino) != 1)
        return false;
    for (size_t i = 0; i < h->files->n; i++)
        if (h->files->items[i].ino == ino)
            return true;
    return false;
}

static bool has_open(const struct search *h, int process)
{
    DIR *fds = processes_open(process, "fd");
    autoclose int fdinfo = openat(process, "fdinfo", O_PATH | O_DIRECTORY | O_CLOEXEC);
    char path[PATH_MAX];
    bool has = false;
    if (!fds)
        return false;
    for (const struct dirent *fd; !has && !is_over(h) && (fd = readdir(fds));) {
        ssize_t n = readlinkat(dirfd(fds), fd->d_name, path, sizeof(path) - 1);
        if (n <= 0)
            continue;
        path[n] = '\0';
        has = file_named(h, path) && has_ino(h, fdinfo, fd->d_name);
    }
    closedir(fds);
    return has;
}

/* Returns the end of the name in "guest=NAME,debug-threads=on". A comma in the name is doubled. */
static const char *end_of_guest(const char *name)
{
    const char *end = name;
    while (*end && (*end != ',' || end[1] == ','))
        end += *end == ',' ? 2 : 1;
    return end;
}

/* Adds the name of the domain, if libvirt started this QEMU for a domain. */
static void add_guest(struct search *h, int process)
{
    static const char option[] = "-name\0guest=";
    char words[CMDLINE_MAX];
    size_t n = processes_read(process, "cmdline", words, sizeof(words));
    const char *found = memmem(words, n, option, sizeof(option) - 1);
    if (!found)
        return;
    const char *name = found + sizeof(option) - 1;
    text_add(h->out, "domain '%.*s', ", (int)(end_of_guest(name) - name), name);
}

static bool look_at_process(void *ctx, int process, const char *pid)
{
    struct search *h = ctx;
    char comm[COMM_MAX];
    if (is_over(h))
        return false;
    if (!has_open(h, process))
        return true;
    bool known = processes_read(process, "comm", comm, sizeof(comm));
    begin_name(h);
    if (known && !strncmp(comm, QEMU, strlen(QEMU)))
        add_guest(h, process);
    if (known)
        text_add(h->out, "pid %s (%.*s)", pid, (int)strcspn(comm, "\n"), comm);
    else
        text_add(h->out, "pid %s", pid);
    return true;
}

static bool find_any(void *ctx, int process, const char *pid)
{
    struct search *h = ctx;
    (void)pid;
    h->found = has_open(h, process);
    return !h->found && !is_over(h);
}

bool holders_any(const char *file, uint64_t ino)
{
    struct open_file one = {.file = (char *)(uintptr_t)file, .ino = ino};
    struct open_files files = {.n = 1, .items = &one};
    struct search h = {.files = &files, .until = clock_ns() + HOLDERS_SEARCH_MS * CLOCK_MS};
    processes_each(find_any, &h);
    return h.found || is_over(&h);
}

/* ---- loop devices ---- */

/* Returns whether `source` is the device itself or a partition of the device. `source` is the
 * source of a mount in mountinfo. */
static bool is_on(const char *source, const char *device)
{
    size_t len = strlen(device);
    if (strncmp(source, device, len) != 0)
        return false;
    return !source[len] || (source[len] == 'p' && isdigit((unsigned char)source[len + 1]));
}

/* Reads the mountpoint, as the kernel codes it, from a line of mountinfo:
 *
 *     36 35 98:0 / /mnt opts … - ext4 /dev/loop0 opts
 */
static bool mounted_at(const char *line, const char *device, char point[PATH_MAX])
{
    char source[PATH_MAX];
    const char *type = strstr(line, " - ");
    return type && sscanf(type, " - %*s %4095s", source) == 1 && is_on(source, device) &&
           sscanf(line, "%*u %*u %*s %*s %4095s", point) == 1;
}

static void add_mounts(struct search *h, const char *device)
{
    FILE *f = fopen("/proc/self/mountinfo", "re");
    char *line = NULL, point[PATH_MAX];
    size_t cap = 0;
    bool any = false;
    while (f && getline(&line, &cap, f) >= 0) {
        if (!mounted_at(line, device, point))
            continue;
        mounts_unescape(point);
        text_add(h->out, "%s'%s'", any ? " and " : " mounted on ", point);
        any = true;
    }
    free(line);
    if (f)
        fclose(f);
}

/* `told`: the path in /sys, of which "/sys/block/NAME" names the device. */
static void look_at_loop(struct search *h, const struct mounts *mounts, const char *told)
{
    char path[PATH_MAX], device[64];
    const char *name = told + strlen("/sys/block/");
    autofree char *mount_path = NULL;
    if (!processes_read(AT_FDCWD, told, path, sizeof(path)))
        return;
    path[strcspn(path, "\n")] = '\0';
    if (!file_named(h, path) || mounts_check(mounts, path, &mount_path, NULL) == 0 || !mount_path ||
        !mount_path_reads(h->d, h->s, mount_path, true))
        return;
    snprintf(device, sizeof(device), "/dev/%.*s", (int)strcspn(name, "/"), name);
    begin_name(h);
    text_add(h->out, "%s", device);
    add_mounts(h, device);
}

static void find_loops(struct search *h)
{
    struct mounts *mounts autodestroy(mounts_free) = mounts_read();
    glob_t found;
    if (!mounts || glob(BACKING_FILES, GLOB_NOSORT, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc && !is_over(h); i++)
        look_at_loop(h, mounts, found.gl_pathv[i]);
    globfree(&found);
}

/* ---- all ---- */

static void add_openers(struct search *h)
{
    for (size_t i = 0; i < h->files->n && h->found < HOLDERS_MAX; i++) {
        const struct open_file *f = &h->files->items[i];
        struct tm tm;
        char when[32] = "?";
        if (localtime_r(&f->when, &tm))
            strftime(when, sizeof(when), "%F %T", &tm);
        begin_name(h);
        text_add(h->out, "opened by pid %d at %s", (int)f->pid, when);
    }
}

void holders_describe(const struct domain *d, const struct snapshot *s,
                      const struct open_files *files, struct text *out)
{
    struct search h = {.d = d, .s = s, .files = files, .out = out};
    h.until = clock_ns() + HOLDERS_SEARCH_MS * CLOCK_MS;
    find_loops(&h);
    processes_each(look_at_process, &h);
    if (!h.found)
        add_openers(&h);
}
