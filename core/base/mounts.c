/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mounts.c - see mounts.h. No locks: a `struct mounts` is read-only once it is made.
 *
 * No function here may send a request to a snapfs daemon. Names are opened one by one with
 * O_PATH|O_NOFOLLOW, and statx with AT_STATX_DONT_SYNC reads the mount's id from the kernel's own
 * memory. If the kernel has all names of a path in memory, RESOLVE_CACHED opens the path at once,
 * without a request to any file system.
 */
#include "base/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/mem.h"
#include "base/text.h"

enum { LINKS_MAX = 40 }; /* the kernel's own limit on symbolic links in a path */

struct mount {
    uint64_t id; /* mountinfo's first field, statx's stx_mnt_id */
    char *root;  /* the mounted directory of the file system: "/", or deeper for a bind mount */
};

/* A mount that shows the files of directories: an overlay, or a FUSE file system such as bindfs. */
struct view {
    struct mount mount;
    char *directories; /* each NUL-terminated, an empty one after the last */
};

struct mounts {
    size_t n;
    struct mount *items;
    size_t n_views; /* views that are not yet known to lead into a snapfs mount */
    struct view *views;
    size_t n_parents; /* parent ids of all mounts */
    uint64_t *parents;
    bool stacked; /* one of the parents is a snapfs mount */
};

static void view_drop(struct view *v)
{
    free(v->mount.root);
    free(v->directories);
}

void mounts_free(struct mounts *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->n; i++)
        free(m->items[i].root);
    for (size_t i = 0; i < m->n_views; i++)
        view_drop(&m->views[i]);
    free(m->items);
    free(m->views);
    free(m->parents);
    free(m);
}

void mounts_unescape(char *s)
{
    char *to = s;
    for (const char *p = s; *p; to++) {
        unsigned octal;
        if (p[0] == '\\' && sscanf(p + 1, "%3o", &octal) == 1) {
            *to = (char)octal;
            p += 4;
        } else {
            *to = *p++;
        }
    }
    *to = '\0';
}

/* Parses a line such as "36 35 98:0 /root /mnt opts - fuse.snapfs source opts". Returns 1 and fills
 * *ret if it is a snapfs mount, 0 if not, -1 if there is no memory. */
static int parse_line(const char *line, struct mount *ret)
{
    const char *type = strstr(line, " - ");
    char *root = NULL;
    unsigned long id;
    if (!type || strncmp(type + 3, "fuse.snapfs ", 12) != 0)
        return 0;
    int fields = sscanf(line, "%lu %*d %*u:%*u %ms", &id, &root);
    if (fields != 2)
        return fields < 1 ? 0 : -1;
    mounts_unescape(root);
    *ret = (struct mount){id, root};
    return 1;
}

static bool add_parent(struct mounts *m, const char *line)
{
    unsigned long parent;
    if (sscanf(line, "%*u %lu", &parent) != 1)
        return true;
    if (!mem_room(m->parents, m->n_parents))
        return false;
    m->parents[m->n_parents++] = parent;
    return true;
}

/* Adds `one`, and owns it even if it fails. */
static bool add_mount(struct mounts *m, struct mount one)
{
    if (!mem_room(m->items, m->n)) {
        free(one.root);
        return false;
    }
    m->items[m->n++] = one;
    return true;
}

/* ---- file systems that show other directories ---- */

static void add_directory(struct text *t, const char *path, size_t len)
{
    autofree char *one = strndup(path, len);
    t->failed |= !one;
    if (!one || one[0] != '/')
        return;
    mounts_unescape(one);
    text_put(t, one, strlen(one) + 1);
}

/* Adds the values of "lowerdir=A:B", "lowerdir+=A" and "upperdir=A" among the options. */
static void add_layers(struct text *t, const char *options)
{
    for (const char *p = options; *p && *p != '\n'; p += *p == ',') {
        size_t len = strcspn(p, ",\n");
        const char *value = memchr(p, '=', len);
        bool layer = value && (!strncmp(p, "lowerdir", 8) || !strncmp(p, "upperdir", 8));
        for (const char *d = value ? value + 1 : p; layer && d < p + len; d++) {
            size_t n = strcspn(d, ":,\n");
            add_directory(t, d, n);
            d += n;
        }
        p += len;
    }
}

