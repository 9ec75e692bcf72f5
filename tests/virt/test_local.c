/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_local.c - whether files are local: URIs, and unix sockets whose listener sees another file system.
 *
 * The listeners are forked children that change their root or mount namespace after listen(); they
 * end when the test closes its end of a pipe. Runs in a mount namespace of its own.
 */
#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "tap.h"
#include "virt/local.h"

static const struct {
    const char *uri;
    enum sockets_place want;
} places[] = {
    {"test:///default", SOCKETS_NONE},
    {"test:///tmp/a.xml", SOCKETS_NONE},
    {"qemu:///embed?root=/tmp/x", SOCKETS_NONE},
    {"qemu:///embed", SOCKETS_NONE},
    {"qemu:///embedded", SOCKETS_UNIX},
    {"qemu:///system", SOCKETS_UNIX},
    {"qemu:///session", SOCKETS_UNIX},
    {"qemu:///system?socket=/tmp/s", SOCKETS_UNIX},
    {"qemu+unix:///system", SOCKETS_UNIX},
    {"test+unix:///default", SOCKETS_UNIX},
    {"qemu+unix:///embed", SOCKETS_UNIX},
    {"lxc:///", SOCKETS_UNIX},
    {"lxc://", SOCKETS_UNIX},
    {"qemu://host/system", SOCKETS_ELSEWHERE},
    {"qemu://localhost/system", SOCKETS_ELSEWHERE},
    {"qemu://host/embed", SOCKETS_ELSEWHERE},
    {"test://host/default", SOCKETS_ELSEWHERE},
    {"qemu+unix://host/system", SOCKETS_ELSEWHERE},
    {"qemu+ssh://host/system", SOCKETS_ELSEWHERE},
    {"qemu+ssh:///system", SOCKETS_ELSEWHERE},
    {"qemu+tls:///system", SOCKETS_ELSEWHERE},
    {"qemu+tcp:///system", SOCKETS_ELSEWHERE},
    {"qemu+ext:///system?command=/bin/x", SOCKETS_ELSEWHERE},
    {"test+ssh://host/default", SOCKETS_ELSEWHERE},
    {"qemu+unixx:///system", SOCKETS_ELSEWHERE},
    {"nonsense", SOCKETS_ELSEWHERE},
    {"", SOCKETS_ELSEWHERE},
};

static void test_places(void)
{
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
        TAP_OK(sockets_place(places[i].uri) == places[i].want, "'%s' leads where it says",
               places[i].uri);
}

/* ---- listeners ---- */

enum { NOBODY = 65534, CHANGE_US = 3000, ASKED = 50 };

static bool is_root; /* of the machine, not of a user namespace */
static char dir[] = "/tmp/test-local-XXXXXX", root[64], elsewhere[64];

struct listener {
    pid_t pid;
    int hold; /* closing it ends the child */
    struct sockaddr_un address;
};

typedef int change_fn(void);

static int no_change(void)
{
    return 0;
}

static int other_root(void)
{
    return chroot(elsewhere);
}

/* The same directory, reached by a bind mount, which lacks what is mounted below /. */
static int bound_root(void)
{
    return chroot(root);
}

static int other_mounts(void)
{
    return unshare(CLONE_NEWNS);
}

static void child(int fd, int ready, int hold, change_fn *change)
{
    char c = change() == 0 ? 'y' : 'n';
    if (write(ready, &c, 1) == 1)
        while (read(hold, &c, 1) > 0)
            continue;
    close(fd);
    _exit(0);
}

static bool start(struct listener *l, change_fn *change)
{
    static unsigned count;
    int ready[2], hold[2], fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    l->address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(l->address.sun_path, sizeof(l->address.sun_path), "%s/sock%u", dir, count++);
    if (pipe(ready) < 0 || pipe(hold) < 0)
        return false;
    l->pid = fork();
    if (l->pid == 0) {
        close(hold[1]);
        if (bind(fd, (struct sockaddr *)&l->address, sizeof(l->address)) == 0 && listen(fd, 4) == 0)
            child(fd, ready[1], hold[0], change);
        _exit(1);
    }
    close(fd);
    close(ready[1]);
    close(hold[0]);
    l->hold = hold[1];
    char c = 'n';
    bool ok = l->pid > 0 && read(ready[0], &c, 1) == 1 && c == 'y';
    close(ready[0]);
    return ok;
}

static void stop(struct listener *l)
{
    close(l->hold);
    waitpid(l->pid, NULL, 0);
}

