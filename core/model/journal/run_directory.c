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
    ALONE = 0700,   /* root's directory, if no group may use libvirt */
    TOGETHER = 0770 /* else */
};

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

/* The directories above it, which everyone may walk through. */
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

/* It appears with its group: nobody finds it half made. */
static int make_by_root(const char *path, gid_t gid, struct err *e)
{
    char draft[64];
    snprintf(draft, sizeof(draft), "%s.%ld", path, (long)getpid());
    int r = make_above(path, e);
    if (r == 0 && mkdir(draft, ALONE) < 0)
        return fail_make(draft, errno, e);
    if (r == 0 && gid && (chown(draft, 0, gid) < 0 || chmod(draft, TOGETHER) < 0))
        r = fail_make(path, errno, e);
    if (r == 0 && renameat2(AT_FDCWD, draft, AT_FDCWD, path, RENAME_NOREPLACE) < 0 &&
        errno != EEXIST)
        r = fail_make(path, errno, e);
    rmdir(draft);
    return r;
}

/* libvirt makes it in its own mount namespace. */
static int make_by_libvirt(struct virt *v, const char *path, gid_t gid, struct err *e)
{
    struct err own = {0};
    const char *why = "no group is known that may use libvirt";
    if (gid && virt_files_local(v, &own) && virt_make_directory(v, path, gid, &own) == 0)
        return 0;
    return err_fail(e, EACCES,
                    "cannot make the directory '%s', which all users of this libvirt share: %s; as "
                    "root, mount with snapfs once, or run 'install -d -m 0770 -g GROUP %s', GROUP "
                    "being the one that may use libvirt",
                    path, own.no ? own.text : why, path);
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

/* Root lets in the group that may use libvirt, as it was not known when the directory was made. */
static int admit_group(int fd, const char *path, gid_t gid, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return fail_open(path, errno, e);
    bool root = geteuid() == 0, late = root && gid && st.st_gid == 0;
    if (st.st_uid != 0 || (!root && (st.st_mode & S_IWOTH)))
        return err_fail(e, EPERM, "the directory '%s' %s", path,
                        st.st_uid ? "is not root's" : "may be written to by everyone");
    if ((late || (root && (st.st_mode & S_IWOTH))) &&
        (fchown(fd, 0, late ? gid : st.st_gid) < 0 || fchmod(fd, TOGETHER) < 0))
        return fail_open(path, errno, e);
    return 0;
}

int run_shared_directory(struct virt *v, const char *path, bool make, struct err *e)
{
    autoclose int fd = open(path, OPEN);
    if (fd < 0 && errno == ENOENT && make) {
        int r = make_directory(v, path, e);
        if (r < 0)
            return r;
        fd = open(path, OPEN);
    }
    if (fd < 0)
        return fail_open(path, errno, e);
    int r = admit_group(fd, path, virt_owner(v).gid, e);
    int ret = fd;
    if (r == 0)
        fd = -1; /* the caller's */
    return r < 0 ? r : ret;
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

/* ---- a file in it ---- */

/* It appears with its mode and group: nobody finds it half made. */
static int make_file(int dir, const char *name)
{
    struct stat st;
    char path[32];
    autoclose int fd = openat(dir, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0660);
    if (fd < 0 || fstat(dir, &st) < 0)
        return -errno;
    if (fchown(fd, (uid_t)-1, st.st_gid) < 0 || fchmod(fd, 0660) < 0)
        return -errno;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    bool made = linkat(AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW) == 0 || errno == EEXIST;
    return made ? 0 : -errno;
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
    if (!S_ISREG(st.st_mode))
        return err_fail(e, EPERM,
                        "'%s' in the directory that all users of this libvirt share is "
                        "no regular file",
                        name);
    int ret = fd;
    fd = -1; /* the caller's */
    return ret;
}
