/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twins.c - see twins.h. No locks. */
#include "model/graph/twins.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#ifndef CIFS_SUPER_MAGIC
#define CIFS_SUPER_MAGIC 0xFF534D42
#endif
#ifndef SMB2_SUPER_MAGIC
#define SMB2_SUPER_MAGIC 0xFE534D42
#endif
#define VBOXSF_MAGIC 0x786f4256

struct named {
    const char *name; /* the path's last part, borrowed */
    int file;
};

static int cmp_name(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* Returns whether the file system may show files of another one. */
static bool shows_others(const char *path)
{
    static const uint32_t kinds[] = {FUSE_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, NFS_SUPER_MAGIC,
                                     CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC,      SMB_SUPER_MAGIC,
                                     V9FS_MAGIC,       CEPH_SUPER_MAGIC,      AFS_SUPER_MAGIC,
                                     CODA_SUPER_MAGIC, VBOXSF_MAGIC};
    struct statfs fs;
    if (statfs(path, &fs) < 0)
        return true;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if ((uint32_t)fs.f_type == kinds[i])
            return true;
    return false;
}

/* Looks at the file as it is now, and not as a file system remembers it. */
static bool look(const struct mounts *mounts, const char *path, struct statx *ret)
{
    return mounts_check(mounts, path, NULL, NULL) == 0 &&
           statx(AT_FDCWD, path, AT_STATX_FORCE_SYNC,
                 STATX_TYPE | STATX_SIZE | STATX_MTIME | STATX_INO, ret) == 0 &&
           S_ISREG(ret->stx_mode);
}

static bool may_be_one(const struct mounts *mounts, const char *a, const char *b)
{
    struct statx x, y;
    if (!look(mounts, a, &x) || !look(mounts, b, &y))
        return false;
    bool same_device = x.stx_dev_major == y.stx_dev_major && x.stx_dev_minor == y.stx_dev_minor;
    return !same_device && x.stx_size == y.stx_size && x.stx_mtime.tv_sec == y.stx_mtime.tv_sec &&
           x.stx_mtime.tv_nsec == y.stx_mtime.tv_nsec && (shows_others(a) || shows_others(b));
}

static void pair_same_names(struct graph *g, const struct mounts *mounts, const struct named *all,
                            size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n && !strcmp(all[i].name, all[k].name); k++)
            if (!graph_same(g, all[i].file, all[k].file) &&
                may_be_one(mounts, graph_file_path(g, all[i].file),
                           graph_file_path(g, all[k].file)))
                graph_pair(g, all[i].file, all[k].file);
}

int twins_pair(struct graph *g, const struct mounts *mounts, struct err *e)
{
    size_t n = graph_n_files(g);
    autofree struct named *all = calloc(n + 1, sizeof(*all));
    if (!all)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        const char *path = graph_file_path(g, (int)i), *slash = strrchr(path, '/');
        all[i] = (struct named){slash ? slash + 1 : path, (int)i};
    }
    qsort(all, n, sizeof(*all), cmp_name);
    pair_same_names(g, mounts, all, n);
    return 0;
}
