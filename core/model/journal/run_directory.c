/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run_directory.c - see run_directory.h. No locks. */
#include "model/journal/run_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "virt/shared.h"

#define SHARED "/run/snapfs"

enum {
    OPEN = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
    ALONE = 0700,    /* root's directory, if no group may use libvirt */
    TOGETHER = 0770, /* else */
    STICKY = 01000,  /* of RUN_KEPT */
    TRIES = 10,
    AGAIN_US = 20000
};

static mode_t mode_of(const char *path, gid_t gid)
{
    mode_t sticky = strcmp(path, RUN_KEPT) != 0 ? 0 : STICKY;
    return gid ? TOGETHER | sticky : ALONE;
}

bool run_is_shared(const struct virt *v)
{
    struct virt_owner owner = virt_owner(v);
    return owner.known && owner.uid == 0;
}

/* ---- making it ---- */

static int fail_make(const char *path, int no, struct err *e)
{
    return err_fail(e, no, "cannot make the directory '%s': %s", path, strerrordesc_np(no));
}

/* Makes the directories above it, which everyone may walk through. */
static int make_above(const char *path, struct err *e)
{
    autofree char *above = strdup(path);
    if (!above)
        return err_nomem(e);
    for (char *slash = above + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        if (mkdir(above, 0755) < 0 && errno != EEXIST)
            return fail_make(above, errno, e);
        *slash = '/';
    }
    return 0;
}

/* Makes the directory as root. It appears with its group, so that no process finds it half made. */
static int make_by_root(const char *path, gid_t gid, struct err *e)
{
    char input[64];
    snprintf(input, sizeof(input), "%s.XXXXXX", path); /* a kill may leave one behind */
    int r = make_above(path, e);
    if (r < 0)
        return r;
    if (!mkdtemp(input)) /* of mode 0700, which is ALONE */
        return fail_make(input, errno, e);
    if (gid && (chown(input, 0, gid) < 0 || chmod(input, mode_of(path, gid)) < 0))
        r = fail_make(path, errno, e);
    if (r == 0 && renameat2(AT_FDCWD, input, AT_FDCWD, path, RENAME_NOREPLACE) < 0 &&
        errno != EEXIST)
        r = fail_make(path, errno, e);
    rmdir(input);
    return r;
}

/* Has libvirt make the directory, in its own mount namespace. If libvirt lets the user in but no
 * group does, the directory is for that user and root. */
static int make_by_libvirt(struct virt *v, const char *path, gid_t gid, struct err *e)
{
    struct err own = {0};
    uid_t owner = gid && group_member(gid) ? 0 : geteuid();
    if (virt_files_local(v, &own) && virt_make_directory(v, path, owner, gid, &own) == 0)
        return 0;
    return err_fail(e, EACCES,
                    "cannot make the directory '%s', which all users of this libvirt share: %s; as "
                    "root, mount with snapfs once, or run 'install -d -m 0770 -g GROUP %s', GROUP "
                    "being the one that may use libvirt",
                    path, own.text, path);
}

static int make_directory(struct virt *v, const char *path, struct err *e)
{
    gid_t gid = virt_owner(v).gid;
    return geteuid() == 0 ? make_by_root(path, gid, e) : make_by_libvirt(v, path, gid, e);
}

/* ---- opening it ---- */

static int fail_open(const char *path, int no, struct err *e)
{
    const char *who = no == EACCES ? "; root and the group that may use libvirt share it" : "";
    return err_fail(e, no, "cannot open the directory '%s': %s%s", path, strerrordesc_np(no), who);
}

/* Corrects the directory as root: lets in the group that may use libvirt, once that is known, and
 * no other user. */
static int settle_by_root(int fd, const char *path, const struct stat *st, gid_t gid)
{
    bool theirs = gid && (st->st_gid == 0 || st->st_uid != 0);
    mode_t mode = mode_of(path, gid);
    bool sticky = !(mode & STICKY) || (st->st_mode & STICKY) || st->st_gid != gid;
    if (!theirs && sticky && !(st->st_mode & S_IWOTH))
        return 0;
    return fchown(fd, 0, theirs ? gid : st->st_gid) < 0 || fchmod(fd, mode) < 0 ? -errno : 0;
}

