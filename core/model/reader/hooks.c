/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hooks.c - see reader/hooks.h. No locks. */
#include "model/reader/hooks.h"

#include "image/tags.h"
#include "model/catalog/tag_tables.h"
#include "model/reader/evidence.h"
#include "model/reader/open.h"
#include "model/reader/policy.h"
#include "model/reader/probes.h"
#include "model/reader/tag_backing.h"
#include "model/reader/unmanaged.h"
#include "model/state.h"

/* Notes the backing files of the tags that are snapshots. */
static void note_backing(struct model *m, const struct domain *d, struct tag_tables *tables)
{
    struct err ignored;
    for (size_t i = 0; i < d->n; i++) {
        for (size_t k = 0; k < d->all[i].n_disks; k++) {
            const struct snapshot_disk *disk = &d->all[i].disks[k];
            const struct image_tags *table;
            if (!disk->no && disk->tag && !disk->memory &&
                tag_tables_get(tables, disk->path, disk->format, &table, &ignored) == 0)
                tag_backing_note(m, d, disk->path, disk->state, table->backing,
                                 table->backing_format);
        }
    }
}

static void was_read(struct model *m, struct domain *d, const struct domain *before,
                     struct tag_tables *tables)
{
    if (m->is_test)
        return;
    if (before)
        evidence_keep_moved(m, before, d);
    if (!before || before->fingerprint != d->fingerprint)
        note_backing(m, d, tables);
}

const struct catalog_hooks reader_hooks = {
    .slots = {[SLOT_PROBES] = &probes_slot,
              [SLOT_NAMED_FILES] = &named_files_slot,
              [SLOT_UNMANAGED] = &unmanaged_slot},
    .was_read = was_read,
};
