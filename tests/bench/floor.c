/* SPDX-License-Identifier: GPL-3.0-or-later */
/* floor.c - the least that a FUSE server can do: a tree of files, shown as it is.
 *
 *     floor DIRECTORY MOUNTPOINT      mounts the tree, in the foreground
 *
 * The tree is loaded at the start and never changes. The kernel may keep names, attributes, lists
 * and pages forever; other requests are answered from memory or by one pread. There are eight
 * threads with a channel each. No server that gets each open can be faster than this one, whatever
 * it does for images or libvirt. (ENOSYS for open and opendir would save these requests, too. But
 * then no open file could differ from another, and no list could be found to be old.) It needs no
 * locks, because nothing is written while it serves.
 */
#define FUSE_USE_VERSION 314
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THREADS = 8, REPLY_MAX = 1 << 20 };

#define FOREVER 1e6 /* seconds that the kernel may keep what it was told */

struct node {
    const char *name;
    const char *target; /* of a symlink */
    struct stat st;     /* st_ino is the number by which the kernel asks for it */
    int fd;             /* of a file */
    size_t first, n;    /* of a directory: where its children are in `nodes`, sorted by name */
};

static struct node *nodes; /* the root, then the children of each directory in turn */
static size_t n_nodes;

static _Thread_local char buffer[REPLY_MAX];

/* ---- loading ---- */

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static struct node *add_nodes(size_t n)
{
    nodes = reallocarray(nodes, n_nodes + n, sizeof(*nodes));
    if (!nodes)
        fail("nodes");
    n_nodes += n;
    return &nodes[n_nodes - n];
}

static const char *read_target(int dir, const char *name)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(dir, name, target, sizeof(target));
    const char *copy = n < 0 ? NULL : strndup(target, (size_t)n);
    if (!copy)
        fail(name);
    return copy;
}

static void load_node(struct node *node, int dir, const char *name)
{
    *node = (struct node){.name = name, .fd = -1};
    if (fstatat(dir, name, &node->st, AT_SYMLINK_NOFOLLOW) < 0)
        fail(name);
    if (S_ISLNK(node->st.st_mode))
        node->target = read_target(dir, name);
    else if ((node->fd = openat(dir, name, O_RDONLY | O_CLOEXEC)) < 0)
        fail(name);
    node->st.st_ino = FUSE_ROOT_ID + (ino_t)(node - nodes);
}

static int is_child(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static void load_children(size_t parent)
{
    struct dirent **entries; /* which stay: the names are in them */
    int dir = nodes[parent].fd;
    int n = scandirat(dir, ".", &entries, is_child, alphasort);
    if (n < 0)
        fail(nodes[parent].name);
    struct node *children = add_nodes((size_t)n);
    nodes[parent].first = (size_t)(children - nodes);
    nodes[parent].n = (size_t)n;
    for (int i = 0; i < n; i++)
        load_node(&children[i], dir, entries[i]->d_name);
    free(entries);
    close(dir);
}

static void load(const char *directory)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max; /* each file holds a descriptor */
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    load_node(add_nodes(1), AT_FDCWD, directory);
    for (size_t i = 0; i < n_nodes; i++)
        if (S_ISDIR(nodes[i].st.st_mode))
            load_children(i);
}

/* ---- serving ---- */

static const struct node *node_of(fuse_ino_t ino)
{
    return &nodes[ino - FUSE_ROOT_ID];
}

static struct fuse_entry_param entry_of(const struct node *node)
{
    return (struct fuse_entry_param){.ino = node->st.st_ino,
                                     .attr = node->st,
                                     .attr_timeout = FOREVER,
                                     .entry_timeout = FOREVER};
}

static int compare_name(const void *name, const void *node)
{
    return strcmp(name, ((const struct node *)node)->name);
}

static void look_up(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    const struct node *dir = node_of(parent);
    const struct node *node =
        bsearch(name, &nodes[dir->first], dir->n, sizeof(*node), compare_name);
    struct fuse_entry_param none = {.entry_timeout = FOREVER};
    struct fuse_entry_param entry = node ? entry_of(node) : none;
    fuse_reply_entry(req, &entry);
}

static void get_attributes(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)fi;
    fuse_reply_attr(req, &node_of(ino)->st, FOREVER);
}

static void read_link(fuse_req_t req, fuse_ino_t ino)
{
    fuse_reply_readlink(req, node_of(ino)->target);
}

/* Files and directories. */
static void open_node(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    fi->keep_cache = 1;
    fi->cache_readdir = 1;
    fi->noflush = 1;
    fuse_reply_open(req, fi);
}

static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                 struct fuse_file_info *fi)
{
    (void)fi;
    const struct node *dir = node_of(ino);
    size_t used = 0;
    size = size < REPLY_MAX ? size : REPLY_MAX;
    for (size_t i = (size_t)offset; i < dir->n; i++) {
        const struct node *node = &nodes[dir->first + i];
        struct fuse_entry_param entry = entry_of(node);
        size_t need = fuse_add_direntry_plus(req, buffer + used, size - used, node->name, &entry,
                                             (off_t)i + 1);
        if (need > size - used)
            break;
        used += need;
    }
    fuse_reply_buf(req, buffer, used);
}

static void read_file(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                      struct fuse_file_info *fi)
{
    (void)fi;
    ssize_t n = pread(node_of(ino)->fd, buffer, size < REPLY_MAX ? size : REPLY_MAX, offset);
    if (n < 0)
        fuse_reply_err(req, errno);
    else
        fuse_reply_buf(req, buffer, (size_t)n);
}

static void seek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence,
                 struct fuse_file_info *fi)
{
    (void)fi;
    off_t found = lseek(node_of(ino)->fd, offset, whence);
    if (found < 0)
        fuse_reply_err(req, errno);
    else
        fuse_reply_lseek(req, found);
}

/* With no readdir beside it readdirplus is what the kernel always asks for. */
static const struct fuse_lowlevel_ops ops = {
    .lookup = look_up,
    .getattr = get_attributes,
    .readlink = read_link,
    .opendir = open_node,
    .readdirplus = list,
    .open = open_node,
    .read = read_file,
    .lseek = seek,
};

static int serve(struct fuse_session *session)
{
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    if (!config)
        return 1;
    fuse_loop_cfg_set_clone_fd(config, 1);
    fuse_loop_cfg_set_max_threads(config, THREADS);
    fuse_loop_cfg_set_idle_threads(config, THREADS);
    int r = fuse_session_loop_mt(session, config);
    fuse_loop_cfg_destroy(config);
    return r != 0;
}

int main(int argc, char **argv)
{
    char *words[] = {argv[0], NULL};
    struct fuse_args args = FUSE_ARGS_INIT(1, words);
    if (argc != 3) {
        fprintf(stderr, "usage: floor DIRECTORY MOUNTPOINT\n");
        return 2;
    }
    load(argv[1]);
    struct fuse_session *session = fuse_session_new(&args, &ops, sizeof(ops), NULL);
    if (!session || fuse_session_mount(session, argv[2]) < 0)
        return 1;
    int status = fuse_set_signal_handlers(session) < 0 || serve(session);
    fuse_session_unmount(session);
    fuse_session_destroy(session);
    return status;
}
