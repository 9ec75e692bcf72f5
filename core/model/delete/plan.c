/* plan.c - see delete/plan.h. No locks. */
#include "model/delete/plan.h"

#include <string.h>

static const struct field_list left = LEFTOVERS_LIST(struct delete, left);
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
    LEFTOVERS_ROWS(&left),
    FIELD_ROW("force", FIELD_SET, delete, force),
    DISK("pivoting", FIELD_KEY, target),
    DISK("pivoting", FIELD_SET, pivoting),
    DISK("merged", FIELD_KEY, target),
    DISK("merged", FIELD_SET, merged),
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
