/* local.c - whose files libvirt's XML names: same host, root directory and mount namespace, or not.
 *
 * SO_PEERCRED of the connection's socket names the process that listens; /proc tells its root and
 * mount namespace. Whatever cannot be found out counts as elsewhere. No locks.
 */
#include "virt/local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "virt/internal.h"
#include "virt/virt.h"

enum { PROC_PATH_MAX = 64 /* "/proc/PID/ns/mnt", "/proc/PID/fd/…" */ };

/* ---- the peer ---- */

static int cannot_tell(struct err *e, pid_t pid, const char *what)
{
    return err_fail(
        e, EOPNOTSUPP,
        "cannot tell whether libvirt's daemon (process %ld) sees the same files: %s: %s", (long)pid,
        what, strerror(errno));
}

/* Are two files the same, down to the mount (a bind mount of / may lack what is mounted below)? */
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

/* Is /proc that of our own pid namespace? Else its numbers name other processes. */
static bool proc_is_ours(void)
{
    char buf[PROC_PATH_MAX];
    ssize_t n = readlink("/proc/self", buf, sizeof(buf) - 1);
    if (n <= 0)
        return false;
    buf[n] = '\0';
    return strtol(buf, NULL, 10) == (long)getpid();
}

static int check_process(pid_t pid, struct err *e)
{
    char path[PROC_PATH_MAX];
    bool same;
    snprintf(path, sizeof(path), "/proc/%ld/ns/mnt", (long)pid);
    if (same_file(path, "/proc/self/ns/mnt", &same) < 0)
        return cannot_tell(e, pid, path);
    if (!same)
        return err_fail(e, EOPNOTSUPP,
                        "libvirt's daemon (process %ld) runs in another mount namespace, so the "
                        "paths it names are not files of ours",
                        (long)pid);
    snprintf(path, sizeof(path), "/proc/%ld/root", (long)pid);
    if (same_file(path, "/", &same) < 0)
        return cannot_tell(e, pid, path);
    if (!same)
        return err_fail(
            e, EOPNOTSUPP,
            "libvirt's daemon (process %ld) has another root directory, so the paths it "
            "names are not files of ours",
            (long)pid);
    return 0;
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
        return err_fail(e, EOPNOTSUPP,
                        "libvirt's daemon runs in another process namespace, so the paths it names "
                        "may not be files of ours");
    if (!proc_is_ours())
        return err_fail(e, EOPNOTSUPP,
                        "/proc does not show our own processes, so it cannot be told whether "
                        "libvirt's daemon sees the same files");
    return check_process(pid, e);
}

/* A socket that was forwarded from elsewhere (ssh -L, socat) has the forwarder as its peer. The
 * listener under socket activation is systemd. */
static int check_program(pid_t pid, struct err *e)
{
    char path[PROC_PATH_MAX], exe[256];
    snprintf(path, sizeof(path), "/proc/%ld/exe", (long)pid);
    ssize_t n = readlink(path, exe, sizeof(exe) - 1);
    if (n < 0)
        return cannot_tell(e, pid, path);
    exe[n] = '\0';
    const char *slash = strrchr(exe, '/');
    const char *base = slash ? slash + 1 : exe;
    if (pid == 1 || strstr(base, "virt") || !strncmp(base, "systemd", 7))
        return 0;
    return err_fail(
        e, EOPNOTSUPP,
        "libvirt's socket is served by '%s', which may forward it from another host, so "
        "the paths it names may not be files of ours",
        base);
}

/* ---- the connection ---- */

bool local_files(const char *uri, const struct sockets *sockets, struct err *why)
{
    enum sockets_place place = uri ? sockets_place(uri) : SOCKETS_ELSEWHERE;
    if (place == SOCKETS_NONE)
        return true;
    if (place == SOCKETS_ELSEWHERE) {
        err_fail(why, EOPNOTSUPP, "'%s' leads to another host, whose files are not ours",
                 uri ? uri : "(unknown)");
        return false;
    }
    if (!sockets->n)
        err_fail(why, EOPNOTSUPP,
                 "cannot find the socket that leads to libvirt's daemon, so it cannot be told "
                 "whether its files are ours");
    for (size_t i = 0; i < sockets->n; i++)
        if (local_peer(sockets->fds[i], why) || check_program(peer_of(sockets->fds[i]), why))
            return false;
    return sockets->n > 0;
}

/* ---- for those above ---- */

bool virt_files_local(struct virt *v, struct err *why)
{
    struct link *l;
    if (virt_acquire(v, &l, why))
        return false;
    bool local = l->local;
    if (!local)
        err_fail(why, l->why.no, "%s", l->why.text);
    virt_release(v, l);
    return local;
}