/* Adds a view if the text after " - " is "overlay SOURCE OPTIONS" or "fuse… SOURCE OPTIONS". */
static bool add_view(struct mounts *m, const char *line)
{
    const char *type = strstr(line, " - ");
    bool overlay = type && !strncmp(type + 3, "overlay ", 8);
    bool fuse = type && !strncmp(type + 3, "fuse", 4) && strncmp(type + 3, "fusectl", 7) != 0;
    autotext struct text t = {0};
    autofree char *root = NULL;
    unsigned long id;
    if (!overlay && !fuse)
        return true;
    const char *source = strchr(type + 3, ' ');
    const char *options = source ? strchr(source + 1, ' ') : NULL;
    if (!options || sscanf(line, "%lu %*d %*u:%*u %ms", &id, &root) != 2)
        return true;
    if (overlay)
        add_layers(&t, options + 1);
    else
        add_directory(&t, source + 1, (size_t)(options - source) - 1);
    text_put(&t, "", 1);
    struct view *more = mem_grow(m->views, m->n_views, sizeof(*more));
    char *directories = text_take(&t, NULL);
    if (more)
        m->views = more;
    if (!more || !directories) {
        free(directories);
        return false;
    }
    mounts_unescape(root);
    m->views[m->n_views++] = (struct view){{id, take(root)}, directories};
    return true;
}

/* Counts the view as a snapfs mount if it leads into one. Returns 1 if it does, 0 if not, -1 if
 * there is no memory. */
static int settle_view(struct mounts *m, const struct view *v)
{
    for (const char *d = v->directories; *d; d += strlen(d) + 1) {
        autofree char *mount_path = NULL;
        autotext struct text root = {0};
        if (mounts_check(m, d, &mount_path, NULL) == 0 || !mount_path)
            continue;
        text_add(&root, "%s%s", mount_path, v->mount.root);
        char *joined = text_take(&root, NULL);
        return joined && add_mount(m, (struct mount){v->mount.id, joined}) ? 1 : -1;
    }
    return 0;
}

/* Repeats until no further view leads into a mount, because one view may show another. */
static bool settle_views(struct mounts *m)
{
    for (size_t i = 0; m->n && i < m->n_views;) {
        int r = settle_view(m, &m->views[i]);
        if (r < 0)
            return false;
        if (r > 0) {
            view_drop(&m->views[i]);
            m->views[i] = m->views[--m->n_views];
        }
        i = r > 0 ? 0 : i + 1;
    }
    return true;
}

/* ---- all mounts ---- */

static bool add_line(struct mounts *m, const char *line)
{
    struct mount one;
    if (!add_parent(m, line))
        return false;
    int found = parse_line(line, &one);
    if (found > 0)
        return add_mount(m, one);
    return found == 0 && add_view(m, line);
}

static const struct mount *find_mount(const struct mounts *m, uint64_t id)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->items[i].id == id)
            return &m->items[i];
    return NULL;
}

struct mounts *mounts_read(void)
{
    struct mounts *m = calloc(1, sizeof(*m));
    FILE *f = m ? fopen("/proc/self/mountinfo", "re") : NULL;
    if (!f)
        return m;
    char *line = NULL;
    size_t cap = 0;
    bool ok = true;
    while (ok && getline(&line, &cap, f) >= 0)
        ok = add_line(m, line);
    free(line);
    fclose(f);
    for (size_t i = 0; i < m->n_parents; i++)
        m->stacked |= find_mount(m, m->parents[i]) != NULL;
    if (ok && settle_views(m))
        return m;
    mounts_free(m);
    return NULL;
}

/* The part of the path that is left to walk, and the directory where it starts. */
struct walk {
    int dir;
    char *rest;
    int links;
};

