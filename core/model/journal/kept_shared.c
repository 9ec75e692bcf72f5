/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kept_shared.c - see kept_shared.h. No locks.
 *
 * Two renames in one tick of the clock leave the directory with one time. So a young time does not
 * prove that nothing has changed; then the files are looked at.
 */
#include "model/journal/kept_shared.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "model/journal/run_directory.h"
#include "model/journal/state_directory.h"
#include "model/storage/removable.h"

struct other {
    uid_t uid;
    struct kept_identity file;
    struct kept *kept;
};

struct kept_others {
    unsigned refs;
    struct kept_identity directory;
    size_t n, bytes;
    struct other all[KEPT_OTHERS_MAX]; /* by uid */
};

void kept_others_unref(struct kept_others *o)
{
    if (!o || __atomic_sub_fetch(&o->refs, 1, __ATOMIC_ACQ_REL))
        return;
    for (size_t i = 0; i < o->n; i++)
        kept_unref(o->all[i].kept);
    free(o);
}
MEM_CLEANUP(struct kept_others, kept_others_unref)

/* ---- names ---- */

void kept_shared_name(const char *uuid, uid_t uid, char ret[KEPT_SHARED_NAME])
{
    snprintf(ret, KEPT_SHARED_NAME, "%.*s.%lu", UUID_LEN, uuid, (unsigned long)uid);
}

bool kept_shared_parse(const char *name, char uuid[UUID_LEN + 1], uid_t *ret)
{
    unsigned uid;
    char again[KEPT_SHARED_NAME];
    snprintf(uuid, UUID_LEN + 1, "%.*s", UUID_LEN, name);
    if (!uuid_is(uuid) || sscanf(name + UUID_LEN, ".%10u", &uid) != 1)
        return false;
    kept_shared_name(uuid, uid, again);
    *ret = uid;
    return !strcmp(name, again);
}

int kept_shared_open(struct virt *v, bool make, struct err *e)
{
    if (!v || !run_is_shared(v))
        return err_fail(e, ENOENT, "nobody shares the daemon");
    return run_shared_directory(v, RUN_KEPT, make, e);
}

/* ---- reading ---- */

static struct kept_identity identity_of(const struct stat *st)
{
    return (struct kept_identity){.dev = st->st_dev,
                                  .ino = st->st_ino,
                                  .size = (unsigned long long)st->st_size,
                                  .mtime_ns = clock_from(st->st_mtim)};
}

static bool is_same(const struct kept_identity *a, const struct kept_identity *b)
{
    return !memcmp(a, b, sizeof(*a));
}

static bool is_young(const struct kept_identity *directory)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return clock_from(now) < directory->mtime_ns + CLOCK_SECOND;
}

/* Inserts the user in its place, while there is room, or instead of the greatest. */
static void insert(struct kept_others *o, uid_t uid)
{
    size_t at = o->n;
    while (at && o->all[at - 1].uid > uid)
        at--;
    if (at == KEPT_OTHERS_MAX)
        return;
    size_t behind = (o->n < KEPT_OTHERS_MAX ? o->n : KEPT_OTHERS_MAX - 1) - at;
    memmove(&o->all[at + 1], &o->all[at], behind * sizeof(*o->all));
    o->all[at] = (struct other){.uid = uid};
    o->n += o->n < KEPT_OTHERS_MAX;
}

static int open_one(int dir, const char *uuid, uid_t uid, struct stat *st)
{
    char name[KEPT_SHARED_NAME];
    kept_shared_name(uuid, uid, name);
    int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode) && st->st_uid == uid &&
        st->st_nlink == 1 && st->st_size > 0 && st->st_size <= KEPT_SHARED_MAX)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void list(int dir, const char *uuid, struct kept_others *o)
{
    char of[UUID_LEN + 1];
    struct stat st;
    uid_t uid;
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d && fd >= 0)
        close(fd);
    for (const struct dirent *entry; d && (entry = readdir(d));) {
        if (!kept_shared_parse(entry->d_name, of, &uid) || strcmp(of, uuid) != 0 ||
            uid == geteuid())
            continue;
        int file = open_one(dir, uuid, uid, &st);
        if (file >= 0) {
            insert(o, uid);
            close(file);
        }
    }
    if (d)
        closedir(d);
}

