/* SPDX-License-Identifier: GPL-3.0-or-later */
/* detached.c - see detached.h. No locks.
 *
 * Disks of one tree have a file in common in which a snapshot of the domain is, or was. A file
 * below them all, as the golden image that disks of many domains have in common, does not tell. */
#include "model/delete/detached.h"

#include <string.h>

#include "model/change/later.h"
#include "model/state.h"
#include "model/storage/file_chain.h"
#include "model/storage/file_marks.h"

static bool is_of_snapshot(const struct domain *d, const char *path)
{
    bool is = later_is_base(d->kept, path);
    for (size_t i = 0; !is && i < d->n; i++)
        for (size_t k = 0; !is && k < d->all[i].n_disks; k++)
            is = follow_to_same(d->all[i].disks[k].path, path);
    return is;
}

static bool is_of_one_tree(const struct survey *v, const struct domain *d, size_t own, size_t live)
{
    const struct graph *g = v->graph;
    bool is = false;
    for (size_t k = 0; !is; k++) {
        int file = graph_chain(g, own, k);
        if (file == GRAPH_NO_FILE)
            break;
        is = graph_depth(g, live, file) != SIZE_MAX && is_of_snapshot(d, graph_file_path(g, file));
    }
    return is;
}

/* A revert may have put the disk on a copy, which has no file in common with the original. */
static bool is_on_copy(const struct survey *v, size_t live)
{
    bool is = false;
    for (size_t k = 0; !is; k++) {
        int file = graph_chain(v->graph, live, k);
        if (file == GRAPH_NO_FILE)
            break;
        is = mark_is_made(graph_file_path(v->graph, file));
    }
    return is;
}

/* Nothing follows from a chain that cannot be followed. */
static bool may_be_same(const struct survey *v, size_t live)
{
    return graph_user(v->graph, live)->incomplete || is_on_copy(v, live);
}

bool detached_is(const struct survey *v, const struct domain *d, const struct snapshot_disk *disk,
                 size_t own)
{
    bool has = false;
    for (size_t i = 0; !has && i < v->live->n_disks; i++) {
        const char *target = v->live->disks[i].target;
        int live = survey_user(v, d, NULL, target);
        has = live >= 0 && (is_of_one_tree(v, d, own, (size_t)live) ||
                            (!strcmp(target, disk->target) && may_be_same(v, (size_t)live)));
    }
    return !has;
}
