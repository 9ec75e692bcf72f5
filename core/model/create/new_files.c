/* SPDX-License-Identifier: GPL-3.0-or-later */
/* new_files.c - see create/new_files.h. No locks of its own: called under the domain's `operation`
 * lock. */
#include "model/create/new_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mounts.h"
#include "base/text.h"
#include "model/storage/file_chain.h"
#include "model/graph/users.h"
#include "model/storage/overlay_name.h"
#include "model/storage/source.h"
#include "model/storage/volumes.h"

enum {
    BASENAME_MAX = 240, /* bytes of a chosen name, so that a number still fits into NAME_MAX */
    TRIES_MAX = 1000    /* numbers tried at the end of a chosen name */
};

struct settling {
    const struct survey *v;
    const struct domain *d;
    const struct mounts *mounts;
    struct new_files *new_files;
    bool reuse;
};

void new_files_drop(struct new_files *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->items[i].path);
    free(t->items);
    *t = (struct new_files){0};
}

static int add_target(struct new_files *t, const char *path, bool there, struct err *e)
{
    if (!mem_room(t->items, t->n))
        return err_nomem(e);
    t->items[t->n] = (struct target){.path = strdup(path), .there = there};
    if (!t->items[t->n].path)
        return err_nomem(e);
    t->n++;
    return 0;
}

static bool has_target(const struct new_files *t, const char *path)
{
    for (size_t i = 0; i < t->n; i++)
        if (!strcmp(t->items[i].path, path))
            return true;
    return false;
}

/* ---- names that were given ---- */

/* Checks the path. libvirt's daemon and QEMU, or qemu-img, would make another file of a bad one. */
static int check_path(const struct settling *s, const char *path, struct err *e)
{
    if (path[0] != '/')
        return err_fail(e, EINVAL, "the path '%s' does not begin with '/'", path);
    for (const unsigned char *p = (const unsigned char *)path; *p; p++)
        if (*p < 0x20 || *p == 0x7f)
            return err_fail(e, EINVAL, "a control byte in the path '%s' would be lost", path);
    if (!s->d->active && strchr(path, ','))
        return err_fail(
            e, EINVAL,
            "cannot use '%s' while the domain is shut off: libvirt would make a file of another "
            "name, because the path has a comma",
            path);
    return mounts_check(s->mounts, path, NULL, e);
}

/* Checks that the device is not in use: one that the host itself uses cannot be opened
 * exclusively. */
static int check_device(const char *path, struct err *e)
{
    autoclose int fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == EBUSY)
        return err_fail(e, EBUSY, "the device '%s' is in use", path);
    return 0;
}

static int refuse_standing(const struct survey *v, const char *path, size_t user, struct err *e)
{
    autotext struct text who = {0};
    graph_describe(v->graph, user, &who);
    return err_fail(e, EBUSY, "cannot use '%s': it would be written to, and it is used by %s", path,
                    who.failed ? "somebody" : who.s);
}

static int check_standing(const struct settling *s, const char *path, const struct stat *st,
                          struct err *e)
{
    size_t user;
    int r = users_find(s->v, path, st, USERS_MAYBE, &user, e);
    if (r == 0 && user != SIZE_MAX)
        return refuse_standing(s->v, path, user, e);
    if (r == 0 && S_ISBLK(st->st_mode))
        return check_device(path, e);
    if (r == 0 && names_has(s->v->names, path))
        return err_fail(e, EBUSY, "'%s' already belongs to another snapshot or disk", path);
    return r;
}

/* Checks that the backing file of a reused file is the disk's own file. Otherwise the guest loses
 * its data. */
static int check_reused(const struct settling *s, const struct xml_disk *disk, const char *path,
                        const char *driver, struct err *e)
{
    const char *below = policy_path(s->d->volumes, &disk->source);
    if (below && (!driver || !strcmp(driver, "qcow2")) &&
        follow_depth(s->mounts, path, below, NULL) == 1)
        return 0;
    return err_fail(e, EINVAL, "the backing file of '%s' is not '%s', the file of disk '%s'", path,
                    below ? below : "", disk->target);
}

