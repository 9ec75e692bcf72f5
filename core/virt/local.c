/* SPDX-License-Identifier: GPL-3.0-or-later */
/* local.c - whether libvirt's XML names files that snapfs sees: same host, root directory and mount
 * namespace.
 *
 * SO_PEERCRED of the connection's socket names the process that listens. /proc shows its root and
 * mount namespace or, to an ordinary user, its list of mounts. If anything cannot be determined,
 * the files count as elsewhere. No locks.
 */
#include "virt/local.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/text.h"
#include "virt/internal.h"
#include "virt/virt.h"

enum {
    PROC_PATH_MAX = 64, /* "/proc/PID/mountinfo", … */
    MOUNTS_CHUNK = 65536,
    MOUNTS_BYTES_MAX = 64 << 20, /* some 100,000 mounts; no host has more */
    MOUNTS_TRIES = 10,           /* of lists that differ */
    MOUNTS_AGAIN_US = 2000
};

/* ---- the peer ---- */

/* Fails, with errno in the sentence. A /proc mounted with hidepid= hides processes that exist. */
static int cannot_tell(struct err *e, pid_t pid, const char *what)
{
    int no = errno;
    bool hidden = no == ENOENT && kill(pid, 0) < 0 && errno == EPERM;
    return err_fail(e, EOPNOTSUPP,
                    "cannot tell whether libvirt's daemon (process %ld) sees the same files: "
                    "%s: %s%s",
                    (long)pid, what, strerrordesc_np(no),
                    hidden ? ", because /proc is mounted with hidepid" : "");
}

/* Tells whether two paths lead to the same file on the same mount. A bind mount of / may lack the
 * mounts below /. */
static int same_file(const char *a, const char *b, bool *ret)
{
    struct statx sa, sb;
    unsigned want = STATX_INO | STATX_MNT_ID;
    if (statx(AT_FDCWD, a, 0, want, &sa) < 0 || statx(AT_FDCWD, b, 0, want, &sb) < 0)
        return -errno;
    *ret = sa.stx_ino == sb.stx_ino && sa.stx_dev_major == sb.stx_dev_major &&
           sa.stx_dev_minor == sb.stx_dev_minor;
    if (sa.stx_mask & sb.stx_mask & STATX_MNT_ID)
        *ret = *ret && sa.stx_mnt_id == sb.stx_mnt_id;
    return 0;
}

/* Tells whether /proc shows snapfs's own pid namespace. If not, its numbers name other processes.
 * */
static bool proc_is_ours(void)
{
    char buf[PROC_PATH_MAX];
    ssize_t n = readlink("/proc/self", buf, sizeof(buf) - 1);
    if (n <= 0)
        return false;
    buf[n] = '\0';
    return strtol(buf, NULL, 10) == (long)getpid();
}

static int elsewhere(struct err *e, pid_t pid)
{
    return err_fail(
        e, EOPNOTSUPP,
        "libvirt's daemon (process %ld) runs in another mount namespace, so snapfs cannot reach "
        "the files that it names",
        (long)pid);
}

static int other_root(struct err *e, pid_t pid)
{
    return err_fail(
        e, EOPNOTSUPP,
        "libvirt's daemon (process %ld) has another root directory, so snapfs cannot reach the "
        "files that it names",
        (long)pid);
}

/* ---- by the list of mounts, which every user may read ----
 *
 * Each line begins with a mount's number, unique on the host in all namespaces. The line also has
 * the mount's place below the process's root directory. So a list that is not empty belongs to
 * exactly one namespace and one root.
 */

/* Returns NULL with errno if it fails. */
static char *read_mounts(const char *path)
{
    autotext struct text t = {0};
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    autofree char *chunk = fd < 0 ? NULL : malloc(MOUNTS_CHUNK);
    ssize_t n = chunk ? 1 : -1;
    while (n > 0 && t.len < MOUNTS_BYTES_MAX)
        if ((n = read(fd, chunk, MOUNTS_CHUNK)) > 0)
            text_put(&t, chunk, (size_t)n);
    if (n > 0)
        errno = EFBIG;
    char *ret = n == 0 ? text_take(&t, NULL) : NULL;
    return ret;
}

/* Looks once. Returns 1 if the lists are the same, 0 if not, -EAGAIN if snapfs's own list changed
 * meanwhile. */
static int look_at_mounts(const char *path)
{
    autofree char *before = read_mounts("/proc/self/mountinfo");
    autofree char *theirs = before ? read_mounts(path) : NULL;
    autofree char *after = theirs ? read_mounts("/proc/self/mountinfo") : NULL;
    if (!after)
        return errno ? -errno : -ENOMEM;
    if (strcmp(before, after) != 0)
        return -EAGAIN;
    return *before && !strcmp(before, theirs);
}

/* Compares the lists of mounts. A mount that comes or goes between two reads makes the lists
 * differ, so such lists are read again. */
