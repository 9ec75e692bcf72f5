/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lasting.c - see lasting.h. No locks of its own: called under the domain's operation. */
#include "model/change/lasting.h"

#include "model/catalog/catalog.h"
#include "model/catalog/numbers.h"
#include "model/reader/evidence.h"
#include "model/state.h"

void lasting_keep(struct model *m, const struct domain *before)
{
    struct domain *after autodestroy(domain_unref) = NULL;
    struct err ignored;
    if (m->is_test || model_domain_now(m, before->uuid, &after, &ignored) < 0)
        return;
    numbers_keep(m, before, after);
    evidence_keep_new(m, before, after);
    /* Other threads have `after` now, and it was read before this was kept. */
    model_changed_uuid(m, after->uuid);
}
