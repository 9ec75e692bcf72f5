/* SPDX-License-Identifier: GPL-3.0-or-later */
/* needed_by.h - the text of a snapshot's `needed-by`: who uses its files. */
#ifndef SNAPFS_MODEL_READER_NEEDED_BY_H
#define SNAPFS_MODEL_READER_NEEDED_BY_H

#include "model/catalog/domain.h"

/* The `needed-by` file: a line for each user of the snapshot's files, in any domain, NEEDED_BY_MAX
 * at most. ETIMEDOUT while that is not known yet. */
enum { NEEDED_BY_MAX = 1000 };
int model_needed_by(struct model *m, const struct domain *d, const struct snapshot *s, char **ret,
                    size_t *ret_len, struct err *e);

#endif
