/* SPDX-License-Identifier: GPL-3.0-or-later */
/* survey_tags.c - see survey_tags.h. No locks of its own; one thread. Reads snapshot tables. */
#include "model/graph/survey_tags.h"

#include <string.h>

#include "model/catalog/tag_tables.h"
#include "model/graph/told.h"
#include "model/storage/file_marks.h"

/* Adds a tag. A tag uses the backing files of its file, by the headers and by any XML. */
static int add_tag(struct surveyor *v, struct graph_user *u, int file, const char *path,
                   struct err *e)
{
    struct cached_chain t = {0};
    int r = surveyor_chain(v, u, path, "qcow2", &t, e);
    bool ok = r == 0 && graph_add(v->graph, u, t.chain, t.n);
    size_t n = 0;
    autofree size_t *users = ok ? told_tails(v->graph, file, &t, &n) : NULL;
    for (size_t i = 0; users && ok && i < n; i++)
        ok = graph_add_tail(v->graph, u, users[i], file);
    return r < 0 || (ok && users) ? r : err_nomem(e);
}

/* Adds the tags of one file's snapshot table that belong to no snapshot that libvirt knows. */
static int add_file_tags(struct surveyor *v, int file, struct err *e)
{
    autofree char *path = strdup(graph_file_path(v->graph, file));
    const char *format = graph_file_format(v->graph, file);
    const struct image_tags *tags = NULL;
    if (!path)
        return err_nomem(e);
    if (!format || tag_tables_get(v->tables, path, format, &tags, NULL) < 0)
        return 0; /* if a table cannot be read, no program can ask for the bytes of its tags */
    struct graph_user u = {.domain = "", .target = ""};
    struct marks marks __attribute__((cleanup(mark_drop))) = {0};
    if (tags->n)
        marks = mark_read(path);
    int r = 0;
    for (size_t i = 0; r == 0 && i < tags->n; i++) {
        u.tag = tags->tags[i].name;
        u.tag_id = tags->tags[i].id;
        u.found = (size_t)file >= v->n_had;
        u.left = mark_is_left(&marks, tags->tags[i].identity.entry) ||
                 left_tags_have(&v->left, path, tags->tags[i].identity.entry);
        if (!graph_has_tag(v->graph, file, u.tag, u.tag_id))
            r = add_tag(v, &u, file, path, e);
    }
    return r;
}

int survey_tags(struct surveyor *v, struct err *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < graph_n_files(v->graph); i++)
        r = add_file_tags(v, (int)i, e);
    return r;
}
