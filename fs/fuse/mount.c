/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mount.c - see mount.h. It runs while only one thread logs.
 *
 * Lock: the flock of the mountpoint's directory. A snapfs holds it while it mounts there, so that
 * two that start at one moment do not hide each other.
 */
#include "fuse/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/mounts.h"
#include "base/text.h"

enum { LOCK_TRIES = 250, LOCK_AGAIN_US = 20000 };

#define FUSE_DEVICE makedev(10, 229) /* the kernel's MISC_MAJOR and FUSE_MINOR */

static int check_device(struct err *e)
{
    struct stat st;
    autoclose int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == FUSE_DEVICE)
        return 0;
    if (fd >= 0)
        return err_fail(e, ENODEV,
                        "'/dev/fuse' is not the kernel's fuse device (character 10:229)");
    if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
        return err_fail(
            e, errno,
            "there is no '/dev/fuse': the kernel's fuse module is not loaded ('modprobe "
            "fuse')");
    return err_fail(
        e, errno,
        "cannot open '/dev/fuse': %s; the mounting user needs read and write access to it",
        strerrordesc_np(errno));
}

/* Checks that nothing is mounted there. A second mount would hide the first one, whose process
 * would stay. */
static int check_no_mount(const char *path, struct err *e)
{
    struct mounts *mounts autodestroy(mounts_free) = mounts_read();
    autofree char *inside = NULL;
    if (!mounts)
        return err_nomem(e);
    if (mounts_check(mounts, path, &inside, NULL) == 0 || !inside)
        return 0;
    bool itself = !strcmp(inside, "/") || !*inside;
    return err_fail(e, EBUSY,
                    itself
                        ? "cannot mount on '%s': a snapfs is mounted there already; 'fusermount3 "
                          "-u' removes it"
                        : "cannot mount on '%s': it is inside a snapfs mount",
                    path);
}

static int check_mountpoint(struct options *o, struct err *e)
{
    struct stat st;
    const char *given = o->mountpoint;
    int no = stat(given, &st) < 0 ? errno : 0;
    if (no == ENOENT)
        return err_fail(e, no, "the mountpoint '%s' does not exist", given);
    if (no == ENOTCONN)
        return err_fail(e, no, "a mount on '%s' has lost its process; 'fusermount3 -u' removes it",
                        given);
    if (no)
        return err_fail(e, no, "the mountpoint '%s' cannot be used: %s", given,
                        strerrordesc_np(no));
    if (!S_ISDIR(st.st_mode))
        return err_fail(e, ENOTDIR, "the mountpoint '%s' is not a directory", given);
    char *path = realpath(given, NULL);
    if (!path)
        return err_fail(e, errno, "the mountpoint '%s' cannot be resolved: %s", given,
                        strerrordesc_np(errno));
    free(o->mountpoint);
    o->mountpoint = path;
    return check_no_mount(path, e);
}

int mount_check(struct options *o, struct err *e)
{
    static const struct fuse_lowlevel_ops none = {0};
    struct fuse_session *trial = NULL;
    int r = check_mountpoint(o, e);
    if (r == 0)
        r = mount_session(o, "snapfs", &none, NULL, &trial, e);
    if (r < 0)
        return r;
    fuse_session_destroy(trial);
    return check_device(e);
}

/* Adds one -o word; commas and backslashes in it are kept. */
static bool add_word(struct fuse_args *args, const char *word)
{
    char *joined = NULL;
    bool ok = fuse_opt_add_opt_escaped(&joined, word) == 0 && fuse_opt_add_arg(args, "-o") == 0 &&
              fuse_opt_add_arg(args, joined) == 0;
    free(joined);
    return ok;
}

static bool add_source(struct fuse_args *args, const char *source)
{
    autotext struct text word = {0};
    text_add(&word, "fsname=%s", source);
    return !word.failed && add_word(args, word.s);
}

static bool add_max_read(struct fuse_args *args, uint32_t bytes)
{
    char word[32];
    snprintf(word, sizeof(word), "max_read=%" PRIu32, bytes);
    return add_word(args, word);
}

static bool fill_args(struct fuse_args *args, const struct options *o, const char *source)
{
    bool ok = fuse_opt_add_arg(args, "snapfs") == 0 && add_source(args, source) &&
              add_word(args, "subtype=snapfs") && add_word(args, "default_permissions") &&
              add_max_read(args, o->max_read);
    if (ok && o->debug)
        ok = add_word(args, "debug");
    for (size_t i = 0; i < o->libfuse.n && ok; i++)
        ok = add_word(args, o->libfuse.items[i]);
    return ok;
}

int mount_session(const struct options *o, const char *source, const struct fuse_lowlevel_ops *ops,
                  void *userdata, struct fuse_session **ret, struct err *e)
{
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    char said[256];
    if (!fill_args(&args, o, source)) {
        fuse_opt_free_args(&args);
        return err_nomem(e);
    }
    log_capture();
    struct fuse_session *session = fuse_session_new(&args, ops, sizeof(*ops), userdata);
    log_captured(said, sizeof(said));
    fuse_opt_free_args(&args);
    if (!session)
        return err_fail(e, EINVAL,
                        "libfuse refuses the options: %s; 'snapfs --help' lists them all",
                        *said ? said : "no reason");
    *ret = session;
    return 0;
}

/* Sends stderr to a file for a while, because fusermount3 itself prints to stderr. Returns the
 * saved stderr, or -1. */
static int divert_stderr(int file)
{
    int saved = file < 0 ? -1 : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (saved >= 0)
        dup2(file, STDERR_FILENO);
    return saved;
}

/* Restores stderr, and returns the first line that was written meanwhile. */
static void restore_stderr(int file, int saved, char *ret, size_t size)
{
    ret[0] = '\0';
    if (saved < 0)
        return;
    dup2(saved, STDERR_FILENO);
    close(saved);
    ssize_t n = pread(file, ret, size - 1, 0);
    ret[n > 0 ? n : 0] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
}

/* Locks the mountpoint. Returns its descriptor, or -1. Any user who may read the directory can hold
 * its lock, so the wait has a bound, and snapfs mounts without the lock then. */
static int lock_mountpoint(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && i < LOCK_TRIES; i++)
        usleep(LOCK_AGAIN_US);
    return fd;
}

static int attach(struct fuse_session *session, const char *mountpoint, struct err *e)
{
    char logged[256], printed[256];
    autoclose int file = memfd_create("snapfs-mount", MFD_CLOEXEC);
    int saved = divert_stderr(file);
    log_capture();
    int r = fuse_session_mount(session, mountpoint);
    log_captured(logged, sizeof(logged));
    restore_stderr(file, saved, printed, sizeof(printed));
    if (r == 0)
        return 0;
    const char *why = *printed ? printed : *logged ? logged : "libfuse gives no reason";
    return err_fail(e, EPERM, "cannot mount on '%s': %s", mountpoint, why);
}

int mount_attach(struct fuse_session *session, const char *mountpoint, struct err *e)
{
    int r = check_no_mount(mountpoint, e); /* else the open would wait for that snapfs */
    autoclose int lock = r < 0 ? -1 : lock_mountpoint(mountpoint);
    if (lock >= 0)
        r = check_no_mount(mountpoint, e);
    return r < 0 ? r : attach(session, mountpoint, e);
}
