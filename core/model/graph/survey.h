/* SPDX-License-Identifier: GPL-3.0-or-later */
/* survey.h - looks at every domain that libvirt has, and makes the file graph (graph/graph.h) from
 * them. */
#ifndef SNAPFS_MODEL_GRAPH_SURVEY_H
#define SNAPFS_MODEL_GRAPH_SURVEY_H

#include <stdatomic.h>

#include "model/graph/graph.h"
#include "model/catalog/domain.h"
#include "model/graph/survey_scope.h"
#include "model/journal/kept_marks.h"
#include "model/storage/path_set.h"
#include "virt/xml.h"

struct model;

struct survey {
    struct virt *virt;
    struct domain *asking; /* NULL: none */
    enum survey_scope scope;
    struct graph *graph;
    struct names *names;     /* all that the domains and their snapshots name */
    struct xml_domain *live; /* the asking domain's XML of now; NULL if none asks */
    struct left_tags left;   /* kept as left over, if a file takes no mark */
    char *unseen;            /* "; …" for the log: what was not looked at; NULL for nothing */
};

/* Reads all domains afresh (`d` is taken as it is), follows every chain, reads every snapshot
 * table. SURVEY_BESIDE is for a caller that is about to merge into a file, to write to it or to
 * unlink it. It reads directories, and a listing must not wait for that.
 *
 * A domain that cannot be read fails the survey, because its needs are not known then. If snapfs
 * cannot see libvirt's files, fails with EOPNOTSUPP and opens no file.
 */
int survey_make(struct model *m, struct domain *d, enum survey_scope scope, struct survey *ret,
                struct err *e);

/* Makes a survey like SURVEY_BESIDE for a caller that is about to unlink these files, which no
 * domain may have. The graph has their own tags and chains as well. `d` may be NULL: the domain is
 * gone. */
int survey_files(struct model *m, struct domain *d, const char *const *paths, size_t n,
                 struct survey *ret, struct err *e);
void survey_drop(struct survey *s);
/* Moves the survey to the caller. `s` is empty then. */
struct survey survey_take(struct survey *s);
#define autosurvey __attribute__((cleanup(survey_drop)))

/* Forgets a file that was removed after the survey was made. Returns false if the survey knows that
 * file by another path: it may be another file, or may be there still. */
bool survey_forget(struct survey *v, const char *path, uint64_t dev, uint64_t ino);

/* Makes a survey for information only. Takes domains as they are remembered, if that is not old.
 * Counts those that cannot be read, and leaves them out. Ends early, with ESHUTDOWN, when `stop` is
 * set. */
int survey_glance(struct model *m, const atomic_bool *stop, struct graph **ret, size_t *ret_missing,
                  struct err *e);

/* Returns whether libvirt has a domain of the name that a path in a mount begins with
 * (graph/mount_path.h). */
bool survey_knows_domain(const struct survey *v, const char *mount_path);

/* Returns the user that is this snapshot's disk, or, with `s` NULL, this domain's live disk. -1 for
 * none. */
int survey_user(const struct survey *v, const struct domain *d, const struct snapshot *s,
                const char *target);

/* Returns whether that file is the top of a live disk of the domain, under any target. */
bool survey_is_live(const struct survey *v, const struct domain *d, int file);

#endif
