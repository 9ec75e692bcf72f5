/* SPDX-License-Identifier: GPL-3.0-or-later */
/* survey_scope.h - what a survey includes. */
#ifndef SNAPFS_MODEL_GRAPH_SURVEY_SCOPE_H
#define SNAPFS_MODEL_GRAPH_SURVEY_SCOPE_H

enum survey_scope {
    SURVEY_ALL,   /* all domains, and the loop devices of the host */
    SURVEY_ALONE, /* the asking domain alone */
    SURVEY_BESIDE /* the same, and images without a domain beside those of the asking domain */
};

#endif
