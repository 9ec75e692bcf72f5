/* SPDX-License-Identifier: GPL-3.0-or-later */
/* state_directory.c - see state_directory.h. No locks. */
#include "model/journal/state_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_id.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"

#define OF_ROOT "/var/lib/snapfs"

/* Makes the path's missing directories, by mkdir's own rules, for this user alone. */
static int make_directories(char *path, struct err *e)
{
    for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        int r = mkdir(path, 0700);
        *slash = '/';
        if (r < 0 && errno != EEXIST)
            break; /* the last one says why */
    }
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_fail(e, errno, "cannot make the state directory '%s': %s", path,
                        strerrordesc_np(errno));
    return 0;
}

static int directory_path(char **ret, struct err *e)
{
    const char *given = getenv("STATE_DIRECTORY"), *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    autotext struct text t = {0};
    if (given && given[0] == '/')
        text_add(&t, "%.*s", (int)strcspn(given, ":"), given); /* systemd may list several */
    else if (geteuid() == 0)
        text_add(&t, OF_ROOT);
    else if (state && state[0] == '/')
        text_add(&t, "%s/snapfs", state);
    else if (home && home[0] == '/')
        text_add(&t, "%s/.local/state/snapfs", home);
    else
        return err_fail(e, ENOENT, "there is no state directory; set XDG_STATE_HOME or HOME");
    *ret = text_take(&t, NULL);
    return *ret ? 0 : err_nomem(e);
}

static int open_directory(const char *path, struct err *e)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir >= 0 ? dir
                    : err_fail(e, errno, "cannot open the state directory '%s': %s", path,
                               strerrordesc_np(errno));
}

int state_directory(bool make, struct err *e)
{
    autofree char *path = NULL;
    int r = directory_path(&path, e);
    if (r == 0 && make)
        r = make_directories(path, e);
    return r < 0 ? r : open_directory(path, e);
}

int state_path(const char *name, char **ret, struct err *e)
{
    autofree char *directory = NULL;
    int r = directory_path(&directory, e);
    if (r == 0 && asprintf(ret, "%s/%s", directory, name) < 0)
        r = err_nomem(e);
    return r;
}

int state_directory_of_root(struct err *e)
{
    const char *given = getenv("STATE_DIRECTORY");
    if (geteuid() == 0 || (given && given[0] == '/'))
        return err_fail(e, ENOENT, "there is no other directory");
    return open_directory(OF_ROOT, e);
}

/* Makes a file and unlinks it at once, for a file system that makes no file without a name. */
static int make_and_unlink(int dir)
{
    char name[64];
    uint64_t random;
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return -1;
    snprintf(name, sizeof(name), ".nameless-%016" PRIx64, random);
    int fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        unlinkat(dir, name, 0);
    return fd;
}

int state_nameless_file(struct err *e)
{
    autoclose int dir = state_directory(true, e);
    if (dir < 0)
        return dir;
    int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT))
        fd = make_and_unlink(dir);
    return fd >= 0 ? fd
                   : err_fail(e, errno, "cannot make a file in the state directory: %s",
                              strerrordesc_np(errno));
}

int state_read(int fd, size_t size, char **ret)
{
    autofree char *text = calloc(1, size + 1);
    if (!text)
        return -ENOMEM;
    if (io_pread(fd, text, size, 0) < 0)
        return -errno;
    *ret = take(text);
    return 0;
}

int state_write(int fd, const char *bytes, size_t len, long long offset)
{
    return io_pwrite(fd, bytes, len, (uint64_t)offset) < 0 ? -errno : 0;
}

bool state_is_linked(int dir, const char *name, int fd)
{
    struct stat own, named;
    return fstat(fd, &own) == 0 && fstatat(dir, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           file_is_same(&named, &own);
}
