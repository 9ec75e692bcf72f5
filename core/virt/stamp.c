/* stamp.c - what tells, without asking libvirt, that a domain's snapshots are as they were. No
 * locks.
 *
 * libvirt tells of no change to a snapshot by any event. QEMU's driver keeps each snapshot in
 * DIRECTORY/DOMAIN/SNAPSHOT.xml (its qemuDomainSnapshotWriteMetadata).
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "virt/virt.h"

#define SYSTEM "qemu:///system"
#define SESSION "qemu:///session"

static bool is_uri(const char *uri, const char *what)
{
    size_t len = strlen(what);
    return !strncmp(uri, what, len) && (!uri[len] || uri[len] == '?');
}

/* libvirt's virGetUserConfigDirectory: also of a daemon that we started, so in our environment. */
static void add_session(struct text *t)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (config && *config)
        text_add(t, "%s/libvirt/qemu/snapshot", config);
    else if (home && *home)
        text_add(t, "%s/.config/libvirt/qemu/snapshot", home);
}

static int open_directory(struct virt *v, const char *domain)
{
    autotext struct text t = {0};
    const char *uri = virt_uri(v);
    if (is_uri(uri, SYSTEM) || (is_uri(uri, SESSION) && geteuid() == 0))
        text_add(&t, "/var/lib/libvirt/qemu/snapshot");
    else if (is_uri(uri, SESSION))
        add_session(&t);
    if (!t.len)
        return -1;
    text_add(&t, "/%s", domain);
    return t.failed ? -1 : open(t.s, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static bool has_file(int fd, const char *snapshot)
{
    autotext struct text t = {0};
    text_add(&t, "%s.xml", snapshot);
    return !t.failed && faccessat(fd, t.s, F_OK, 0) == 0;
}

bool virt_snapshots_stamp(struct virt *v, const char *domain, const struct virt_snapshots *all,
                          struct virt_stamp *ret)
{
    struct err ignored;
    struct stat st;
    autoclose int fd = virt_files_local(v, &ignored) ? open_directory(v, domain) : -1;
    if (fd < 0 || fstat(fd, &st) < 0)
        return false;
    for (size_t i = 0; all && i < all->n; i++)
        if (!has_file(fd, all->names[i]))
            return false;
    *ret = (struct virt_stamp){
        .dev = st.st_dev,
        .ino = st.st_ino,
        .mtime_ns =
            (uint64_t)st.st_mtim.tv_sec * UINT64_C(1000000000) + (uint64_t)st.st_mtim.tv_nsec,
        .version = virt_version(v),
    };
    return true;
}
