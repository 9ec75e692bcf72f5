/* SPDX-License-Identifier: GPL-3.0-or-later */
/* info.h - the text of a snapshot's `info`. */
#ifndef SNAPFS_MODEL_READER_INFO_H
#define SNAPFS_MODEL_READER_INFO_H

#include "model/catalog/domain.h"

/* Makes the `info` file: "Key: value" lines. */
int model_info(struct model *m, struct domain *d, const struct snapshot *s, char **ret,
               size_t *ret_len, struct err *e);

/* Makes the `info` of a tag that libvirt does not know. */
int model_tag_info(struct model *m, struct domain *d, const struct snapshot *tag, char **ret,
                   size_t *ret_len, struct err *e);

#endif