/* Checks that a file that was named is free to be made. `disk` NULL: for memory. */
static int check_given(struct settling *s, const struct xml_disk *disk, const char *path,
                       const char *driver, struct err *e)
{
    struct stat st;
    bool reuse = s->reuse && disk;
    int r = check_path(s, path, e);
    if (r < 0)
        return r;
    if (has_target(s->new_files, path))
        return err_fail(e, EEXIST, "'%s' is named twice", path);
    if (lstat(path, &st) < 0 && errno != ENOENT)
        return err_fail(e, errno, "'%s' cannot be looked at: %s", path, strerrordesc_np(errno));
    bool there = stat(path, &st) == 0;
    if (!there && reuse)
        return err_fail(e, ENOENT, "cannot reuse '%s': it is not there", path);
    if (there && !reuse && !(disk && S_ISBLK(st.st_mode)))
        return err_fail(e, EEXIST, "'%s' is there already", path);
    if (!there && lstat(path, &st) == 0)
        return err_fail(e, EEXIST, "'%s' is a link already", path);
    if (there)
        r = check_standing(s, path, &st, e);
    else if (names_has(s->v->names, path))
        r = err_fail(e, EEXIST, "another snapshot or disk already names '%s'", path);
    if (r == 0 && reuse)
        r = check_reused(s, disk, path, driver, e);
    return r < 0 ? r : add_target(s->new_files, path, there, e);
}

/* ---- names that are chosen ---- */

/* Adds the path up to the new name's own part: the disk's file without its ending, as libvirt cuts
 * it, and without commas, which libvirt doubles. */
static void put_stem(struct text *t, const char *disk, size_t room)
{
    const char *base = strrchr(disk, '/') + 1;
    size_t len = overlay_stem(base, room);
    text_put(t, disk, (size_t)(base - disk));
    for (size_t i = 0; i < len; i++)
        text_put(t, base[i] == ',' ? "_" : base + i, 1);
}

static int is_free(struct settling *s, const char *path, bool *ret, struct err *e)
{
    struct stat st;
    *ret = false;
    if (has_target(s->new_files, path) || names_has(s->v->names, path) || lstat(path, &st) == 0)
        return 0;
    if (errno != ENOENT)
        return err_fail(e, errno, "'%s' cannot be looked at: %s", path, strerrordesc_np(errno));
    *ret = true;
    return 0;
}

/* Chooses STEM.NAME, or STEM.NAME-2 and so on; `ending` follows. */
static int choose(struct settling *s, const char *disk, const char *name, const char *ending,
                  char **ret, struct err *e)
{
    size_t own = strlen(name) + strlen(ending) + 1;
    for (int i = 1; i <= TRIES_MAX; i++) {
        autotext struct text path = {0};
        bool free_to_use = false;
        put_stem(&path, disk, own < BASENAME_MAX ? BASENAME_MAX - own : 0);
        text_add(&path, ".%s", name);
        if (i > 1)
            text_add(&path, "-%d", i);
        text_add(&path, "%s", ending);
        if (path.failed)
            return err_nomem(e);
        int r = check_path(s, path.s, e);
        if (r == 0)
            r = is_free(s, path.s, &free_to_use, e);
        if (r == 0 && free_to_use)
            r = add_target(s->new_files, path.s, false, e);
        if (r == 0 && free_to_use)
            *ret = text_take(&path, NULL);
        if (r < 0 || free_to_use)
            return r;
    }
    return err_fail(e, EEXIST, "no free name for a file beside '%s'", disk);
}

/* Returns the file that a disk is on, beside which others can be put; NULL: it is on none. */
static const char *file_of(const struct settling *s, const struct xml_disk *disk)
{
    struct stat st;
    const char *path = volumes_file(s->d->volumes, &disk->source);
    if (!path || path[0] != '/')
        return NULL;
    bool plain = !disk->source.volume || (follow_stat(s->mounts, path, &st) && S_ISREG(st.st_mode));
    return plain ? path : NULL;
}

