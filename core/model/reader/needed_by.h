/* SPDX-License-Identifier: GPL-3.0-or-later */
/* needed_by.h - the text of a snapshot's `needed-by`: the users of its files. */
#ifndef SNAPFS_MODEL_READER_NEEDED_BY_H
#define SNAPFS_MODEL_READER_NEEDED_BY_H

#include "model/catalog/domain.h"

/* Makes the `needed-by` file: one line for each user of the snapshot's files, in any domain, at
 * most NEEDED_BY_MAX. Fails with ETIMEDOUT while the users are not known yet. */
enum { NEEDED_BY_MAX = 1000 };
int model_needed_by(struct model *m, const struct domain *d, const struct snapshot *s, char **ret,
                    size_t *ret_len, struct err *e);

#endif