static int walk_reroot(struct walk *w, struct err *e)
{
    if (w->dir >= 0)
        close(w->dir);
    w->dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return w->dir < 0 ? err_fail(e, errno, "cannot open the root directory") : 0;
}

/* Puts the link's target before the rest of the path. */
static int follow(struct walk *w, int link, const char *path, const char *after, struct err *e)
{
    if (++w->links > LINKS_MAX)
        return err_fail(e, ELOOP, "cannot follow '%s': too many symbolic links", path);
    autofree char *target = calloc(1, PATH_MAX + 1);
    if (!target)
        return err_nomem(e);
    ssize_t n = readlinkat(link, "", target, PATH_MAX);
    if (n <= 0)
        return err_fail(e, n < 0 ? errno : ENOENT, "cannot read a symbolic link");
    autotext struct text t = {0};
    text_add(&t, "%s/%s", target, after);
    char *rest = text_take(&t, NULL);
    if (!rest)
        return err_nomem(e);
    free(w->rest);
    w->rest = rest;
    return rest[0] == '/' ? walk_reroot(w, e) : 0;
}

/* Fills *ret_mount_path and the error's sentence. */
static int stop_mount_path(const struct mount *in, const char *path, const char *rest,
                           char **ret_mount_path, struct err *e)
{
    autotext struct text t = {0};
    const char *root = strcmp(in->root, "/") != 0 ? in->root : "";
    text_add(&t, "%s/%s", root, rest + strspn(rest, "/"));
    if (ret_mount_path && !(*ret_mount_path = text_take(&t, NULL)))
        return err_nomem(e);
    return err_fail(e, EOPNOTSUPP,
                    "'%s' is inside a snapfs mount, whose files snapfs itself does not open", path);
}

/* Walks one name. Returns 1 to go on, 0 if the path ends or does not exist. */
static int step(struct walk *w, const struct mounts *m, const char *path, char **ret_mount_path,
                struct err *e)
{
    char *name = w->rest + strspn(w->rest, "/");
    if (!*name)
        return 0;
    size_t len = strcspn(name, "/");
    autofree char *one = strndup(name, len);
    if (!one)
        return err_nomem(e);
    autoclose int fd = openat(w->dir, one, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct statx st;
    unsigned want = STATX_TYPE | STATX_MNT_ID;
    if (fd < 0 ||
        statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, want, &st) < 0)
        return 0; /* the open itself will report the reason */
    const struct mount *in = find_mount(m, st.stx_mnt_id);
    if (in)
        return stop_mount_path(in, path, name + len, ret_mount_path, e);
    if (S_ISLNK(st.stx_mode))
        return follow(w, fd, path, name + len, e) < 0 ? -e->no : 1;
    close(w->dir);
    w->dir = fd;
    fd = -1;
    memmove(w->rest, name + len, strlen(name + len) + 1);
    return 1;
}

/* Tells whether the path certainly leads outside all snapfs mounts. A path without links and ".."
 * that ends outside was outside all along, unless something is mounted inside a snapfs mount. */
static bool is_elsewhere(const struct mounts *m, const char *path)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC,
                           .resolve = RESOLVE_CACHED | RESOLVE_NO_SYMLINKS};
    struct statx st;
    if (m->stacked || strstr(path, ".."))
        return false;
    autoclose int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
    return fd >= 0 && statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &st) == 0 &&
           !find_mount(m, st.stx_mnt_id);
}

int mounts_check(const struct mounts *m, const char *path, char **ret_mount_path, struct err *e)
{
    if (!m->n || is_elsewhere(m, path))
        return 0;
    struct walk w = {.dir = -1, .rest = strdup(path)};
    struct err own;
    int r = w.rest ? 1 : err_nomem(&own);
    if (r == 1 && path[0] != '/')
        w.dir = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    else if (r == 1)
        r = walk_reroot(&w, &own) < 0 ? -own.no : 1;
    while (r == 1)
        r = step(&w, m, path, ret_mount_path, &own);
    free(w.rest);
    if (w.dir >= 0)
        close(w.dir);
    if (r < 0 && e)
        *e = own;
    return r;
}
