/* SPDX-License-Identifier: GPL-3.0-or-later */
/* strangers.c - see strangers.h. No locks; one thread. Reads headers only. */
#include "model/graph/strangers.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/layers.h"
#include "image/source.h"
#include "model/graph/directory.h"
#include "model/graph/mount_path.h"

enum { HEAD_MAX = 65536 /* an image of any format names its backing file within these bytes */ };

struct search {
    struct graph *graph;
    const struct mounts *mounts;
    struct text *unseen;
    struct denied *denied;
    struct directory_id {
        dev_t dev;
        ino_t ino;
    } * seen;
    size_t n_seen;
    int n_files;        /* of the graph, before the search */
    const char **names; /* the last part of each file's path; sorted, borrowed */
    char *mount_path;   /* the path in a mount that the last chain led to */
    char *asked;        /* the last path that the chain wanted to open */
};

static int allow(void *ctx, const char *path, struct err *e)
{
    struct search *s = ctx;
    free(take(s->mount_path));
    free(s->asked);
    s->asked = strdup(path);
    return mounts_check(s->mounts, path, &s->mount_path, e);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int cmp_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* ---- images that matter ---- */

/* Returns whether the layer's file is in the graph, or has the name of a file in the graph. A file
 * of the same name may be the same file under another device. */
static bool is_known(const struct search *s, const struct image_layer *l)
{
    const char *name = last_part(l->path);
    int file = graph_find(s->graph, l->dev, l->ino);
    return (file != GRAPH_NO_FILE && file < s->n_files) ||
           bsearch(&name, s->names, (size_t)s->n_files, sizeof(name), cmp_name);
}

static bool is_in_word(const char *head, size_t len, size_t at)
{
    return at < len && (isalnum((unsigned char)head[at]) || strchr("._-", head[at]));
}

/* Returns whether the bytes have `word` in them, and not as a part of a longer name. */
static bool has_word(const char *head, size_t len, const char *word)
{
    size_t n = strlen(word);
    const char *at = head;
    while (n && (at = memmem(at, len - (size_t)(at - head), word, n))) {
        size_t begin = (size_t)(at - head);
        if (!(begin && is_in_word(head, len, begin - 1)) && !is_in_word(head, len, begin + n))
            return true;
        at++;
    }
    return false;
}

/* Returns the first file of the graph whose name is in those bytes. */
static int named_in(const struct search *s, const char *head, size_t len)
{
    for (int i = 0; i < s->n_files; i++)
        if (has_word(head, len, last_part(graph_file_path(s->graph, i))))
            return i;
    return GRAPH_NO_FILE;
}

/* ---- adding ---- */

static int add_layers(struct search *s, struct graph_user *u, const struct image_layer *layers,
                      size_t n, struct err *e)
{
    autofree int *chain = calloc(n + 1, sizeof(*chain));
    bool ok = chain;
    for (size_t i = 0; ok && i < n; i++) {
        const struct image_layer *l = &layers[i];
        chain[i] = graph_file(s->graph, l->path, l->format, l->dev, l->ino);
        ok = chain[i] >= 0;
    }
    return ok && graph_add(s->graph, u, chain, n) ? 0 : err_nomem(e);
}

/* Adds a qcow2 file and its chain. If a file of the chain is missing, no program can read the
 * chain, and the image uses what the chain has. */
static int add_chain(struct search *s, const char *path, bool *ret_done, struct err *e)
{
    struct image_source source = {.path = path, .format = "qcow2"};
    struct image_policy policy = {.ctx = s, .allow = allow};
    struct image_layer *layers = NULL;
    size_t n = 0;
    bool may_continue = false, known = false;
    free(take(s->mount_path));
    int r = image_layers(&source, &policy, &layers, &n, &may_continue, NULL);
    if (r == -ENOENT && s->asked)
        s->mount_path = mount_path_guess(s->asked);
    if (r < 0)
        denied_note(s->denied, -r, s->asked ? s->asked : path);
    for (size_t i = 1; i < n && !known; i++)
        known = is_known(s, &layers[i]);
    struct graph_user u = {.domain = "",
                           .target = path,
                           .mount_path = s->mount_path,
                           .incomplete = r < 0,
                           .may_continue = may_continue && !s->mount_path && r == -EOPNOTSUPP && n,
                           .found = true};
    bool uses = known || u.mount_path || u.may_continue;
    *ret_done = uses || !u.incomplete;
    r = uses ? add_layers(s, &u, layers, n, e) : 0;
    image_layers_free(layers, n);
    return r;
}

/* Adds an image of another format, or one whose chain cannot be followed. It uses the file of the
 * graph that it names. */
static int add_named(struct search *s, const char *path, const struct stat *st, const char *head,
                     size_t len, struct err *e)
{
    int named = named_in(s, head, len);
    if (named == GRAPH_NO_FILE ||
        !strcmp(last_part(path), last_part(graph_file_path(s->graph, named))))
        return 0;
    struct graph_user u = {.domain = "", .target = path, .incomplete = true, .found = true};
    int chain[2] = {graph_file(s->graph, path, NULL, st->st_dev, st->st_ino), named};
    return chain[0] >= 0 && graph_add(s->graph, &u, chain, 2) ? 0 : err_nomem(e);
}

/* ---- looking ---- */

static bool begins(const char *head, size_t len, const char *magic)
{
    return len >= strlen(magic) && !memcmp(head, magic, strlen(magic));
}

/* Returns how many bytes of the file's beginning were read; 0 if it is no image with a backing
 * file. */
static size_t read_head(const char *path, char *head, struct denied *denied)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        denied_note(denied, errno, path);
    ssize_t n = fd < 0 ? -1 : pread(fd, head, 8, 0);
    size_t len = n < 0 ? 0 : (size_t)n;
    static const char *const magics[] = {"QFI\xfb", "QED", "KDMV", "COWD", "# Disk"};
    for (size_t i = 0; i < sizeof(magics) / sizeof(*magics); i++)
        if (begins(head, len, magics[i])) {
            n = pread(fd, head, HEAD_MAX, 0);
            return n < 0 ? 0 : (size_t)n;
        }
    return 0;
}

