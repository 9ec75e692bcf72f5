/* survey.h - looks at every domain that libvirt has and draws the file graph (graph.h) from it. */
#ifndef SNAPFS_MODEL_SURVEY_H
#define SNAPFS_MODEL_SURVEY_H

#include <stdatomic.h>

#include "model/graph.h"
#include "model/model.h"
#include "model/names.h"
#include "virt/xml.h"

struct survey {
    struct graph *graph;
    struct names *names;     /* all that the domains and their snapshots name */
    struct xml_domain *live; /* the asking domain's XML of now */
};

/* Reads all domains afresh (`d` is taken as it is; with `alone` it is the only one), follows every
 * chain, reads every snapshot table.
 * A domain that cannot be read fails the survey: what it needs is not known then. EOPNOTSUPP, with
 * no file opened, where libvirt's files are not ours to see. */
int survey_make(struct model *m, struct domain *d, bool alone, struct survey *ret, struct err *e);
void survey_drop(struct survey *s);

/* The same for telling only: domains as they are remembered, where that is not old, and without
 * those that cannot be read, which are counted. Ends early, with ESHUTDOWN, when `stop` is set. */
int survey_glance(struct model *m, const atomic_bool *stop, struct graph **ret, size_t *ret_missing,
                  struct err *e);

/* The user that is this snapshot's disk, or, with `s` NULL, this domain's live disk. -1 = none. */
int survey_user(const struct survey *v, const struct domain *d, const struct snapshot *s,
                const char *target);

#endif