static int check_mounts(pid_t pid, struct err *e)
{
    char path[PROC_PATH_MAX];
    snprintf(path, sizeof(path), "/proc/%ld/mountinfo", (long)pid);
    int r = -EAGAIN;
    for (int i = 0; i < MOUNTS_TRIES && (r == -EAGAIN || r == 0); i++) {
        if (i)
            usleep(MOUNTS_AGAIN_US);
        errno = 0;
        r = look_at_mounts(path);
    }
    if (r == 0)
        return err_fail(
            e, EOPNOTSUPP,
            "libvirt's daemon (process %ld) runs in another mount namespace or root directory, so "
            "snapfs cannot reach the files that it names",
            (long)pid);
    errno = -r;
    return r < 0 ? cannot_tell(e, pid, path) : 0;
}

static int check_namespace(pid_t pid, struct err *e)
{
    char path[PROC_PATH_MAX];
    bool same;
    snprintf(path, sizeof(path), "/proc/%ld/ns/mnt", (long)pid);
    int r = same_file(path, "/proc/self/ns/mnt", &same);
    if (r == -EACCES)
        return check_mounts(pid, e);
    if (r < 0)
        return cannot_tell(e, pid, path);
    return same ? 0 : elsewhere(e, pid);
}

static int check_root(pid_t pid, struct err *e)
{
    char path[PROC_PATH_MAX];
    bool same;
    snprintf(path, sizeof(path), "/proc/%ld/root", (long)pid);
    int r = same_file(path, "/", &same);
    if (r == -EACCES)
        return 0; /* check_mounts has compared the roots too */
    if (r < 0)
        return cannot_tell(e, pid, path);
    return same ? 0 : other_root(e, pid);
}

static int check_process(pid_t pid, struct err *e)
{
    int r = check_namespace(pid, e);
    return r < 0 ? r : check_root(pid, e);
}

static pid_t peer_of(int fd)
{
    struct ucred cred;
    socklen_t len = sizeof(cred);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || len != sizeof(cred))
        return 0;
    return cred.pid;
}

int local_peer(int fd, struct err *e)
{
    pid_t pid = peer_of(fd);
    if (pid <= 0)
        return err_fail(
            e, EOPNOTSUPP,
            "libvirt's daemon runs in another process namespace, so snapfs may not reach the files "
            "that it names");
    if (!proc_is_ours())
        return err_fail(
            e, EOPNOTSUPP,
            "/proc does not show the processes of this user, so it cannot be told whether "
            "libvirt's daemon sees the same files");
    return check_process(pid, e);
}

/* Reads the program of a process. For another user's process it is only its name, cut after 15
 * bytes. */
static int read_program(pid_t pid, char *ret, size_t size, struct err *e)
{
    char path[PROC_PATH_MAX];
    snprintf(path, sizeof(path), "/proc/%ld/exe", (long)pid);
    ssize_t n = readlink(path, ret, size - 1);
    if (n < 0 && errno == EACCES) {
        snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
        autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? -1 : read(fd, ret, size - 1);
    }
    if (n < 0)
        return cannot_tell(e, pid, path);
    ret[n] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
    return 0;
}

/* Checks the program that listens. The peer of a socket forwarded from elsewhere (ssh -L, socat) is
 * the forwarder. Under socket activation systemd listens. */
static int check_program(pid_t pid, struct err *e)
{
    char program[256];
    int r = read_program(pid, program, sizeof(program), e);
    if (r < 0)
        return r;
    const char *slash = strrchr(program, '/');
    const char *base = slash ? slash + 1 : program;
    if (pid == 1 || strstr(base, "virt") || !strncmp(base, "systemd", 7))
        return 0;
    return err_fail(
        e, EOPNOTSUPP,
        "libvirt's socket is served by '%s', which may forward it from another host, so snapfs may "
        "not reach the files that libvirt names",
        base);
}

/* ---- the connection ---- */

bool local_files(const char *uri, const struct sockets *sockets, struct err *why)
{
    enum sockets_place place = uri ? sockets_place(uri) : SOCKETS_ELSEWHERE;
    if (place == SOCKETS_NONE)
        return true;
    if (place == SOCKETS_ELSEWHERE) {
        err_fail(why, EOPNOTSUPP, "'%s' leads to another host, whose files snapfs cannot reach",
                 uri ? uri : "(unknown)");
        return false;
    }
    if (!sockets->n)
        err_fail(
            why, EOPNOTSUPP,
            "cannot find the socket that leads to libvirt's daemon, so it cannot be told whether "
            "snapfs sees its files");
    for (size_t i = 0; i < sockets->n; i++)
        if (local_peer(sockets->fds[i], why) || check_program(peer_of(sockets->fds[i]), why))
            return false;
    return sockets->n > 0;
}