/* Checks that libvirt will keep the end of the chain. If the domain is shut off, libvirt forgets
 * that the XML ends the chain at the disk's own file. */
static int check_end(const struct settling *s, const struct xml_disk *disk, struct err *e)
{
    const char *path = volumes_file(s->d->volumes, &disk->source);
    bool lost = !s->d->active && disk->ends && !disk->n_backing && path;
    autofree char *below = lost ? follow_backing(s->mounts, path) : NULL;
    if (!below)
        return 0;
    return err_fail(
        e, EOPNOTSUPP,
        "the XML ends the chain of disk '%s' at '%s', whose header names '%s', and libvirt would "
        "forget that end; start the domain first, or take the name out of the header: qemu-img "
        "rebase -u -f qcow2 -b '' '%s'",
        disk->target, path, below, path);
}

static int settle_disk(struct settling *s, const struct xml_request *q, struct xml_request_disk *x,
                       struct err *e)
{
    const struct xml_disk *disk = plan_disk(s->v->live, x->name);
    if (x->foreign)
        return err_fail(e, EOPNOTSUPP, "the overlay of disk '%s' has to be a file or block device",
                        disk->target);
    int r = check_end(s, disk, e);
    if (r < 0)
        return r;
    if (x->file)
        return check_given(s, disk, x->file, x->driver, e);
    if (s->reuse)
        return err_fail(e, EINVAL,
                        "'reuse-external' needs the file of disk '%s': "
                        "diskspec=%s,file=PATH",
                        disk->target, disk->target);
    const char *path = file_of(s, disk);
    r = path ? 0 : volumes_check(s->d->volumes, disk, e);
    if (r < 0)
        return r;
    if (!path)
        return err_fail(e, EOPNOTSUPP,
                        "cannot choose an overlay path for disk '%s', whose type is '%s'; give "
                        "diskspec=%s,file=PATH",
                        disk->target, disk->source.type, disk->target);
    return choose(s, path, q->name, "", &x->file, e);
}

static int settle_memory(struct settling *s, struct xml_request *q, struct err *e)
{
    if (q->memory_file)
        return check_given(s, NULL, q->memory_file, NULL, e);
    for (size_t i = 0; i < s->v->live->n_disks; i++) {
        const struct xml_disk *disk = &s->v->live->disks[i];
        const char *path = disk->readonly ? NULL : file_of(s, disk);
        if (path)
            return choose(s, path, q->name, ".memory", &q->memory_file, e);
    }
    return err_fail(
        e, EOPNOTSUPP,
        "cannot choose a path for the memory, because no disk is a file; give memspec=PATH");
}

int new_files_settle(const struct survey *v, const struct domain *d, struct wish *w,
                     struct new_files *ret, struct err *e)
{
    struct mounts *mounts autodestroy(mounts_free) = mounts_read();
    struct settling s = {.v = v, .d = d, .mounts = mounts, .new_files = ret};
    struct xml_request *q = &w->request;
    s.reuse = w->flags & VIRT_CREATE_REUSE_EXTERNAL;
    *ret = (struct new_files){0};
    if (!mounts)
        return err_nomem(e);
    int r = 0;
    for (size_t i = 0; r == 0 && i < q->n_disks; i++)
        if (q->disks[i].where == XML_EXTERNAL)
            r = settle_disk(&s, q, &q->disks[i], e);
    if (r == 0 && q->memory == XML_EXTERNAL)
        r = settle_memory(&s, q, e);
    return r;
}

int new_files_confirm(const struct new_files *t, struct err *e)
{
    struct stat st;
    for (size_t i = 0; i < t->n; i++)
        if (!t->items[i].there && lstat(t->items[i].path, &st) == 0)
            return err_fail(e, EEXIST, "another program made '%s' meanwhile", t->items[i].path);
    return 0;
}
