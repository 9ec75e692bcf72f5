/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan.c - see delete/plan.h. No locks. */
#include "model/delete/plan.h"

#include <string.h>

static const struct field_list left = RECLAIM_LIST(struct delete, left);
static const struct field_list disks = {offsetof(struct delete, disks), offsetof(struct delete, n),
                                        sizeof(struct delete_disk)};

#define STATE(type, member) FIELD_ROW("state", type, delete, member)
#define DISK(word, type, member) FIELD_ITEM(word, type, delete_disk, member, &disks)

const struct field delete_rows[DELETE_ROWS] = {
    STATE(FIELD_U64, created),
    STATE(FIELD_U64, snapshots),
    STATE(FIELD_BOOL, metadata),
    STATE(FIELD_BOOL, native),
    STATE(FIELD_BOOL, hide),
    STATE(FIELD_BOOL, start),
    DISK("disk", FIELD_TEXT, target),
    DISK("disk", FIELD_TEXT, base),
    DISK("disk", FIELD_TEXT, format),
    DISK("disk", FIELD_TEXT, top),
    DISK("disk", FIELD_TEXT, above),
    RECLAIM_ROWS(&left),
    FIELD_ROW("force", FIELD_SET, delete, force),
    DISK("pivoting", FIELD_KEY, target),
    DISK("pivoting", FIELD_SET, pivoting),
    DISK("merged", FIELD_KEY, target),
    DISK("merged", FIELD_SET, merged),
    DISK("pivoting-top", FIELD_KEY, top),
    DISK("pivoting-top", FIELD_SET, pivoting),
    DISK("merged-top", FIELD_KEY, top),
    DISK("merged-top", FIELD_SET, merged),
};

void delete_drop_disks(struct delete *del)
{
    fields_drop_word(&(struct fields){delete_rows, DELETE_ROWS}, "disk", del);
}

bool delete_add(struct delete *del, const char *target, const char *base, const char *format,
                const char *top, const char *above)
{
    struct delete_disk *disk = fields_add(&disks, del);
    if (!disk)
        return false;
    *disk = (struct delete_disk){.target = strdup(target),
                                 .base = strdup(base),
                                 .format = strdup(format),
                                 .top = strdup(top),
                                 .above = strdup(above)};
    return disk->target && disk->base && disk->format && disk->top && disk->above;
}

/* Returns whether the delete merges no other overlay in the chain of the same live disk. */
static bool is_alone(const struct delete *del, const struct delete_disk *disk)
{
    bool alone = true;
    for (size_t i = 0; i < del->n; i++)
        alone &= &del->disks[i] == disk || strcmp(del->disks[i].target, disk->target) != 0;
    return alone;
}

static int note(struct delete *del, const struct delete_disk *disk, const char *word, bool *is,
                struct err *e)
{
    bool was = *is;
    *is = true;
    int r = was ? 0 : procedure_note(&del->p, word, disk, e);
    *is = r == 0;
    return r;
}

int delete_note_pivoting(struct delete *del, struct delete_disk *disk, struct err *e)
{
    return note(del, disk, is_alone(del, disk) ? "pivoting" : "pivoting-top", &disk->pivoting, e);
}

int delete_note_merged(struct delete *del, struct delete_disk *disk, struct err *e)
{
    return note(del, disk, is_alone(del, disk) ? "merged" : "merged-top", &disk->merged, e);
}
