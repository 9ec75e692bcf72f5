/* SPDX-License-Identifier: GPL-3.0-or-later */
/* server.c - see server.h. Lock: `lock` guards the list of processes that were killed and have not
 * ended yet. It is a leaf. */
#include "image/server.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/program.h"
#include "image/confine.h"
#include "image/export_limits.h"

enum {
    CHILD_LISTENER = 3, /* as systemd's socket activation requires */
    CHILD_FDS = 6,      /* three standard ones, the listener, the file and the secret */
    ENV_PID_MAX = 32,
    END_WAIT_MS = 1000,
    LEFT_MAX = 2 * EXPORT_SERVERS /* if half of it is used, no further process is started */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pid_t left[LEFT_MAX];
static unsigned n_left;

/* The data that the child needs between fork and exec, when it cannot allocate. */
struct launch {
    char program[PROGRAM_PATH_MAX];
    int fds[CHILD_FDS]; /* indexed by their number in the child; -1: none */
    char *argv[8], *envp[4];
    char pid[ENV_PID_MAX];
    struct confinement confinement;
};

static void close_all(int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* ---- the program ---- */

static int find_program(char ret[PROGRAM_PATH_MAX], struct err *e)
{
    if (program_find("qemu-nbd", ret))
        return 0;
    return err_fail(
        e, EOPNOTSUPP,
        "there is no 'qemu-nbd', which reads formats other than raw and qcow2; Debian has it in "
        "the package qemu-utils");
}

int server_exists(struct err *e)
{
    char program[PROGRAM_PATH_MAX];
    return find_program(program, e);
}

/* ---- the sockets ---- */

static int connect_all(const struct sockaddr_un *name, int sockets[SERVER_SOCKETS])
{
    for (int i = 0; i < SERVER_SOCKETS; i++) {
        sockets[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (sockets[i] < 0 || connect(sockets[i], (const struct sockaddr *)name, sizeof(*name)) < 0)
            return -1;
    }
    return 0;
}

/* Makes a listening socket in `dir`, which only snapfs can use, and connects the others to it. */
static int listen_in(const char *dir, int *ret_listener, int sockets[SERVER_SOCKETS])
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof(name.sun_path), "%s/socket", dir);
    *ret_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*ret_listener < 0 || bind(*ret_listener, (const struct sockaddr *)&name, sizeof(name)) < 0)
        return -errno;
    bool connected = listen(*ret_listener, SERVER_SOCKETS) == 0 && connect_all(&name, sockets) == 0;
    int r = connected ? 0 : -errno;
    unlink(name.sun_path);
    return r;
}

static int make_sockets(int *ret_listener, int sockets[SERVER_SOCKETS], struct err *e)
{
    const char *const places[] = {getenv("XDG_RUNTIME_DIR"), "/run", "/tmp"};
    char dir[sizeof(((struct sockaddr_un *)NULL)->sun_path) - sizeof("/socket")];
    bool made = false;
    for (size_t i = 0; !made && i < sizeof(places) / sizeof(*places); i++) {
        int n = snprintf(dir, sizeof(dir), "%s/snapfs-XXXXXX", places[i] ? places[i] : "");
        made = places[i] && *places[i] == '/' && (size_t)n < sizeof(dir) && mkdtemp(dir);
    }
    int r = made ? listen_in(dir, ret_listener, sockets) : -errno;
    if (made)
        rmdir(dir);
    return r < 0 ? err_fail(e, -r, "cannot make a socket for qemu-nbd: %s", strerrordesc_np(-r))
                 : 0;
}

/* ---- the secret ---- */

/* Puts the secret in memory. It is gone with its last descriptor. */
static int make_secret(const struct server_job *job, int *ret, struct err *e)
{
    *ret = -1;
    if (!job->secret || !job->secret->len)
        return 0;
    *ret = memfd_create("snapfs-secret", MFD_CLOEXEC);
    if (*ret < 0 || fchmod(*ret, 0600) < 0 ||
        write(*ret, job->secret->bytes, job->secret->len) != (ssize_t)job->secret->len)
        return err_fail(e, EIO, "cannot hand a secret to qemu-nbd: %s", strerrordesc_np(errno));
    return 0;
}

/* ---- the process ---- */

/* From here on, only calls that are safe after a fork among threads, … */

static void write_pid(char *text)
{
    static const char name[] = "LISTEN_PID=";
    char digits[16];
    size_t n = 0;
    memcpy(text, name, sizeof(name) - 1);
    text += sizeof(name) - 1;
    for (pid_t pid = getpid(); pid; pid /= 10)
        digits[n++] = (char)('0' + pid % 10);
    while (n)
        *text++ = digits[--n];
    *text = '\0';
}

static bool place_fds(const int fds[CHILD_FDS])
{
    int high[CHILD_FDS];
    for (int i = 0; i < CHILD_FDS; i++)
        high[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, CHILD_FDS);
    for (int i = 0; i < CHILD_FDS; i++) {
        close(i);
        if (fds[i] >= 0 && dup2(high[i], i) < 0)
            return false;
    }
    return close_range(CHILD_FDS, ~0U, 0) == 0;
}

