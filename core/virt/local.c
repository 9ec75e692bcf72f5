/* local.c - whose files libvirt's XML names: same host, root directory and mount namespace, or not.
 *
 * libvirt does not hand out its socket, so it is found among our descriptors: the connected unix
 * stream sockets with a named peer that were not there before. SO_PEERCRED names the process that
 * listens; /proc tells its root and mount namespace. Whatever cannot be found out counts as
 * elsewhere. No locks: where two connections are opened at once both sockets have to be local.
 */
#include "virt/local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/mem.h"
#include "virt/virt.h"
#include "virt/internal.h"

enum { SOCKETS_MAX = 65536, PROC_PATH_MAX = 64 /* "/proc/PID/ns/mnt", "/proc/PID/fd/…" */ };

/* ---- the URI ---- */

enum local_place local_place(const char *uri)
{
    const char *colon = strchr(uri, ':');
    if (!colon)
        return LOCAL_ELSEWHERE;
    const char *plus = memchr(uri, '+', (size_t)(colon - uri));
    size_t scheme = (size_t)((plus ? plus : colon) - uri);
    bool host = !strncmp(colon, "://", 3) && colon[3] != '/' && colon[3] != '\0' && colon[3] != '?';
    if (host || (plus && strncmp(plus, "+unix:", 6) != 0))
        return LOCAL_ELSEWHERE;
    if (plus)
        return LOCAL_UNIX;
    if (scheme == 4 && !strncmp(uri, "test", 4))
        return LOCAL_HERE;
    const char *path = !strncmp(colon, "://", 3) ? colon + 3 : colon + 1;
    bool embed = !strncmp(path, "/embed", 6) && (path[6] == '\0' || path[6] == '?');
    return embed ? LOCAL_HERE : LOCAL_UNIX;
}

/* ---- the peer ---- */

static int cannot_tell(struct err *e, pid_t pid, const char *what)
{
    return err_fail(e, EOPNOTSUPP,
                    "cannot tell whether libvirt's daemon (process %ld) sees the same files: %s: %s",
                    (long)pid, what, strerror(errno));
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
        return err_fail(e, EOPNOTSUPP,
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
    return err_fail(e, EOPNOTSUPP,
                    "libvirt's socket is served by '%s', which may forward it from another host, so "
                    "the paths it names may not be files of ours",
                    base);
}

/* ---- finding the socket ---- */

static int int_option(int fd, int option)
{
    int value = -1;
    socklen_t len = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, option, &value, &len) < 0 ? -1 : value;
}

/* A connected unix stream socket whose peer has a name in the file system. */
static bool is_candidate(int fd, ino_t *ret_inode)
{
    struct stat st;
    struct sockaddr_un peer = {0};
    socklen_t len = sizeof(peer);
    if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode) || int_option(fd, SO_DOMAIN) != AF_UNIX ||
        int_option(fd, SO_TYPE) != SOCK_STREAM ||
        getpeername(fd, (struct sockaddr *)&peer, &len) < 0 || peer.sun_path[0] != '/')
        return false;
    *ret_inode = st.st_ino;
    return true;
}

typedef int visit_fn(int fd, ino_t inode, void *arg);

/* Calls `visit` for each candidate until it returns something else than 0; -errno on failure. */
static int each_socket(visit_fn *visit, void *arg)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return -errno;
    int r = 0;
    for (struct dirent *d; !r && (d = readdir(dir));) {
        ino_t inode;
        int fd = (int)strtol(d->d_name, NULL, 10);
        if (d->d_name[0] != '.' && is_candidate(fd, &inode))
            r = visit(fd, inode, arg);
    }
    closedir(dir);
    return r;
}

static int remember(int fd, ino_t inode, void *arg)
{
    (void)fd;
    struct local_sockets *s = arg;
    ino_t *more = s->n < SOCKETS_MAX ? realloc(s->inodes, (s->n + 1) * sizeof(*more)) : NULL;
    if (!more)
        return -ENOMEM;
    s->inodes = more;
    s->inodes[s->n++] = inode;
    return 0;
}

void local_sockets_read(struct local_sockets *ret)
{
    *ret = (struct local_sockets){0};
    ret->failed = each_socket(remember, ret) != 0;
}

void local_sockets_drop(struct local_sockets *s)
{
    free(s->inodes);
    *s = (struct local_sockets){0};
}

struct search {
    const struct local_sockets *before;
    size_t found;
    struct err *why;
};

static int judge(int fd, ino_t inode, void *arg)
{
    struct search *s = arg;
    for (size_t i = 0; i < s->before->n; i++)
        if (s->before->inodes[i] == inode)
            return 0;
    s->found++;
    int r = local_peer(fd, s->why);
    return r ? r : check_program(peer_of(fd), s->why);
}

bool local_files(const char *uri, const struct local_sockets *before, struct err *why)
{
    enum local_place place = uri ? local_place(uri) : LOCAL_ELSEWHERE;
    if (place == LOCAL_HERE)
        return true;
    if (place == LOCAL_ELSEWHERE) {
        err_fail(why, EOPNOTSUPP, "'%s' leads to another host, whose files are not ours",
                 uri ? uri : "(unknown)");
        return false;
    }
    struct search s = {.before = before, .why = why};
    if (!before->failed && !each_socket(judge, &s) && s.found)
        return true;
    if (!why->no)
        err_fail(why, EOPNOTSUPP,
                 "cannot find the socket that leads to libvirt's daemon, so it cannot be told "
                 "whether its files are ours");
    return false;
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
