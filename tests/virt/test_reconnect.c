/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_reconnect.c - a real daemon that is killed, stays away, comes back and hangs.
 *
 * Run as `scripts/private-libvirt THIS scripts/private-libvirt`, in whose namespaces libvirtd's
 * process id is in /run/libvirtd.pid and the script given starts it again. The domains are those of
 * the test driver inside the daemon, so that no hypervisor is needed.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "tap.h"
#include "virt/virt.h"
#include "virt/xml.h"
#include "virt/xml_request.h"

#define URI "test+unix:///default"
#define UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"

static char *script;

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static pid_t daemon_pid(void)
{
    long pid = 0;
    FILE *f = fopen("/run/libvirtd.pid", "re");
    if (!f || fscanf(f, "%ld", &pid) != 1)
        pid = 0;
    if (f)
        fclose(f);
    return (pid_t)pid;
}

/* Ends it and waits until it is gone (it is not our child). */
static void kill_daemon(void)
{
    pid_t pid = daemon_pid();
    const struct timespec tick = {.tv_nsec = 1000000};
    TAP_OK(pid > 1 && kill(pid, SIGKILL) == 0, "the daemon is killed");
    while (kill(pid, 0) == 0)
        nanosleep(&tick, NULL);
}

static void *start_daemon(void *arg)
{
    static char word[] = "--start";
    char *argv[] = {script, word, NULL};
    pid_t pid;
    int status = -1;
    bool *ok = arg;
    if (posix_spawn(&pid, script, NULL, NULL, argv, environ) == 0)
        waitpid(pid, &status, 0);
    *ok = status == 0;
    return NULL;
}

static int read_domains(struct virt *v, struct err *e)
{
    struct virt_domain *d = NULL;
    size_t n = 0;
    if (e)
        *e = (struct err){0};
    int r = virt_domains(v, &d, &n, e);
    virt_domains_free(d, n);
    return !r && n != 1 ? -EPROTO : r;
}

static int create(struct virt *v, const char *name, struct err *e)
{
    const struct xml_request q = {.name = (char *)(uintptr_t)name, .memory = XML_UNSAID};
    autofree char *xml = NULL;
    xml_request_write(NULL, &q, &xml, NULL);
    return virt_snapshot_create(v, UUID, xml, 0, NULL, e);
}

/* ---- whose files ---- */

static void test_local(struct virt *v)
{
    struct err e = {0};
    TAP_OK(virt_files_local(v, &e), "a daemon beside us: its files are ours: %s", e.text);
}

/* Opens a connection in a child that first changes its file system; returns 0 if the files are not local. */
static void test_elsewhere(int (*change)(void), const char *word, const char *what)
{
    int status = -1, out[2];
    struct err e = {0};
    if (!TAP_OK(pipe(out) == 0, "a pipe"))
        return;
    pid_t pid = fork();
    if (pid == 0) {
        struct virt *v = NULL;
        int r = change() ? err_fail(&e, errno, "cannot change") : virt_open(URI, false, &v, &e);
        bool local = r == 0 && virt_files_local(v, &e);
        virt_close(v);
        if (write(out[1], &e, sizeof(e)) != (ssize_t)sizeof(e))
            _exit(2);
        _exit(r == 0 && !local ? 0 : 1);
    }
    close(out[1]);
    bool told = read(out[0], &e, sizeof(e)) == (ssize_t)sizeof(e);
    close(out[0]);
    waitpid(pid, &status, 0);
    TAP_OK(told && status == 0 && strstr(e.text, word), "%s: %s", what, e.text);
}

static int other_mounts(void)
{
    return unshare(CLONE_NEWNS);
}

/* Everything is there, also the daemon's socket, but the root is another one. */
static int other_root(void)
{
    static const char dir[] = "/run/other";
    return mkdir(dir, 0755) || mount("/", dir, NULL, MS_BIND | MS_REC, NULL) || chroot(dir);
}

/* ---- several calls at once ---- */

enum { READERS = 6 };

struct reader {
    struct virt *v;
    int r;
    double took;
};

static void *reader(void *arg)
{
    struct reader *w = arg;
    double t = now();
    w->r = read_domains(w->v, NULL);
    w->took = now() - t;
    return NULL;
}

/* Runs all at once; returns how many had the result `want`, and shows their times. */
static unsigned read_at_once(struct virt *v, int want, double at_least, double at_most)
{
    pthread_t ids[READERS];
    struct reader w[READERS];
    unsigned n = 0, good = 0;
    for (n = 0; n < READERS; n++) {
        w[n] = (struct reader){v, 0, 0};
        if (pthread_create(&ids[n], NULL, reader, &w[n]))
            break;
    }
    for (unsigned i = 0; i < n; i++) {
        pthread_join(ids[i], NULL);
        printf("# %s after %.2f s\n", w[i].r ? err_name(-w[i].r) : "ok", w[i].took);
        good += w[i].r == want && w[i].took >= at_least && w[i].took <= at_most;
    }
    return good;
}

/* ---- coming back ---- */