/* Checks that strangers cannot write to the directory: they could remove a lock that is held. */
static int check_trusted(int fd, const char *path, gid_t gid, struct err *e)
{
    struct stat st;
    int r = fstat(fd, &st) < 0 ? -errno : 0;
    if (r == 0 && geteuid() == 0)
        r = settle_by_root(fd, path, &st, gid);
    if (r < 0)
        return fail_open(path, -r, e);
    if (geteuid() == 0 || (!(st.st_mode & S_IWOTH) && (!st.st_uid || st.st_uid == geteuid())))
        return 0;
    return err_fail(e, EPERM, "the directory '%s' %s", path,
                    st.st_mode & S_IWOTH ? "may be written to by everyone" : "is another user's");
}

/* Makes and opens the directory. Another process may be making it at that moment. */
static int make_and_open(struct virt *v, const char *path, struct err *e)
{
    int fd = -1, r = 0;
    for (int i = 0; fd < 0 && i < TRIES; i++) {
        if (i)
            usleep(AGAIN_US);
        r = make_directory(v, path, e);
        fd = open(path, OPEN);
    }
    if (fd >= 0)
        return fd;
    return r < 0 ? r : fail_open(path, errno, e);
}

int run_shared_directory(struct virt *v, const char *path, bool make, struct err *e)
{
    int fd = open(path, OPEN);
    if (fd < 0)
        fd = errno == ENOENT && make ? make_and_open(v, path, e) : fail_open(path, errno, e);
    int r = fd < 0 ? fd : check_trusted(fd, path, virt_owner(v).gid, e);
    if (r < 0 && fd >= 0)
        close(fd);
    return r < 0 ? r : fd;
}

static int own_directory(bool make, struct err *e)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    autotext struct text t = {0};
    if (!runtime || runtime[0] != '/')
        return err_fail(e, ENOENT, "XDG_RUNTIME_DIR is not set");
    text_add(&t, "%s/snapfs", runtime);
    if (t.failed)
        return err_nomem(e);
    if (make && mkdir(t.s, ALONE) < 0 && errno != EEXIST)
        return fail_make(t.s, errno, e);
    int fd = open(t.s, OPEN);
    return fd < 0 ? fail_open(t.s, errno, e) : fd;
}

int run_directory(struct virt *v, bool make, struct err *e)
{
    bool shared = geteuid() == 0 || run_is_shared(v);
    return shared ? run_shared_directory(v, SHARED, make, e) : own_directory(make, e);
}

/* ---- a file in the directory ---- */

/* Makes the file. It appears with its mode and group, so that no process finds it half made. */
static int make_file(int dir, const char *name)
{
    struct stat st;
    char path[32];
    autoclose int fd = openat(dir, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0660);
    if (fd < 0 || fstat(dir, &st) < 0)
        return -errno;
    bool mine = st.st_uid == geteuid(); /* the user may not be in the directory's group */
    if ((fchown(fd, (uid_t)-1, st.st_gid) < 0 && !mine) || fchmod(fd, 0660) < 0)
        return -errno;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    bool made = linkat(AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW) == 0 || errno == EEXIST;
    return made ? 0 : -errno;
}

/* Checks the file. The caller writes to it, and a member of the group could have linked root's own
 * file there. */
static int check_file(const char *name, const struct stat *st, struct err *e)
{
    const char *why = !S_ISREG(st->st_mode) ? "is not a regular file"
                      : st->st_nlink > 1    ? "has another name, too"
                                            : NULL;
    if (!why)
        return 0;
    return err_fail(e, EPERM,
                    "cannot use '%s' in the directory that all users of this libvirt share: it %s; "
                    "remove it",
                    name, why);
}

int run_file(int dir, const char *name, struct err *e)
{
    struct stat st;
    enum { HOW = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC };
    autoclose int fd = openat(dir, name, HOW);
    if (fd < 0 && errno == ENOENT) {
        int r = make_file(dir, name);
        if (r < 0)
            return err_fail(e, -r,
                            "cannot make '%s' in the directory that all users of this "
                            "libvirt share: %s",
                            name, strerrordesc_np(-r));
        fd = openat(dir, name, HOW);
    }
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_fail(e, errno,
                        "cannot open '%s' in the directory that all users of this "
                        "libvirt share: %s",
                        name, strerrordesc_np(errno));
    int r = check_file(name, &st, e);
    if (r < 0)
        return r;
    int ret = fd;
    fd = -1; /* the caller's */
    return ret;
}
