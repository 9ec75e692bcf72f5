/* SPDX-License-Identifier: GPL-3.0-or-later */
/* survey_tags.h - adds the tags of all files of a survey that no snapshot has. */
#ifndef SNAPFS_MODEL_GRAPH_SURVEY_TAGS_H
#define SNAPFS_MODEL_GRAPH_SURVEY_TAGS_H

#include "model/graph/surveyor.h"

/* Adds the tags of each file of the graph that belong to no snapshot that libvirt knows. */
int survey_tags(struct surveyor *v, struct err *e);

#endif