/* Reads the records of a file. A file that is spoiled, of a later version or of another domain has
 * none. */
static struct kept *parse(int fd, size_t size, const char *uuid)
{
    struct kept *k autodestroy(kept_unref) = kept_new_shared();
    autofree char *text = NULL;
    if (!k || state_read(fd, size, &text) < 0 || kept_parse(k, text, size) < 0)
        return NULL;
    const char *of = kept_get(k, "uuid", "");
    return of && !strcmp(of, uuid) ? take(k) : NULL;
}

static void read_one(int dir, const char *uuid, struct kept_others *o, struct other *x,
                     const struct kept_others *before)
{
    struct stat st;
    autoclose int fd = open_one(dir, uuid, x->uid, &st);
    if (fd < 0)
        return;
    x->file = identity_of(&st);
    if ((o->bytes += x->file.size) > KEPT_BYTES_MAX)
        return;
    for (size_t i = 0; before && i < before->n; i++)
        if (before->all[i].uid == x->uid && is_same(&before->all[i].file, &x->file)) {
            x->kept = before->all[i].kept ? kept_ref(before->all[i].kept) : NULL;
            return;
        }
    x->kept = parse(fd, (size_t)st.st_size, uuid);
}

static bool is_as_before(const struct kept_others *o, const struct kept_others *before)
{
    bool same = before && before->n == o->n && is_same(&before->directory, &o->directory);
    for (size_t i = 0; same && i < o->n; i++)
        same =
            before->all[i].uid == o->all[i].uid && is_same(&before->all[i].file, &o->all[i].file);
    return same;
}

static struct kept_others *ref(struct kept_others *o)
{
    __atomic_add_fetch(&o->refs, 1, __ATOMIC_RELAXED);
    return o;
}

struct kept_others *kept_others_read(int dir, const char *uuid, struct kept_others *before)
{
    struct stat st;
    if (dir < 0 || fstat(dir, &st) < 0)
        return NULL;
    st.st_size = 0;
    struct kept_identity directory = identity_of(&st);
    if (before && is_same(&before->directory, &directory) && !is_young(&directory))
        return ref(before);
    struct kept_others *o autodestroy(kept_others_unref) = calloc(1, sizeof(*o));
    if (!o)
        return NULL;
    o->refs = 1;
    o->directory = directory;
    list(dir, uuid, o);
    for (size_t i = 0; i < o->n; i++)
        read_one(dir, uuid, o, &o->all[i], before);
    return is_as_before(o, before) ? ref(before) : take(o);
}

/* ---- asking ---- */

bool kept_counts(uid_t by, const char *path)
{
    return by == 0 || by == geteuid() || removable_by(by, path);
}

bool kept_find(const struct kept *k, const char *kind, const char *key, const char *of,
               kept_fits_fn *fits, void *ctx)
{
    const char *value = kept_get(k, kind, key);
    if (value && fits(ctx, geteuid(), value))
        return true;
    const struct kept_others *o = k ? kept_get_others(k) : NULL;
    for (size_t i = 0; o && i < o->n; i++) {
        const struct other *x = &o->all[i];
        value = kept_get(x->kept, kind, key);
        if (value && (!of || kept_counts(x->uid, of)) && fits(ctx, x->uid, value))
            return true;
    }
    return false;
}

struct telling {
    kept_each_told_fn *each;
    void *ctx;
    uid_t by;
};

static void tell(void *ctx, const char *key, const char *value)
{
    const struct telling *t = ctx;
    t->each(t->ctx, t->by, key, value);
}

void kept_each_told(const struct kept *k, const char *kind, kept_each_told_fn *each, void *ctx)
{
    struct telling t = {each, ctx, geteuid()};
    const struct kept_others *o = k ? kept_get_others(k) : NULL;
    kept_each(k, kind, tell, &t);
    for (size_t i = 0; o && i < o->n; i++) {
        t.by = o->all[i].uid;
        kept_each(o->all[i].kept, kind, tell, &t);
    }
}
