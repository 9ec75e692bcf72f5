/* SPDX-License-Identifier: GPL-3.0-or-later */
/* layers.c - see layers.h. The files may be in use. */
#include "image/layers.h"

#include <errno.h>
#include <string.h>

#include "image/chain_walk.h"
#include "image/foreign.h"
#include "image/layer.h"
#include "image/path.h"

void image_layers_free(struct image_layer *layers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(layers[i].path);
        free(layers[i].format);
        free(layers[i].data);
    }
    free(layers);
}

/* The state of a walk, and the source of the next layer. */
struct layers_walk {
    const struct image_policy *policy;
    struct image_layer *all;
    size_t n, cap;
    struct image_source at;
    struct chain_walk chain;
    char *backing, *backing_format; /* of the latest header; `at` may use them */
    struct err lost;                /* why that backing name leads to no file here */
    bool anywhere;                  /* that backing name may lead to any file */
    bool unknown;                   /* the chain may continue where the walk cannot */
    bool named_anywhere;            /* the source has a layer that may be any file */
    struct err failure;             /* the first fault of a chain that was walked to its end */
};

static void forget_header(struct layers_walk *w)
{
    free(take(w->backing));
    free(take(w->backing_format));
    w->lost.no = 0;
    w->anywhere = false;
}

static int check_depth(const struct layers_walk *w, struct err *e)
{
    if (w->n < IMAGE_CHAIN_MAX)
        return 0;
    return err_fail(e, ELOOP, "the chain of '%s' has more than %d layers", w->all[0].path,
                    IMAGE_CHAIN_MAX);
}

/* Adds the layer that the walk is at. dev and ino are 0 if it could not be looked at. */
static int add(struct layers_walk *w, uint64_t dev, uint64_t ino, struct err *e)
{
    for (size_t i = 0; ino && i < w->n; i++)
        if (w->all[i].dev == dev && w->all[i].ino == ino)
            return err_fail(e, ELOOP, "'%s' is its own backing file", w->at.path);
    int r = check_depth(w, e);
    if (r < 0)
        return r;
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 4;
        struct image_layer *all = reallocarray(w->all, cap, sizeof(*all));
        if (!all)
            return err_nomem(e);
        w->all = all;
        w->cap = cap;
    }
    autofree char *path = strdup(w->at.path);
    autofree char *format = w->at.format ? strdup(w->at.format) : NULL;
    if (!path || (w->at.format && !format))
        return err_nomem(e);
    w->all[w->n++] =
        (struct image_layer){.path = take(path), .format = take(format), .dev = dev, .ino = ino};
    w->at.path = w->all[w->n - 1].path;
    w->at.format = w->all[w->n - 1].format;
    forget_header(w);
    return 0;
}

static void note_failure(struct layers_walk *w, const struct err *why)
{
    if (!w->failure.no)
        w->failure = *why;
}

/* Takes the backing file's name, in any form, even one that only QEMU could open. */
static int take_backing(struct layers_walk *w, const char *image, struct header *h, struct err *e)
{
    w->backing_format = take(h->ext.backing_format);
    int lead = h->backing ? path_lead(image, h->backing, &w->backing) : PATH_LOCAL;
    if (lead == -ENOMEM)
        return err_nomem(e);
    w->anywhere = lead == PATH_UNKNOWN;
    if (lead != PATH_LOCAL)
        err_fail(&w->lost, EOPNOTSUPP, "'%s' refers to '%s', which is not a local file", image,
                 h->backing);
    return 0;
}

/* Takes the data file's name, in any form that QEMU has. If its file cannot be determined, the walk
 * does not end, because the backing file may still be known. */
static int take_data(struct layers_walk *w, const char *image, const char *name, struct err *e)
{
    int lead = name ? path_lead(image, name, &w->all[w->n - 1].data) : PATH_UNKNOWN;
    if (lead == -ENOMEM)
        return err_nomem(e);
    w->unknown |= lead == PATH_UNKNOWN;
    struct err why;
    if (lead == PATH_LOCAL)
        return 0;
    if (name)
        err_fail(&why, EOPNOTSUPP, "'%s' has its data in '%s', which is not a local file", image,
                 name);
    else
        err_fail(&why, EINVAL, "'%s' needs a data file and does not name it", image);
    note_failure(w, &why);
    return 0;
}

/* Reads the names in a header: this layer's data file and its backing file. */
static int read_names(struct layers_walk *w, const struct image_file *f, struct err *e)
{
    struct header h = {0};
    int r = header_load(f, &h, NULL, e);
    if (r < 0) {
        w->unknown = true;
        return r;
    }
    w->all[w->n - 1].size = h.size;
    if (h.incompatible & INCOMPAT_DATA_FILE)
        r = take_data(w, f->path, h.ext.data_name, e);
    if (r == 0)
        r = take_backing(w, f->path, &h, e);
    header_drop(&h);
    return r;
}

/* Opens the next file. A file that is not there may be away for a while, with its storage, so the
 * chain may continue below it. A raw file has no backing file. */
