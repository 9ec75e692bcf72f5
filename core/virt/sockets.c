/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sockets.c - see sockets.h. It compares /proc/self/fd before and after the open of a connection.
 *
 * There are no locks. So if two connections are opened at once, each may count the other's sockets
 * as its own. This only makes the answers more cautious.
 */
#include "virt/sockets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

enum { BEFORE_MAX = 65536, LINK_MAX_BYTES = 64 };

enum sockets_place sockets_place(const char *uri)
{
    const char *colon = strchr(uri, ':');
    if (!colon)
        return SOCKETS_ELSEWHERE;
    const char *plus = memchr(uri, '+', (size_t)(colon - uri));
    const char *rest = !strncmp(colon, "://", 3) ? colon + 3 : colon + 1;
    bool host = rest == colon + 3 && *rest != '/' && *rest != '\0' && *rest != '?';
    if (host || (plus && strncmp(plus, "+unix:", 6) != 0))
        return SOCKETS_ELSEWHERE;
    if (plus)
        return SOCKETS_UNIX;
    bool embed = !strncmp(rest, "/embed", 6) && (rest[6] == '\0' || rest[6] == '?');
    return embed || !strncmp(uri, "test:", 5) ? SOCKETS_NONE : SOCKETS_UNIX;
}

/* ---- snapfs's descriptors ---- */

static int int_option(int fd, int option)
{
    int value = -1;
    socklen_t len = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, option, &value, &len) < 0 ? -1 : value;
}

typedef int visit_fn(int fd, ino_t inode, void *arg);

/* Returns the inode of a descriptor's socket; 0 if it is not a socket. It reads the link, because
 * another thread may close the descriptor meanwhile, and the number may then be another file. */
static ino_t socket_inode(int dir, const char *name)
{
    char target[LINK_MAX_BYTES] = "";
    uintmax_t inode = 0;
    if (readlinkat(dir, name, target, sizeof(target) - 1) < 0 ||
        sscanf(target, "socket:[%ju]", &inode) != 1)
        return 0;
    return (ino_t)inode;
}

/* Calls `visit` for each stream socket until it returns a value other than 0. */
static int each_socket(visit_fn *visit, void *arg)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return -errno;
    int r = 0;
    for (struct dirent *d; r == 0 && (d = readdir(dir));) {
        ino_t inode = socket_inode(dirfd(dir), d->d_name);
        int fd = (int)strtol(d->d_name, NULL, 10);
        if (inode && int_option(fd, SO_TYPE) == SOCK_STREAM)
            r = visit(fd, inode, arg);
    }
    closedir(dir);
    return r;
}

static int remember(int fd, ino_t inode, void *arg)
{
    (void)fd;
    struct sockets_before *b = arg;
    if (b->n >= BEFORE_MAX || !mem_room(b->inodes, b->n))
        return -ENOMEM;
    b->inodes[b->n++] = inode;
    return 0;
}

void sockets_read(struct sockets_before *ret)
{
    *ret = (struct sockets_before){0};
    ret->failed = each_socket(remember, ret) != 0;
}

void sockets_drop(struct sockets_before *b)
{
    free(b->inodes);
    *b = (struct sockets_before){0};
}

/* ---- the connection's ---- */

struct search {
    struct sockets_before *before;
    enum sockets_place place;
    bool any_name; /* the URI names the socket itself */
    struct sockets *found;
};

/* Tells whether the path is that of a libvirt socket, such as ".../libvirt-sock" or
 * ".../virtqemud-sock-ro". A name service's socket, for example, is not: libc opens that socket in
 * passing, and keeps it open. */
static bool is_libvirts(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && strstr(slash, "virt") && strstr(slash, "-sock");
}

static bool fits(const struct search *s, int fd)
{
    struct sockaddr_un peer = {0};
    socklen_t len = sizeof(peer) - 1;
    int family = int_option(fd, SO_DOMAIN);
    if (getpeername(fd, (struct sockaddr *)&peer, &len) < 0)
        return false;
    bool named = family == AF_UNIX && peer.sun_path[0] == '/';
    if (s->place == SOCKETS_UNIX)
        return named && (s->any_name || is_libvirts(peer.sun_path));
    return !named; /* the pair that leads to ssh, or TCP */
}

static int collect(int fd, ino_t inode, void *arg)
{
    struct search *s = arg;
    for (size_t i = 0; i < s->before->n; i++)
        if (s->before->inodes[i] == inode)
            return 0;
    if (!fits(s, fd))
        return 0;
    int copy = s->found->n < SOCKETS_MAX ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (copy < 0)
        return -EMFILE;
    s->found->fds[s->found->n++] = copy;
    /* the copy has the same inode: the loop may meet it, and must not copy it again */
    return remember(fd, inode, s->before);
}

void sockets_find(const char *uri, struct sockets_before *before, struct sockets *ret)
{
    *ret = (struct sockets){0};
    struct search s = {.before = before, .found = ret};
    s.place = uri ? sockets_place(uri) : SOCKETS_NONE;
    s.any_name = uri && strstr(uri, "socket=");
    if (s.place != SOCKETS_NONE && (before->failed || each_socket(collect, &s)))
        sockets_close(ret);
}

void sockets_break(const struct sockets *s)
{
    for (size_t i = 0; i < s->n; i++)
        shutdown(s->fds[i], SHUT_RDWR);
}

void sockets_close(struct sockets *s)
{
    for (size_t i = 0; i < s->n; i++)
        close(s->fds[i]);
    *s = (struct sockets){0};
}
