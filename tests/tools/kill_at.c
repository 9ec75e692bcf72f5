/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kill_at.c - kills the process it is loaded into (LD_PRELOAD) at the Nth moment: N in $KILL_AT, counted
 * over the whole process. A crash at each moment leaves another state than at the one before.
 *
 * A moment is after a line of the journal is written and before its step begins (fdatasync), or
 * after a call that changes something and before the next line is written. Each is
 * named in the file $KILL_LOG as it comes. With $KILL_PID_FILE the process named there is killed
 * instead; with $KILL_RUN no process is killed, but that shell command is run to its end.
 *
 * Merges get $KILL_BANDWIDTH, in MiB/s. Each time that all domains are listed is a line of
 * $KILL_LISTINGS.
 *
 * With $KILL_ARMED it is loaded into libvirt's daemon, whose moments are before and after each file
 * that it puts in the place of another, and after each call; they count while the file of that name
 * is there. Programs that the daemon runs have no such moments.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libvirt/libvirt.h>

static pid_t victim(void)
{
    const char *path = getenv("KILL_PID_FILE");
    FILE *file = path ? fopen(path, "re") : NULL;
    int pid = 0;
    if (!path)
        return getpid();
    if (file && fscanf(file, "%d", &pid) != 1)
        pid = 0;
    if (file)
        fclose(file);
    return pid;
}

static void run(char *command)
{
    char *arguments[] = {(char[]){"sh"}, (char[]){"-c"}, command, NULL};
    pid_t pid;
    unsetenv("LD_PRELOAD");
    if (posix_spawn(&pid, "/bin/sh", NULL, NULL, arguments, environ) == 0)
        waitpid(pid, NULL, 0);
}

static void act(void)
{
    char *command = getenv("KILL_RUN");
    pid_t pid = command ? 0 : victim();
    if (command)
        run(command);
    if (pid > 0)
        kill(pid, SIGKILL);
}

/* The daemon passes its environment on to the programs that it runs. */
static bool is_armed(bool in_daemon)
{
    const char *armed = getenv("KILL_ARMED");
    if (!armed)
        return !in_daemon;
    return !strcmp(program_invocation_short_name, "libvirtd") && access(armed, F_OK) == 0;
}

static void moment_of(bool in_daemon, const char *name)
{
    static atomic_int count;
    if (!is_armed(in_daemon))
        return;
    const char *at = getenv("KILL_AT"), *log = getenv("KILL_LOG");
    int fd = log ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (fd >= 0) {
        dprintf(fd, "%s\n", name);
        close(fd);
    }
    if (at && atomic_fetch_add(&count, 1) + 1 == strtol(at, NULL, 10))
        act();
}

static void moment(const char *name)
{
    moment_of(false, name);
}

/* Returns the function that this one replaces. */
#define NEXT(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

int fdatasync(int fd)
{
    moment("fdatasync");
    return NEXT(fdatasync)(fd);
}

/* Writes a line to the file that the variable names. */
static void note(const char *variable, const char *what, const char *path)
{
    const char *log = getenv(variable);
    FILE *file = log ? fopen(log, "ae") : NULL;
    if (!file)
        return;
    fprintf(file, "%s%s\n", what, path);
    fclose(file);
}

/* This is not a moment: $KILL_SYNCS gets the names of the files that are synced. */
int fsync(int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path) - 1);
    if (n > 0) {
        path[n] = '\0';
        note("KILL_SYNCS", "", path);
    }
    return NEXT(fsync)(fd);
}

int unlink(const char *path)
{
    note("KILL_SYNCS", "unlink ", path);
    int r = NEXT(unlink)(path);
    moment("unlink");
    return r;
}

int rename(const char *old, const char *new)
{
    const char *name = strrchr(new, '/');
    moment_of(true, "before-rename");
    int r = NEXT(rename)(old, new);
    moment_of(true, name ? name + 1 : new);
    return r;
}

ssize_t copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t len,
                        unsigned flags)
{
    ssize_t n = NEXT(copy_file_range)(in, in_at, out, out_at, len, flags);
    moment("copy");
    return n;
}

/* This is not a moment. */
int virConnectListAllDomains(virConnectPtr conn, virDomainPtr **domains, unsigned int flags)
{
    note("KILL_LISTINGS", "", "domains");
    return NEXT(virConnectListAllDomains)(conn, domains, flags);
}

int virDomainRevertToSnapshot(virDomainSnapshotPtr snapshot, unsigned int flags)
{
    int r = NEXT(virDomainRevertToSnapshot)(snapshot, flags);
    moment("revert");
    return r;
}

virDomainPtr virDomainDefineXMLFlags(virConnectPtr conn, const char *xml, unsigned int flags)
{
    virDomainPtr dom = NEXT(virDomainDefineXMLFlags)(conn, xml, flags);
    moment("define");
    return dom;
}

int virDomainUndefineFlags(virDomainPtr dom, unsigned int flags)
{
    int r = NEXT(virDomainUndefineFlags)(dom, flags);
    moment("undefine");
    return r;
}

int virDomainDestroyFlags(virDomainPtr dom, unsigned int flags)
{
    int r = NEXT(virDomainDestroyFlags)(dom, flags);
    moment("destroy");
    return r;
}

int virDomainCreateWithFlags(virDomainPtr dom, unsigned int flags)
{
    int r = NEXT(virDomainCreateWithFlags)(dom, flags);
    moment("start");
    return r;
}

int virDomainRestoreFlags(virConnectPtr conn, const char *from, const char *dxml,
                          unsigned int flags)
{
    int r = NEXT(virDomainRestoreFlags)(conn, from, dxml, flags);
    moment("restore");
    return r;
}

int virDomainFSFreeze(virDomainPtr dom, const char **mountpoints, unsigned int n,
                      unsigned int flags)
{
    int r = NEXT(virDomainFSFreeze)(dom, mountpoints, n, flags);
    moment("freeze");
    return r;
}

virDomainSnapshotPtr virDomainSnapshotCreateXML(virDomainPtr dom, const char *xml,
                                                unsigned int flags)
{
    virDomainSnapshotPtr snap = NEXT(virDomainSnapshotCreateXML)(dom, xml, flags);
    moment("snapshot");
    return snap;
}

int virDomainSnapshotDelete(virDomainSnapshotPtr snap, unsigned int flags)
{
    int r = NEXT(virDomainSnapshotDelete)(snap, flags);
    moment("delete");
    return r;
}

int virDomainBlockCommit(virDomainPtr dom, const char *disk, const char *base, const char *top,
                         unsigned long bandwidth, unsigned int flags)
{
    const char *slow = getenv("KILL_BANDWIDTH");
    if (slow)
        bandwidth = strtoul(slow, NULL, 10);
    int r = NEXT(virDomainBlockCommit)(dom, disk, base, top, bandwidth, flags);
    moment("commit");
    return r;
}

int virDomainBlockJobAbort(virDomainPtr dom, const char *disk, unsigned int flags)
{
    int r = NEXT(virDomainBlockJobAbort)(dom, disk, flags);
    moment("pivot");
    return r;
}
