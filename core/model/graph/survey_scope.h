/* SPDX-License-Identifier: GPL-3.0-or-later */
/* survey_scope.h - how far a survey looks. */
#ifndef SNAPFS_MODEL_GRAPH_SURVEY_SCOPE_H
#define SNAPFS_MODEL_GRAPH_SURVEY_SCOPE_H

enum survey_scope {
    SURVEY_ALL,   /* all domains, and the loop devices of the host */
    SURVEY_ALONE, /* the asking domain alone */
    SURVEY_BESIDE /* all, and the images beside the asking domain's that no domain has */
};

#endif
