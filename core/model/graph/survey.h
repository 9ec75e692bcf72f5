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
    struct names *names;     /* all paths that the domains and their snapshots name */
    struct xml_domain *live; /* the asking domain's present XML; NULL if no domain asks */
    struct left_tags left;   /* kept as left over, if a file takes no mark */
    char *unseen;            /* "; …" for the log: the places not looked at; NULL: none */
};

/* Reads all domains afresh (except `d`, which is used as it is), follows every chain, and reads
 * every snapshot table. SURVEY_BESIDE is for a caller that is about to merge into a file, to write
 * to the file, or to unlink it. Such a survey reads directories, and a listing must not wait for
 * these reads.
 *
 * If a domain cannot be read, the survey fails, because the domain's needs are unknown. If snapfs
 * cannot see libvirt's files, the survey fails with EOPNOTSUPP and opens no file.
 */
int survey_make(struct model *m, struct domain *d, enum survey_scope scope, struct survey *ret,
                struct err *e);

/* Makes a survey like SURVEY_BESIDE for a caller that is about to unlink these files. Perhaps no
 * domain has these files. The graph also has their own tags and chains. If `d` is NULL, the domain
 * is gone. */
int survey_files(struct model *m, struct domain *d, const char *const *paths, size_t n,
                 struct survey *ret, struct err *e);
void survey_drop(struct survey *s);
/* Moves the survey to the caller. `s` is empty then. */
struct survey survey_take(struct survey *s);
#define autosurvey __attribute__((cleanup(survey_drop)))

/* Forgets a file that was removed after the survey was made. If the survey knows that file by
 * another path, returns false: it may be another file, or the file may still be there. */
bool survey_forget(struct survey *v, const char *path, uint64_t dev, uint64_t ino);

/* Makes a survey for information only. Uses remembered values of domains, unless these are old.
 * Counts the domains that cannot be read, and leaves them out. If `stop` is set, ends early with
 * ESHUTDOWN. */
int survey_glance(struct model *m, const atomic_bool *stop, struct graph **ret, size_t *ret_missing,
                  struct err *e);

/* Returns whether libvirt has a domain of the name that a path in a mount begins with
 * (graph/mount_path.h). */
bool survey_knows_domain(const struct survey *v, const char *mount_path);

/* Returns the user that is this snapshot's disk. If `s` is NULL, returns the user that is this
 * domain's live disk. Returns -1 if there is no such user. */
int survey_user(const struct survey *v, const struct domain *d, const struct snapshot *s,
                const char *target);

/* Returns whether that file is the top of a live disk of the domain, under any target. */
bool survey_is_live(const struct survey *v, const struct domain *d, int file);

#endif
