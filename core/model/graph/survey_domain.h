/* SPDX-License-Identifier: GPL-3.0-or-later */
/* survey_domain.h - adds the users of one domain to a survey. */
#ifndef SNAPFS_MODEL_GRAPH_SURVEY_DOMAIN_H
#define SNAPFS_MODEL_GRAPH_SURVEY_DOMAIN_H

#include "model/graph/surveyor.h"

/* Adds the domain's disks, as they are and as they will be at its next start, and its snapshots.
 * Notes all files that these name, and what is kept of the domain. Fails if the domain's XML cannot
 * be read. */
int survey_domain(struct surveyor *v, const struct domain *d, struct err *e);

#endif
