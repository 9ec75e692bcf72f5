/* layers.c - image_layers: the files of a chain by their headers alone, also those in use. */
#include <errno.h>
#include <string.h>

#include "image/chain.h"
#include "image/foreign.h"
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

/* What the walk has so far, and the source of the next layer. */
struct layers_walk {
    const struct image_policy *policy;
    struct image_layer *all;
    size_t n, cap;
    struct image_source at;
    char *backing, *backing_format; /* what `at` points to, below the top */
    bool unknown;                   /* the chain may go on where the walk cannot */
    struct err failure; /* the first thing that is wrong with a chain walked to its end */
};

static int add(struct layers_walk *w, const struct image_file *f, struct err *e)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->all[i].dev == f->dev && w->all[i].ino == f->ino)
            return err_fail(e, ELOOP, "'%s' is its own backing file", f->path);
    if (w->n == IMAGE_CHAIN_MAX)
        return err_fail(e, ELOOP, "the chain of '%s' has more than %d layers", w->all[0].path,
                        IMAGE_CHAIN_MAX);
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 4;
        struct image_layer *all = reallocarray(w->all, cap, sizeof(*all));
        if (!all)
            return err_nomem(e);
        w->all = all;
        w->cap = cap;
    }
    autofree char *path = strdup(f->path);
    autofree char *format = w->at.format ? strdup(w->at.format) : NULL;
    if (!path || (w->at.format && !format))
        return err_nomem(e);
    w->all[w->n++] = (struct image_layer){
        .path = take(path), .format = take(format), .dev = f->dev, .ino = f->ino};
    return 0;
}

/* The file below, in a form that may need QEMU to open. 1: there is one. */
static int take_backing(struct layers_walk *w, const char *image, struct header *h, struct err *e)
{
    char *backing = NULL;
    int lead = path_lead(image, h->backing, &backing);
    if (lead == -ENOMEM)
        return err_nomem(e);
    if (lead != PATH_LOCAL) {
        w->unknown |= lead == PATH_UNKNOWN;
        return err_fail(e, EOPNOTSUPP, "'%s' refers to '%s', which is not a local file", image,
                        h->backing);
    }
    free(w->backing);
    free(w->backing_format);
    w->backing = backing;
    w->backing_format = take(h->backing_format);
    return 1;
}

/* The data file, by any form of name that QEMU has. One that cannot be told does not end the walk:
 * the backing file may still be known. */
static int take_data(struct layers_walk *w, const char *image, const char *name, struct err *e)
{
    int lead = name ? path_lead(image, name, &w->all[w->n - 1].data) : PATH_UNKNOWN;
    if (lead == -ENOMEM)
        return err_nomem(e);
    w->unknown |= lead == PATH_UNKNOWN;
    if (lead == PATH_LOCAL || w->failure.no)
        return 0;
    if (name)
        err_fail(&w->failure, EOPNOTSUPP, "'%s' has its data in '%s', which is not a local file",
                 image, name);
    else
        err_fail(&w->failure, EINVAL, "'%s' needs a data file and does not name it", image);
    return 0;
}

/* The names in a header: the data file of this layer and the file below. 1: there is one below. */
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
        r = take_data(w, f->path, h.data_name, e);
    if (r == 0 && h.backing)
        r = take_backing(w, f->path, &h, e);
    header_drop(&h);
    return r;
}

/* A file that is not there may be away for a while, with its storage. A raw one stands on nothing.
 */
static int open_next(struct layers_walk *w, struct image_file **ret, struct err *e)
{
    int r = file_open(w->at.path, w->policy, ret, e);
    w->unknown |= r < 0 && (!w->at.format || strcmp(w->at.format, "raw") != 0);
    return r;
}

/* A layer whose format nobody gave is taken for what it looks like, and the walk has failed. */
static int look_at(struct layers_walk *w, const struct image_file *f, struct err *e)
{
    if (w->at.format)
        return 0;
    if (!w->failure.no)
        layer_kind_of(&w->at, &w->failure);
    w->at.format = foreign_guess(f);
    return w->at.format ? 0 : err_fail(e, EIO, "'%s' cannot be read", f->path);
}

/* What only QEMU can read ends the walk. */
static int end_foreign(struct layers_walk *w, const struct image_file *f, int kind, struct err *e)
{
    bool alone = foreign_stands_alone(f, w->at.format);
    w->unknown |= !alone;
    if (kind < 0 || alone)
        return kind < 0 ? kind : 0;
    return err_fail(e, EOPNOTSUPP, "'%s' is a %s that may have a backing file", f->path,
                    w->at.format);
}

/* One layer down; 1: there is another. */
static int step(struct layers_walk *w, struct err *e)
{
    autodestroy(file_close) struct image_file *f = NULL;
    int r = open_next(w, &f, e);
    if (r == 0)
        r = add(w, f, e);
    if (r == 0)
        r = look_at(w, f, e);
    if (r < 0)
        return r;
    int kind = layer_kind_of(&w->at, e);
    if (kind == LAYER_RAW) {
        w->all[w->n - 1].size = f->size;
        return 0;
    }
    if (kind != LAYER_QCOW2)
        return end_foreign(w, f, kind, e);
    r = read_names(w, f, e);
    if (r <= 0)
        return r;
    struct err why;
    r = chain_below(f->path, w->backing, w->backing_format, w->policy, &w->at, &why);
    if (r == -EINVAL && !w->failure.no)
        w->failure = why;
    return 1;
}

int image_layers(const struct image_source *source, const struct image_policy *policy,
                 struct image_layer **ret_layers, size_t *ret_n, bool *ret_unknown, struct err *e)
{
    struct layers_walk w = {.policy = policy, .at = *source};
    int r;
    do
        r = step(&w, e);
    while (r == 1);
    free(w.backing);
    free(w.backing_format);
    *ret_layers = w.all;
    *ret_n = w.n;
    *ret_unknown = w.unknown;
    return w.failure.no ? err_fail(e, w.failure.no, "%s", w.failure.text) : r;
}
