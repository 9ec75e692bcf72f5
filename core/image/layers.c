/* layers.c - image_layers: the files of a chain by their headers alone, also those in use. */
#include <errno.h>

#include "image/chain.h"
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

/* The names in a header: the data file of this layer and the file below. 1: there is one below. */
static int read_names(struct layers_walk *w, const struct image_file *f, struct err *e)
{
    struct header h = {0};
    int r = header_load(f, &h, NULL, e);
    if (r < 0)
        return r;
    autofree char *backing = NULL;
    if (h.incompatible & INCOMPAT_DATA_FILE && h.data_name)
        r = path_resolve(f->path, h.data_name, &w->all[w->n - 1].data, e);
    if (r == 0 && h.backing)
        r = path_resolve(f->path, h.backing, &backing, e);
    if (r == 0 && backing) {
        free(w->backing);
        free(w->backing_format);
        w->backing = take(backing);
        w->backing_format = take(h.backing_format);
        r = 1;
    }
    header_drop(&h);
    return r;
}

/* The backing file whose format nobody gave: listed without one, the sentence in `e` stays. */
static int list_unknown(struct layers_walk *w, struct err *e)
{
    autodestroy(file_close) struct image_file *f = NULL;
    int r = file_open(w->at.path, w->policy, &f, NULL);
    if (r == 0)
        r = add(w, f, NULL);
    return r == -ENOMEM ? err_nomem(e) : -EINVAL;
}

/* One layer down; 1: there is another. A layer of unknown format is listed and ends the walk. */
static int step(struct layers_walk *w, struct err *e)
{
    autodestroy(file_close) struct image_file *f = NULL;
    int r = file_open(w->at.path, w->policy, &f, e);
    if (r < 0)
        return r;
    r = add(w, f, e);
    if (r < 0)
        return r;
    int kind = layer_kind_of(&w->at, e);
    if (kind < 0 || kind == LAYER_RAW)
        return kind < 0 ? kind : 0;
    r = read_names(w, f, e);
    if (r <= 0)
        return r;
    r = chain_below(f->path, w->backing, w->backing_format, w->policy, &w->at, e);
    if (r == -EINVAL)
        return list_unknown(w, e);
    return r;
}

int image_layers(const struct image_source *source, const struct image_policy *policy,
                 struct image_layer **ret_layers, size_t *ret_n, struct err *e)
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
    return r;
}