static int open_next(struct layers_walk *w, struct image_file **ret, struct err *e)
{
    int r = file_open(w->at.path, w->policy, ret, e);
    w->unknown |= r < 0 && (!w->at.format || strcmp(w->at.format, "raw") != 0);
    return r;
}

/* Guesses the format of a layer that has none. The walk goes on, but has failed. */
static int look_at(struct layers_walk *w, const struct image_file *f, struct err *e)
{
    struct err why;
    if (w->at.format)
        return 0;
    layer_kind_of(&w->at, &why);
    note_failure(w, &why);
    w->at.format = foreign_guess(f);
    return w->at.format ? 0 : err_fail(e, EIO, "'%s' cannot be read", f->path);
}

/* Checks a layer in a format that only QEMU reads. Its header does not tell its backing file. */
static int check_foreign(struct layers_walk *w, const struct image_file *f, int kind, struct err *e)
{
    bool alone = foreign_has_no_backing(f, w->at.format);
    w->unknown |= !alone;
    if (kind < 0 || alone)
        return kind < 0 ? kind : 0;
    return err_fail(e, EOPNOTSUPP, "'%s' is a %s that may have a backing file", f->path,
                    w->at.format);
}

/* Adds a layer of the source that is on another host, or has no path. The walk does not read it. */
static int add_closed(struct layers_walk *w, struct err *e)
{
    struct stat st = {0};
    size_t below = w->chain.next; /* of the source's layers; 0 at the top */
    w->named_anywhere |= below && w->chain.source->below[below - 1].anywhere;
    w->at.path = w->at.path ? w->at.path : "?";
    (void)image_remote_stat(w->at.path, &st);
    int r = add(w, st.st_dev, st.st_ino, e);
    return r < 0 ? r : err_fail(e, EOPNOTSUPP, "'%s' is not a local file", w->at.path);
}

/* Adds the layer that the walk is at, and takes what its header says. */
static int read_layer(struct layers_walk *w, struct err *e)
{
    autodestroy(file_close) struct image_file *f = NULL;
    struct stat ignored;
    size_t n = w->n;
    if (!w->at.path || image_remote_stat(w->at.path, &ignored))
        return add_closed(w, e);
    int r = open_next(w, &f, e);
    if (r == 0)
        r = add(w, f->dev, f->ino, e);
    if (r == 0)
        r = look_at(w, f, e);
    int kind = r == 0 ? layer_kind_of(&w->at, e) : LAYER_RAW;
    if (r == 0 && kind == LAYER_RAW)
        w->all[n].size = f->size;
    else if (r == 0)
        r = kind == LAYER_QCOW2 ? read_names(w, f, e) : check_foreign(w, f, kind, e);
    return r;
}

/* Goes to the layer below, as the source or the header says. */
static int go_down(struct layers_walk *w, struct err *e)
{
    struct chain_header h = {w->backing, w->backing_format, w->lost.no ? &w->lost : NULL};
    struct err why;
    int r = chain_next(&w->chain, w->all[w->n - 1].path, &h, &w->at, &why);
    if (r == -EINVAL)
        note_failure(w, &why);
    if (r >= 0 || r == -EINVAL)
        return r ? 1 : 0;
    w->unknown |= r == -EIO || w->anywhere;
    return err_fail(e, -r, "%s", why.text);
}

/* Tells whether the source itself names the layer below, or says that the chain ends. The walk then
 * needs no header. */
static bool is_told(const struct layers_walk *w)
{
    return chain_more(&w->chain) || (!w->chain.by_headers && w->chain.source->ends);
}

/* Goes past a layer whose header cannot be read. The source names the next layer. */
static int go_blind(struct layers_walk *w, const struct err *failure, bool added, struct err *e)
{
    const struct image_below *b = chain_more(&w->chain);
    note_failure(w, failure);
    int r = added ? 0 : add(w, 0, 0, e);
    if (r < 0)
        return r;
    w->at = (struct image_source){.path = b->path, .format = b->format};
    w->chain.next++;
    return 1;
}

/* Goes one layer down. Returns 1 if there is another layer. */
static int step(struct layers_walk *w, struct err *e)
{
    struct err why = {0};
    bool unknown = w->unknown;
    size_t n = w->n;
    int r = read_layer(w, &why);
    if (r == 0)
        r = go_down(w, &why);
    if (r >= 0)
        return r;
    if (is_told(w))
        w->unknown = unknown;
    bool on = r != -ENOMEM && r != -ELOOP && chain_more(&w->chain);
    return on ? go_blind(w, &why, w->n > n, e) : err_fail(e, -r, "%s", why.text);
}

int image_layers(const struct image_source *source, const struct image_policy *policy,
                 struct image_layer **ret_layers, size_t *ret_n, bool *ret_unknown, struct err *e)
{
    struct layers_walk w = {.policy = policy, .at = *source};
    w.chain = (struct chain_walk){.source = source, .policy = policy};
    int r;
    do
        r = step(&w, e);
    while (r == 1);
    free(w.backing);
    free(w.backing_format);
    *ret_layers = w.all;
    *ret_n = w.n;
    *ret_unknown = w.unknown || w.named_anywhere;
    return w.failure.no ? err_fail(e, w.failure.no, "%s", w.failure.text) : r;
}
