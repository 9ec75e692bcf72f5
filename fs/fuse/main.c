/* SPDX-License-Identifier: GPL-3.0-or-later */
/* main.c - snapfs: the snapshots of libvirt's domains as files.
 *
 * It first checks everything that can be checked without libvirt. Then the process forks
 * (daemon.h), connects to libvirt and mounts (session.h). If anything fails before the mount is
 * ready, it prints one sentence on stderr and exits with 1.
 */
#include <stdio.h>

#include "config.h"
#include "fuse/daemon.h"
#include "fuse/mount.h"
#include "fuse/options.h"
#include "fuse/session.h"

static int mount_and_run(struct options *o, struct err *e)
{
    struct daemon d;
    int status = 0;
    int r = mount_check(o, e);
    if (r == 0)
        r = daemon_fork(&d, o->foreground, &status, e);
    if (r < 0)
        return r;
    return r > 0 ? status : session_run(o, &d);
}

static int run(struct options *o, struct err *e)
{
    if (o->help) {
        options_help(stdout);
        puts("\nlibfuse's mount options:");
        fflush(stdout);
        fuse_lowlevel_help();
        fflush(stdout);
        puts("\nThe tree and its files: man 5 snapfs. Operations and recipes: man 7 snapfs");
        return 0;
    }
    if (o->version) {
        printf("snapfs %s (libfuse %s)\n", SNAPFS_VERSION, fuse_pkgversion());
        return 0;
    }
    return mount_and_run(o, e);
}

int main(int argc, char **argv)
{
    struct options o;
    struct err e;
    int r = options_parse(argc, argv, &o, &e);
    if (r == 0)
        r = run(&o, &e);
    options_free(&o);
    if (r < 0)
        fprintf(stderr, "snapfs: %s\n", e.text);
    return r < 0 ? 1 : r;
}
