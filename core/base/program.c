/* SPDX-License-Identifier: GPL-3.0-or-later */
/* program.c - see program.h. */
#include "base/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

enum { SAID_MAX = 512 };

static const char *program_dirs(void)
{
    static const char fixed[] = "/usr/bin:/usr/local/bin:/bin:/run/current-system/sw/bin";
    const char *path = geteuid() && !getauxval(AT_SECURE) ? getenv("PATH") : NULL;
    return path ? path : fixed;
}

bool program_find(const char *name, char ret[PROGRAM_PATH_MAX])
{
    for (const char *p = program_dirs(); *p; p += strspn(p, ":")) {
        int len = (int)strcspn(p, ":");
        int n = snprintf(ret, PROGRAM_PATH_MAX, "%.*s/%s", len, p, name);
        if (*p == '/' && n < PROGRAM_PATH_MAX && access(ret, X_OK) == 0)
            return true;
        p += len;
    }
    return false;
}

/* Starts it with no signal blocked or ignored, and with `said` as its standard error. Returns an
 * errno. */
static int spawn(const char *path, const char *const argv[], int said, pid_t *ret)
{
    static char lang[] = "LC_ALL=C", dirs[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    char *const env[] = {lang, dirs, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&how);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigdefault(&how, &all);
    posix_spawnattr_setsigmask(&how, &none);
    int no = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    no = no ? no : posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    no = no ? no : posix_spawn_file_actions_adddup2(&files, said, 2);
    no = no ? no : posix_spawn(ret, path, &files, &how, (char *const *)(uintptr_t)argv, env);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    return no;
}

/* Reads all that the program says, and keeps the last line. */
static void read_last(int from, char ret[SAID_MAX])
{
    size_t n = 0;
    char c;
    bool fresh = true;
    for (ssize_t got; (got = read(from, &c, 1)) == 1 || (got < 0 && errno == EINTR);) {
        if (got < 0)
            continue;
        if (fresh)
            n = 0;
        fresh = c == '\n';
        if (!fresh && n < SAID_MAX - 1)
            ret[n++] = c;
    }
    ret[n] = '\0';
}

static int status_of(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return status;
}

int program_run(const char *const argv[], struct err *e)
{
    char path[PROGRAM_PATH_MAX], said[SAID_MAX];
    int pipes[2];
    pid_t pid = 0;
    if (!program_find(argv[0], path))
        return err_fail(e, EOPNOTSUPP, "there is no '%s' on this host", argv[0]);
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return err_fail(e, errno, "cannot run '%s': %s", argv[0], strerrordesc_np(errno));
    int no = spawn(path, argv, pipes[1], &pid);
    close(pipes[1]);
    if (no == 0)
        read_last(pipes[0], said);
    close(pipes[0]);
    if (no)
        return err_fail(e, no, "cannot run '%s': %s", argv[0], strerrordesc_np(no));
    return status_of(pid) == 0 ? 0 : err_fail(e, EIO, "%s", said);
}