static void child(struct launch *l)
{
    sigset_t none;
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    static const char unconfined[] = "the kernel does not confine it\n";
    write_pid(l->pid);
    if (!confine_enter(&l->confinement))
        (void)!write(l->fds[2], unconfined, sizeof(unconfined) - 1);
    else if (chdir("/") == 0 && place_fds(l->fds))
        execve(l->program, l->argv, l->envp);
    _exit(127);
}

/* … up to here. The child has snapfs's signal handlers at first, so all signals are blocked until
 * then. */
static pid_t spawn(struct launch *l)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pid_t pid = fork();
    if (pid == 0)
        child(l);
    int no = errno;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = no;
    return pid;
}

static int run(struct launch *l, const struct server_job *job, struct err *e)
{
    static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", fds[] = "LISTEN_FDS=1";
    static char shared[] = "--shared=4"; /* SERVER_SOCKETS */
    static char key[] = "--object=secret,id=" EXPORT_SECRET ",file=/proc/self/fd/5";
    _Static_assert(SERVER_SECRET == 5 && SERVER_SOCKETS == 4, "as the words above say");
    static char ro[] = "--read-only", depth[] = "--allocation-depth";
    static char raw[] = "--format=raw";
    char *node = (char *)(uintptr_t)job->node;
    size_t n = 0;
    l->argv[n++] = l->program;
    l->argv[n++] = ro;
    l->argv[n++] = depth;
    l->argv[n++] = shared;
    if (job->raw)
        l->argv[n++] = raw;
    if (l->fds[SERVER_SECRET] >= 0)
        l->argv[n++] = key;
    l->argv[n++] = node;
    l->argv[n] = NULL;
    memcpy(l->envp, (char *[]){path, fds, l->pid, NULL}, 4 * sizeof(char *));
    pid_t pid = spawn(l);
    return pid < 0 ? err_fail(e, errno, "cannot start qemu-nbd: %s", strerrordesc_np(errno)) : pid;
}

/* Forgets the processes that have ended by now. Fails with EBUSY if too many are left. */
static int check_left(struct err *e)
{
    pthread_mutex_lock(&lock);
    for (unsigned i = n_left; i-- > 0;)
        if (waitpid(left[i], NULL, WNOHANG) != 0)
            left[i] = left[--n_left];
    unsigned n = n_left;
    pthread_mutex_unlock(&lock);
    if (n < LEFT_MAX - EXPORT_SERVERS)
        return 0;
    return err_fail(e, EBUSY,
                    "%u processes of qemu-nbd were killed and do not end, because the storage that "
                    "they read does not answer",
                    n);
}

int server_start(const struct server_job *job, struct server *ret, int ret_sockets[SERVER_SOCKETS],
                 struct err *e)
{
    struct launch l = {.confinement.ruleset = -1};
    int words[2] = {-1, -1}, sockets[SERVER_SOCKETS] = {-1, -1, -1, -1};
    autoclose int listener = -1;
    autoclose int secret = -1;
    autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int r = check_left(e);
    if (r == 0)
        r = find_program(l.program, e);
    if (r == 0 && (null < 0 || pipe2(words, O_CLOEXEC | O_NONBLOCK) < 0))
        r = err_fail(e, errno, "cannot start qemu-nbd: %s", strerrordesc_np(errno));
    if (r == 0)
        r = make_secret(job, &secret, e);
    if (r == 0)
        r = make_sockets(&listener, sockets, e);
    if (r == 0)
        r = confine_prepare(&l.confinement, job->raw ? CONFINE_NETWORK : CONFINE_LOCAL, l.program,
                            job->file, e);
    memcpy(l.fds, (int[]){null, null, words[1], listener, job->file, secret}, sizeof(l.fds));
    if (r == 0)
        r = run(&l, job, e);
    confine_drop(&l.confinement);
    if (words[1] >= 0)
        close(words[1]);
    if (r < 0) {
        close_all(sockets, SERVER_SOCKETS);
        close_all(words, 1);
        return r;
    }
    *ret = (struct server){.pid = r, .words = words[0]};
    memcpy(ret_sockets, sockets, sizeof(sockets));
    return 0;
}

const char *server_said(const struct server *s, char *buf, size_t size)
{
    static const char node[] = "': ";
    ssize_t n = read(s->words, buf, size - 1);
    buf[n > 0 ? n : 0] = '\0';
    buf[strcspn(buf, "\n")] = '\0';
    const char *why = strstr(buf, node);
    return why ? why + sizeof(node) - 1 : buf;
}

void server_kill(const struct server *s)
{
    kill(s->pid, SIGKILL);
}

/* Waits for the process's end, for END_WAIT_MS at most. Tells whether it has ended. */
static bool reap(pid_t pid)
{
    struct timespec step = {.tv_nsec = CLOCK_MS};
    uint64_t until = clock_ms() + END_WAIT_MS;
    while (waitpid(pid, NULL, WNOHANG) == 0) {
        if (clock_ms() >= until)
            return false;
        nanosleep(&step, NULL);
    }
    return true;
}

/* Kills the process. The kernel cannot end a process that waits for storage; such a process is kept
 * in the list. */
void server_end(struct server *s)
{
    server_kill(s);
    close(s->words);
    if (reap(s->pid))
        return;
    autolock(&lock);
    if (n_left < LEFT_MAX)
        left[n_left++] = s->pid;
}
