/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_chain_cache.c - chains that a survey has followed: found again by their tops and, if they are
 * whole, by each file below. */
#include <stdlib.h>
#include <string.h>

#include "model/graph/chain_cache.h"
#include "tap.h"

/* Layers of these paths and formats, which the chain cache takes over. */
static struct image_layer *layers_of(const char *const (*names)[2], size_t n)
{
    struct image_layer *layers = calloc(n, sizeof(*layers));
    for (size_t i = 0; layers && i < n; i++)
        layers[i] = (struct image_layer){.path = strdup(names[i][0]),
                                         .format = names[i][1] ? strdup(names[i][1]) : NULL};
    return layers;
}

static void whole(struct chain_cache *t)
{
    static const char *const names[][2] = {{"/c", "qcow2"}, {"/b", "qcow2"}, {"/a", "raw"}};
    int chain[] = {7, 8, 9};
    struct cached_chain r = {.chain = chain, .n = 3};
    TAP_OK(!chain_cache_find(t, "/c", "qcow2", &r), "nothing is known at first");
    TAP_OK(chain_cache_add(t, "/c", "qcow2", &r, layers_of(names, 3), 3), "added");
    memset(chain, 0, sizeof(chain));
    TAP_OK(chain_cache_find(t, "/c", "qcow2", &r) && r.n == 3 && r.chain[0] == 7 && r.chain[2] == 9,
           "the chain, copied");
    TAP_OK(chain_cache_find(t, "/b", "qcow2", &r) && r.n == 2 && r.chain[0] == 8, "its end");
    TAP_OK(chain_cache_find(t, "/a", "raw", &r) && r.n == 1 && r.chain[0] == 9, "its last file");
    TAP_OK(chain_cache_find(t, "/b", "qcow2", &r) && r.n_layers == 2 &&
               !strcmp(r.layers[1].path, "/a"),
           "with the names that the headers give");
    TAP_OK(!chain_cache_find(t, "/b", "raw", &r), "but not as something else");
}

static void not_whole(struct chain_cache *t)
{
    static const char *const names[][2] = {{"/x", "qcow2"}, {"/y", NULL}};
    int chain[] = {1, 2};
    struct cached_chain r = {.chain = chain, .n = 2, .incomplete = true};
    TAP_OK(chain_cache_add(t, "/x", "qcow2", &r, layers_of(names, 2), 2), "added a broken one");
    TAP_OK(chain_cache_find(t, "/x", "qcow2", &r) && r.incomplete && r.n == 2, "the chain");
    TAP_OK(!chain_cache_find(t, "/y", "qcow2", &r), "but not what is below its top");
    r = (struct cached_chain){.chain = chain, .n = 1, .mount_path = "/web01"};
    TAP_OK(chain_cache_add(t, "/z", "qcow2", &r, layers_of(names, 1), 1),
           "added one that leads into a mount");
    TAP_OK(chain_cache_find(t, "/z", "qcow2", &r) && r.mount_path &&
               !strcmp(r.mount_path, "/web01"),
           "where to");
    r = (struct cached_chain){.chain = chain, .n = 1};
    TAP_OK(chain_cache_add(t, "/gone", "raw", &r, NULL, 0),
           "added one of a file that is not there");
    TAP_OK(chain_cache_find(t, "/gone", "raw", &r) && r.chain[0] == 1, "its number");
}

int main(void)
{
    autodestroy(chain_cache_free) struct chain_cache *t = chain_cache_new();
    TAP_OK(t != NULL, "made");
    whole(t);
    not_whole(t);
    return tap_done();
}