static int look_at(void *ctx, const char *path, const struct stat *st, struct err *e)
{
    struct search *s = ctx;
    if (graph_find(s->graph, st->st_dev, st->st_ino) != GRAPH_NO_FILE)
        return 0;
    autofree char *head = malloc(HEAD_MAX);
    if (!head)
        return err_nomem(e);
    size_t len = read_head(path, head, s->denied);
    bool done = !len;
    int r = begins(head, len, "QFI\xfb") ? add_chain(s, path, &done, e) : 0;
    return r < 0 || done ? r : add_named(s, path, st, head, len, e);
}

static bool was_seen(const struct search *s, const struct stat *st)
{
    for (size_t i = 0; i < s->n_seen; i++)
        if (s->seen[i].dev == st->st_dev && s->seen[i].ino == st->st_ino)
            return true;
    return false;
}

static int note_seen(struct search *s, const struct stat *st, struct err *e)
{
    if (!mem_room(s->seen, s->n_seen))
        return err_nomem(e);
    s->seen[s->n_seen++] = (struct directory_id){st->st_dev, st->st_ino};
    return 0;
}

static int search_directory(struct search *s, const char *path, struct err *e)
{
    struct stat st;
    bool all;
    if (mounts_check(s->mounts, path, NULL, NULL) < 0)
        return 0;
    if (stat(path, &st) < 0) {
        denied_note(s->denied, errno, path);
        return 0;
    }
    if (!S_ISDIR(st.st_mode) || was_seen(s, &st))
        return 0;
    int r = note_seen(s, &st, e);
    if (r == 0)
        r = directory_each(path, s->mounts, look_at, s, &all, s->denied, e);
    if (r == 0 && !all)
        text_add(s->unseen,
                 "; '%s' has more than %d files, of which only these were looked at for clones",
                 path, DIRECTORY_FILES_MAX);
    return r;
}

/* Searches the directory that the path names, and that in which the file really is. */
static int search_beside(struct search *s, const char *path, struct err *e)
{
    char real[PATH_MAX];
    struct stat st;
    if (path[0] != '/' || mounts_check(s->mounts, path, NULL, NULL) < 0)
        return 0;
    const char *both[] = {path, realpath(path, real)};
    int r = 0;
    for (size_t i = 0; r == 0 && i < 2 && both[i]; i++) {
        if (stat(both[i], &st) == 0 && !S_ISREG(st.st_mode))
            return 0;
        size_t len = (size_t)(last_part(both[i]) - both[i]);
        autofree char *directory = strndup(both[i], len > 1 ? len - 1 : len);
        r = directory ? search_directory(s, directory, e) : err_nomem(e);
    }
    return r;
}

static int search_user(struct search *s, size_t user, struct err *e)
{
    int r = 0, file;
    for (size_t k = 0; r == 0 && (file = graph_chain(s->graph, user, k)) != GRAPH_NO_FILE; k++) {
        autofree char *path = strdup(graph_file_path(s->graph, file));
        r = path ? search_beside(s, path, e) : err_nomem(e);
    }
    return r;
}

static int sort_names(struct search *s, struct err *e)
{
    s->n_files = (int)graph_n_files(s->graph);
    s->names = calloc((size_t)s->n_files + 1, sizeof(*s->names));
    if (!s->names)
        return err_nomem(e);
    for (int i = 0; i < s->n_files; i++)
        s->names[i] = last_part(graph_file_path(s->graph, i));
    qsort(s->names, (size_t)s->n_files, sizeof(*s->names), cmp_name);
    return 0;
}

int strangers_add(struct graph *g, const struct mounts *mounts, const char *domain,
                  struct text *unseen, struct denied *denied, struct err *e)
{
    struct search s = {.graph = g, .mounts = mounts, .unseen = unseen, .denied = denied};
    size_t n = graph_n_users(g);
    int r = sort_names(&s, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        const struct graph_user *u = graph_user(g, i);
        if (u->unattached || (domain && !strcmp(u->domain, domain)))
            r = search_user(&s, i, e);
    }
    free(s.seen);
    free(s.names);
    free(s.mount_path);
    free(s.asked);
    return r;
}