static void test_restart(struct virt *v)
{
    struct err e = {0};
    bool started = false;
    uint64_t before = virt_generation(v);
    TAP_OK(read_at_once(v, 0, 0, 5) == READERS, "reads before, all at once");
    kill_daemon();
    pthread_t id;
    double t = now();
    bool ok = pthread_create(&id, NULL, start_daemon, &started) == 0;
    unsigned n = read_at_once(v, 0, 0, 5);
    TAP_OK(n == READERS, "reads wait for the daemon (%u, %.2f s)", n, now() - t);
    if (ok)
        pthread_join(id, NULL);
    TAP_OK(ok && started, "the daemon started again");
    TAP_OK(virt_generation(v) != before, "the generation differs");
    TAP_OK(virt_files_local(v, &e), "its files are still ours: %s", e.text);
}

/* ---- staying away ---- */

static void test_away(struct virt *v)
{
    struct err e = {0};
    bool started = false;
    kill_daemon();
    TAP_OK(read_at_once(v, -EHOSTDOWN, 4, 6) == READERS, "reads while it is away");
    double t = now();
    int r = read_domains(v, &e);
    TAP_OK(r == -EHOSTDOWN && now() - t < 0.5, "the next at once (%.3f s): %s", now() - t, e.text);
    r = create(v, "x", &e);
    TAP_OK(r == -EHOSTDOWN, "a change: %s", e.text);
    TAP_OK(!virt_files_local(v, &e) && e.no == EHOSTDOWN, "whose files: %s", e.text);
    start_daemon(&started);
    TAP_OK(started, "the daemon started again");
    TAP_OK(read_domains(v, &e) == 0, "and is found: %s", e.text);
}

/* ---- hanging ---- */

struct change {
    struct virt *v;
    atomic_int thread; /* its number, 0 as long as there is none */
    int r;
    double took;
    struct err e;
};

static void *change(void *arg)
{
    struct change *c = arg;
    double t = now();
    atomic_store(&c->thread, gettid());
    c->r = create(c->v, "hung", &c->e);
    c->took = now() - t;
    return NULL;
}

/* Waits until that thread of ours awaits libvirt's answer: it is in poll(2). */
static void wait_in_call(const atomic_int *thread)
{
    const struct timespec tick = {.tv_nsec = 1000000};
    char path[64];
    for (long number = -1; number != SYS_poll && number != SYS_ppoll; nanosleep(&tick, NULL)) {
        snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", atomic_load(thread));
        FILE *f = fopen(path, "re");
        if (!f || fscanf(f, "%ld", &number) != 1)
            number = -1;
        if (f)
            fclose(f);
    }
}

/* A read waits behind a change for the only connection. Both give up, and neither is tried again.
 */
static void test_hung(struct virt *v)
{
    struct change c = {.v = v};
    struct err e = {0};
    pthread_t id;
    pid_t pid = daemon_pid();
    TAP_OK(pid > 1 && kill(pid, SIGSTOP) == 0, "the daemon is stopped");
    bool ok = pthread_create(&id, NULL, change, &c) == 0;
    if (ok)
        wait_in_call(&c.thread);
    double t = now();
    int r = read_domains(v, &e);
    double took = now() - t;
    TAP_OK(r == -ETIMEDOUT && took > 25 && took < 34, "a read (%.1f s): %s", took, e.text);
    if (ok)
        pthread_join(id, NULL);
    TAP_OK(ok && c.r == -ETIMEDOUT && c.took < 34 && strstr(c.e.text, "looked up"),
           "a change (%.1f s): %s", c.took, c.e.text);
    t = now();
    r = read_domains(v, &e);
    took = now() - t;
    TAP_OK(r == -EHOSTDOWN && took < 7, "the next read (%.1f s): %s", took, e.text);
    t = now();
    r = read_domains(v, &e);
    TAP_OK(r == -EHOSTDOWN && now() - t < 1.5, "and the next (%.1f s): %s", now() - t, e.text);
    TAP_OK(kill(pid, SIGCONT) == 0, "the daemon goes on");
    for (t = now(); (r = read_domains(v, &e)) && now() - t < 10;)
        continue;
    TAP_OK(r == 0, "and is found (%.1f s): %s", now() - t, e.text);
}

/* A daemon that hangs does not keep snapfs from ending. */
static void test_close_hung(void)
{
    struct virt *v = NULL;
    struct err e = {0};
    pid_t pid = daemon_pid();
    kill(pid, SIGSTOP);
    double t = now();
    int r = virt_open(URI, false, &v, &e);
    TAP_OK(r == -ETIMEDOUT && !v && now() - t < 33, "opening (%.1f s): %s", now() - t, e.text);
    kill(pid, SIGCONT);
    r = virt_open(URI, false, &v, &e);
    kill(pid, SIGSTOP);
    t = now();
    virt_close(v);
    TAP_OK(r == 0 && now() - t < 3, "closing takes %.1f s", now() - t);
    kill(pid, SIGCONT);
}

int main(int argc, char **argv)
{
    struct virt *v = NULL;
    struct err e = {0};
    script = argc > 1 ? argv[1] : NULL;
    test_elsewhere(other_mounts, "mount namespace", "another mount namespace");
    test_elsewhere(other_root, "another root", "another root");
    if (TAP_OK(script && virt_open(URI, false, &v, &e) == 0, "'%s' opens: %s", URI, e.text)) {
        test_local(v);
        test_restart(v);
        test_away(v);
        test_hung(v);
    }
    double t = now();
    virt_close(v);
    TAP_OK(now() - t < 1, "closing takes %.3f s", now() - t);
    test_close_hung();
    return tap_done();
}
