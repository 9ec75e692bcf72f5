/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hooks.h - the reader's hooks for each value of a domain. model.c hands them in, because the
 * reader is a room above. */
#ifndef SNAPFS_MODEL_CATALOG_HOOKS_H
#define SNAPFS_MODEL_CATALOG_HOOKS_H

#include "model/catalog/domain.h"

struct tag_tables;

struct catalog_hooks {
    const struct slot_kind *slots[DOMAIN_SLOTS];
    /* Called before a value is given out. `before`: the last one, NULL for none; `tables`: the
     * tables that were read of the domain's files. */
    void (*was_read)(struct model *m, struct domain *d, const struct domain *before,
                     struct tag_tables *tables);
};

#endif
