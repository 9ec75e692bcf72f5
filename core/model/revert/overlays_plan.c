/* SPDX-License-Identifier: GPL-3.0-or-later */
/* overlays_plan.c - see revert/overlays_plan.h. No locks. Reads headers only, writes nothing. */
#include "model/revert/overlays_plan.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file_id.h"
#include "model/storage/file_chain.h"

enum { NS = 1000000000 };

/* ---- in the journal ---- */

static const struct field_list left = RECLAIM_LIST(struct revert, left);
static const struct field_list disks = {offsetof(struct revert, disks), offsetof(struct revert, n),
                                        sizeof(struct revert_disk)};

#define ROW(word, type, member) FIELD_ROW(word, type, revert, member)
#define DISK(word, type, member) FIELD_ITEM(word, type, revert_disk, member, &disks)

const struct field revert_rows[REVERT_ROWS] = {
    ROW("current", FIELD_TEXT, current),    ROW("memory", FIELD_TEXT, memory),
    ROW("config", FIELD_MAYBE, config),     ROW("maker", FIELD_UUID, scratch),
    ROW("state", FIELD_UNSIGNED, flags),    ROW("state", FIELD_BOOL, start),
    ROW("state", FIELD_BOOL, active),       ROW("state", FIELD_BOOL, leaf),
    ROW("prints", FIELD_U64, snapshots),    ROW("prints", FIELD_U64, config_before),
    ROW("prints", FIELD_U64, config_after), DISK("disk", FIELD_TEXT, target),
    DISK("disk", FIELD_TEXT, base),         DISK("disk", FIELD_TEXT, format),
    DISK("disk", FIELD_TEXT, overlay),      DISK("disk", FIELD_BOOL, captured),
    DISK("disk", FIELD_BOOL, forked),       RECLAIM_ROWS(&left),
    DISK("made", FIELD_KEY, target),        DISK("made", FIELD_SET, made),
    DISK("made", FIELD_U64, new_dev),       DISK("made", FIELD_U64, new_ino),
    DISK("made", FIELD_U64, new_size),      DISK("made", FIELD_U64, new_mtime),
};

bool revert_is_whole(struct procedure *p)
{
    const struct revert *rv = (const struct revert *)p;
    if (!rv->config && (p->step == REVERT_MARK || p->step == REVERT_FORK))
        p->step = REVERT_START; /* in version 2 the start came after them */
    return true;
}

struct revert_disk *revert_add(struct revert *rv, const char *target, const char *base,
                               const char *format, const char *overlay)
{
    struct revert_disk *disk = fields_add(&disks, rv);
    if (!disk)
        return NULL;
    *disk = (struct revert_disk){.target = strdup(target),
                                 .base = strdup(base),
                                 .format = strdup(format),
                                 .overlay = strdup(overlay)};
    return disk->target && disk->base && disk->format && disk->overlay ? disk : NULL;
}

/* ---- for documents ---- */

struct xml_moved *revert_moved(const struct revert *rv, bool captured, size_t *ret_n)
{
    struct xml_moved *moved = calloc(rv->n + 1, sizeof(*moved));
    *ret_n = 0;
    for (size_t i = 0; moved && i < rv->n; i++) {
        const struct revert_disk *disk = &rv->disks[i];
        if (disk->captured || !captured)
            moved[(*ret_n)++] = (struct xml_moved){.target = disk->target,
                                                   .base = disk->base,
                                                   .format = disk->format,
                                                   .file = disk->overlay};
    }
    return moved;
}

/* ---- files ---- */

static int check_layers(const struct revert_disk *disk, const struct image_layer *layers, size_t n,
                        struct err *e)
{
    struct stat base;
    if (stat(disk->base, &base) < 0)
        return err_fail(e, errno, "'%s': %s", disk->base, strerrordesc_np(errno));
    if (n > 1 && file_has_id(&base, layers[1].dev, layers[1].ino) && layers[1].format &&
        !strcmp(layers[1].format, disk->format))
        return 0;
    return err_fail(e, EIO, "libvirt made '%s' on another file than '%s'", disk->overlay,
                    disk->base);
}

int revert_check_made(struct revert_disk *disk, struct err *e)
{
    struct image_layer *layers = NULL;
    struct stat st;
    size_t n = 0;
    /* The headers may not tell all of what is below the base. */
    int r = follow_layers(disk->overlay, "qcow2", &layers, &n, e);
    if (r == 0 || n > 1)
        r = check_layers(disk, layers, n, e);
    image_layers_free(layers, n);
    if (r < 0)
        return r;
    if (lstat(disk->overlay, &st) < 0 || !S_ISREG(st.st_mode))
        return err_fail(e, EIO, "'%s' is not a file", disk->overlay);
    disk->made = true;
    disk->new_dev = st.st_dev;
    disk->new_ino = st.st_ino;
    disk->new_size = (uint64_t)st.st_size;
    disk->new_mtime = (uint64_t)st.st_mtim.tv_sec * NS + (uint64_t)st.st_mtim.tv_nsec;
    return 0;
}

bool revert_untouched(const struct revert_disk *disk)
{
    struct stat st;
    return disk->made && lstat(disk->overlay, &st) == 0 &&
           file_has_id(&st, disk->new_dev, disk->new_ino) &&
           (uint64_t)st.st_size == disk->new_size &&
           (uint64_t)st.st_mtim.tv_sec * NS + (uint64_t)st.st_mtim.tv_nsec == disk->new_mtime;
}
