/* SPDX-License-Identifier: GPL-3.0-or-later */
/* detached.c - see detached.h. No locks.
 *
 * Disks of one tree share a file: one of the overlays that were made for snapshots, or the file
 * below these. A file further down does not tell, because disks of many domains may share a golden
 * image.
 */
#include "model/delete/detached.h"

#include <string.h>

#include "model/change/own_tags.h"
#include "model/change/reclaim.h"
#include "model/state.h"
#include "model/storage/file_marks.h"

static bool is_of_one_tree(const struct survey *v, const struct domain *d, size_t own, size_t live)
{
    const struct graph *g = v->graph;
    int file = graph_chain(g, own, 0), below;
    for (size_t k = 1; file != GRAPH_NO_FILE; k++, file = below) {
        below = graph_chain(g, own, k);
        if (graph_depth(g, live, file) != SIZE_MAX)
            return true;
        if (below == GRAPH_NO_FILE ||
            !reclaim_is_overlay(d, graph_file_path(g, file), graph_file_path(g, below)))
            break;
    }
    return false;
}

/* Returns whether the live disk is on a copy. A revert may have put it there, and a copy has no
 * file in common with the original. */
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

static bool has_tag_of(const char *path, const struct image_tags *tags)
{
    struct image_tags *own autodestroy(image_tags_free) = NULL;
    if (own_tags_read(path, &own, NULL) < 0)
        return false;
    for (size_t i = 0; i < own->n; i++)
        if (own_tags_have(tags, own->tags[i].identity.entry))
            return true;
    return false;
}

/* Returns whether the snapshot's file is a copy, and the live disk has a tag of it. A later revert
 * may have put the disk back on the original, which has tags of its copy. */
static bool is_copy_of(const struct survey *v, size_t own, size_t live)
{
    int file = graph_chain(v->graph, own, 0);
    const char *path = file == GRAPH_NO_FILE ? NULL : graph_file_path(v->graph, file);
    struct image_tags *tags autodestroy(image_tags_free) = NULL;
    bool is = false;
    if (!path || !mark_is_made(path) || own_tags_read(path, &tags, NULL) < 0)
        return false;
    for (size_t k = 0; !is; k++) {
        file = graph_chain(v->graph, live, k);
        if (file == GRAPH_NO_FILE)
            break;
        is = has_tag_of(graph_file_path(v->graph, file), tags);
    }
    return is;
}

/* Returns whether the disks may be the same. A chain that cannot be followed proves nothing. */
static bool may_be_same(const struct survey *v, size_t own, size_t live)
{
    return graph_user(v->graph, live)->incomplete || is_on_copy(v, live) ||
           is_copy_of(v, own, live);
}

bool detached_is(const struct survey *v, const struct domain *d, const struct snapshot_disk *disk,
                 size_t own)
{
    bool has = false;
    for (size_t i = 0; !has && i < v->live->n_disks; i++) {
        const char *target = v->live->disks[i].target;
        int live = survey_user(v, d, NULL, target);
        has = live >= 0 && (is_of_one_tree(v, d, own, (size_t)live) ||
                            (!strcmp(target, disk->target) && may_be_same(v, own, (size_t)live)));
    }
    return !has;
}