static int reach(const struct listener *l)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)&l->address, sizeof(l->address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static int ask(const struct listener *l, struct err *e)
{
    int fd = reach(l);
    int r = fd < 0 ? -1 : local_peer(fd, e);
    close(fd);
    return r;
}

/* The same by an ordinary user, who may not look into the listener's namespaces; `times` times, or
 * until the first that fails. */
static int ask_as_nobody(const struct listener *l, unsigned times, struct err *e)
{
    int pipes[2], fd = reach(l), r = -1;
    if (fd < 0 || pipe(pipes) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        bool ok = setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
                  setresuid(NOBODY, NOBODY, NOBODY) == 0;
        for (r = ok ? 0 : -1; r == 0 && times; times--)
            r = local_peer(fd, e);
        ok = write(pipes[1], &r, sizeof(r)) > 0 && write(pipes[1], e, sizeof(*e)) > 0;
        _exit(ok ? 0 : 1);
    }
    close(pipes[1]);
    if (read(pipes[0], &r, sizeof(r)) != sizeof(r) || read(pipes[0], e, sizeof(*e)) != sizeof(*e))
        r = -1;
    close(pipes[0]);
    close(fd);
    waitpid(pid, NULL, 0);
    return r;
}

static void test_listener(change_fn *change, int want, const char *word, const char *what)
{
    struct listener l = {0};
    struct err e = {0};
    if (!TAP_OK(start(&l, change), "a listener with %s starts", what))
        return;
    int r = ask(&l, &e);
    TAP_OK(r == want && e.no == -want, "%s: %s", what, want ? e.text : "local");
    TAP_OK(!want || strstr(e.text, word), "%s: the sentence says '%s'", what, word);
    if (is_root) {
        e = (struct err){0};
        r = ask_as_nobody(&l, 1, &e);
        TAP_OK(r == want && e.no == -want, "%s, to an ordinary user: %s", what,
               want ? e.text : "local");
    }
    stop(&l);
}

/* The listener and its process have ended; the connection in its backlog lives on. */
static void test_dead(void)
{
    struct listener l = {0};
    struct err e = {0};
    int pair[2] = {-1, -1};
    if (!TAP_OK(start(&l, no_change), "a listener to die starts"))
        return;
    pair[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int c = connect(pair[0], (struct sockaddr *)&l.address, sizeof(l.address));
    stop(&l);
    int r = c ? -1 : local_peer(pair[0], &e);
    TAP_OK(r == -EOPNOTSUPP && strstr(e.text, "cannot tell"), "a dead listener: %s", e.text);
    close(pair[0]);
}

/* Mounts that come and go beside it do not look like another namespace. */
static void test_changing_mounts(void)
{
    struct listener l = {0};
    struct err e = {0};
    if (!TAP_OK(start(&l, no_change), "a listener beside changing mounts starts"))
        return;
    pid_t pid = fork();
    while (pid == 0) {
        if (mount("tmpfs", elsewhere, "tmpfs", 0, NULL) < 0 || umount(elsewhere) < 0)
            _exit(1);
        usleep(CHANGE_US);
    }
    int r = ask_as_nobody(&l, ASKED, &e);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    umount(elsewhere);
    TAP_OK(r == 0, "beside changing mounts %u times local: %s", ASKED, e.text);
    stop(&l);
}

/* A /proc that hides the processes of others. */
static void test_hidden(void)
{
    struct listener l = {0};
    struct err e = {0};
    if (!TAP_OK(start(&l, no_change), "a listener that /proc hides starts"))
        return;
    bool hidden = mount("proc", "/proc", "proc", 0, "hidepid=2") == 0;
    int r = ask_as_nobody(&l, 1, &e);
    TAP_OK(hidden && r == -EOPNOTSUPP && strstr(e.text, "hidepid"), "hidden: %s", e.text);
    umount("/proc");
    stop(&l);
}

/* Asked from inside a process namespace that does not have the listener. */
static void test_outside(void)
{
    struct listener l = {0};
    int status = -1;
    if (!TAP_OK(start(&l, no_change), "a listener outside starts"))
        return;
    pid_t pid = fork();
    if (pid == 0) {
        pid_t inner = unshare(CLONE_NEWPID) == 0 ? fork() : -1;
        struct err e = {0};
        if (inner == 0)
            _exit(ask(&l, &e) == -EOPNOTSUPP && strstr(e.text, "process namespace") ? 0 : 1);
        _exit(inner > 0 && waitpid(inner, &status, 0) == inner && status == 0 ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    TAP_OK(status == 0, "a listener outside our process namespace is not local");
    stop(&l);
}

/* An ordinary user has these rights in a user namespace of its own. */
static bool set_up(void)
{
    is_root = geteuid() == 0;
    int flags = CLONE_NEWNS | (is_root ? 0 : CLONE_NEWUSER);
    if (!mkdtemp(dir))
        return false;
    snprintf(root, sizeof(root), "%s/root", dir);
    snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", dir);
    return mkdir(root, 0755) == 0 && mkdir(elsewhere, 0755) == 0 && unshare(flags) == 0 &&
           mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("/", root, NULL, MS_BIND | (geteuid() == 0 ? 0 : MS_REC), NULL) == 0;
}

static void clean_up(void)
{
    char path[96];
    umount2(root, MNT_DETACH);
    for (unsigned i = 0; i < 16; i++) {
        snprintf(path, sizeof(path), "%s/sock%u", dir, i);
        unlink(path);
    }
    rmdir(root);
    rmdir(elsewhere);
    rmdir(dir);
}

int main(void)
{
    test_places();
    if (TAP_OK(set_up(), "a mount namespace of our own")) {
        test_listener(no_change, 0, "", "the same view");
        test_listener(other_root, -EOPNOTSUPP, "another root directory", "another root");
        test_listener(bound_root, -EOPNOTSUPP, "another root directory", "a bind mount of /");
        test_listener(other_mounts, -EOPNOTSUPP, "another mount namespace", "other mounts");
        test_dead();
        test_outside();
        if (is_root) {
            test_changing_mounts();
            test_hidden();
        }
    }
    clean_up();
    return tap_done();
}
