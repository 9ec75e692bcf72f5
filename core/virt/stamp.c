/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stamp.c - tells, without a call to libvirt, that a domain's snapshots are unchanged. No locks.
 *
 * libvirt reports no change to a snapshot by any event. QEMU's driver keeps each snapshot in
 * DIRECTORY/DOMAIN/SNAPSHOT.xml (its qemuDomainSnapshotWriteMetadata).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sync.h"
#include "base/text.h"
#include "virt/virt.h"

#define SYSTEM "qemu:///system"
#define SESSION "qemu:///session"

static bool is_uri(const char *uri, const char *what)
{
    size_t len = strlen(what);
    return !strncmp(uri, what, len) && (!uri[len] || uri[len] == '?');
}

/* Adds libvirt's virGetUserConfigDirectory. snapfs may have started the daemon, in its own
 * environment, so that environment counts. */
static void add_user_config(struct text *t)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (config && *config)
        text_add(t, "%s/libvirt/qemu", config);
    else if (home && *home)
        text_add(t, "%s/.config/libvirt/qemu", home);
}

/* Adds the daemon's directories of domains and of snapshots. They are empty if snapfs does not see
 * the daemon's files. */
static void add_directories(struct virt *v, struct text *domains, struct text *snapshots)
{
    struct err ignored;
    const char *uri = virt_uri(v);
    if (!virt_files_local(v, &ignored))
        return;
    if (is_uri(uri, SYSTEM) || (is_uri(uri, SESSION) && geteuid() == 0)) {
        text_add(domains, "/etc/libvirt/qemu");
        text_add(snapshots, "/var/lib/libvirt/qemu/snapshot");
    } else if (is_uri(uri, SESSION)) {
        add_user_config(domains);
        add_user_config(snapshots);
        text_add(snapshots, "%s", snapshots->len ? "/snapshot" : "");
    }
}

/* Opens the directory of the domain's snapshots. Returns -1 if snapfs does not see the daemon's
 * files. */
static int open_directory(struct virt *v, const char *domain)
{
    autotext struct text domains = {0}, t = {0};
    add_directories(v, &domains, &t);
    if (!t.len)
        return -1;
    text_add(&t, "/%s", domain);
    return t.failed ? -1 : open(t.s, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Syncs one directory. A directory that does not exist has nothing to lose. */
static bool sync_one(const struct text *t)
{
    struct err e;
    return t->len && !t->failed && (sync_directory(t->s, &e) == 0 || e.no == ENOENT);
}

void virt_sync_records(struct virt *v, const char *domain)
{
    autotext struct text domains = {0}, snapshots = {0}, own = {0};
    add_directories(v, &domains, &snapshots);
    text_add(&own, "%s/%s", snapshots.s ? snapshots.s : "", domain);
    if (!sync_one(&own) || !sync_one(&snapshots) || !sync_one(&domains))
        sync();
}

static bool stat_record(int fd, const char *snapshot, struct stat *ret)
{
    autotext struct text t = {0};
    text_add(&t, "%s.xml", snapshot);
    return !t.failed && fstatat(fd, t.s, ret, 0) == 0;
}

bool virt_snapshot_written(struct virt *v, const char *domain, const char *snapshot,
                           uint64_t *ret_ns)
{
    struct stat st;
    autoclose int fd = open_directory(v, domain);
    if (fd < 0 || !stat_record(fd, snapshot, &st))
        return false;
    *ret_ns = clock_from(st.st_mtim);
    return true;
}

bool virt_snapshots_stamp(struct virt *v, const char *domain, const struct virt_snapshots *all,
                          struct virt_stamp *ret)
{
    struct stat st, record;
    autoclose int fd = open_directory(v, domain);
    if (fd < 0 || fstat(fd, &st) < 0)
        return false;
    for (size_t i = 0; all && i < all->n; i++)
        if (!stat_record(fd, all->names[i], &record))
            return false;
    *ret = (struct virt_stamp){
        .dev = st.st_dev,
        .ino = st.st_ino,
        .mtime_ns = clock_from(st.st_mtim),
        .version = virt_version(v),
    };
    return true;
}
