/* SPDX-License-Identifier: GPL-3.0-or-later */
/* images.c - the disks of a snapshot, or of a tag, as files. Images are listed. Partitions and the
 * files for throw-away writes (cows.h) are found only by name. No locks. */
#include <errno.h>
#include <string.h>

#include "model/reader/changes.h"
#include "model/reader/parts.h"
#include "node/dirs.h"

static const char raw_suffix[] = ".raw", cow_suffix[] = ".cow", part_mark[] = "-part";

enum { PART_DIGITS_MAX = 3 };

static struct place image_place(const struct view *dir, const struct snapshot_disk *disk)
{
    enum place_kind kind = dir->place.kind == PLACE_TAG ? PLACE_TAG_IMAGE : PLACE_IMAGE;
    return place_make(kind, dir->place.uuid, dir->place.snapshot,
                      place_disk_item(disk->ident, disk->file));
}

/* Tells whether an image is left out if it cannot be read. The place of libvirt's daemon counts,
 * and is asked for, only if the disk's kind can never be read. */
static bool may_be_left_out(const struct tree *t, const struct snapshot_disk *disk)
{
    switch (t->options.unreadable) {
    case UNREADABLE_SHOW:
        return false;
    case UNREADABLE_UNSUPPORTED:
        return disk->unsupported;
    case UNREADABLE_HIDE:
        return true;
    default:
        return disk->unsupported && model_is_elsewhere(t->model);
    }
}

/* Tells whether the image is listed. An image that cannot be read is listed, unless the user chose
 * otherwise, because a backup would take an unlisted image for a missing one. *ret_why: the reason
 * why an unlisted image cannot be read. Fails only if memory or descriptors are short. */
static int shows_image(struct tree *t, const struct view *dir, const struct snapshot_disk *disk,
                       bool *ret, struct err *ret_why, struct err *e)
{
    struct image_facts facts;
    *ret = !disk->absent && !may_be_left_out(t, disk);
    if (*ret)
        return 0;
    int no = model_image_facts(t->model, dir->domain, dir->snapshot, disk, &facts, ret_why);
    if (err_is_resource(-no))
        return err_fail(e, -no, "%s", ret_why->text);
    *ret = no == 0 || changes_now(t->model, dir->domain->uuid, disk) == CHANGES_AT_WORK;
    return 0;
}

int images_list(struct tree *t, const struct view *dir, struct listing *l, struct err *e)
{
    int r = 0;
    for (size_t i = 0; i < dir->snapshot->n_images && r == 0; i++) {
        const struct snapshot_disk *disk = &dir->snapshot->disks[i];
        struct err why;
        bool shown = false;
        r = shows_image(t, dir, disk, &shown, &why, e);
        if (r == 0 && shown)
            r = listing_add(l, disk->file, image_place(dir, disk), e);
    }
    return r;
}

/* A parsed name: "STEM.raw" or "STEM.cow". The stem may be "STEM-partN". */
struct image_name {
    size_t stem;   /* the length before the suffix */
    size_t disk;   /* the length before "-partN" */
    unsigned part; /* N; 0: the name has no partition */
    bool cow;
};

static bool ends_with(const char *name, size_t len, const char *end)
{
    size_t n = strlen(end);
    return len > n && !memcmp(name + len - n, end, n);
}

/* Reads a "-partN" at the end of the name's stem. */
static void parse_part(const char *name, struct image_name *ret)
{
    size_t first = ret->stem;
    while (first && name[first - 1] >= '0' && name[first - 1] <= '9')
        first--;
    size_t digits = ret->stem - first;
    if (!digits || digits > PART_DIGITS_MAX || name[first] == '0' ||
        !ends_with(name, first, part_mark))
        return;
    ret->disk = first - strlen(part_mark);
    ret->part = (unsigned)strtoul(name + first, NULL, 10);
}

static bool parse(const char *name, struct image_name *ret)
{
    size_t len = strlen(name);
    bool cow = ends_with(name, len, cow_suffix);
    if (!cow && !ends_with(name, len, raw_suffix))
        return false;
    size_t stem = len - strlen(cow ? cow_suffix : raw_suffix);
    *ret = (struct image_name){.stem = stem, .disk = stem, .cow = cow};
    parse_part(name, ret);
    return true;
}

/* Finds the disk whose image is "STEM.raw". The stem is the name's first `len` bytes. *ret is NULL
 * if there is none. */
static int find_disk(const struct snapshot *s, const char *name, size_t len,
                     const struct snapshot_disk **ret, struct err *e)
{
    autotext struct text file = {0};
    text_put(&file, name, len);
    text_add(&file, "%s", raw_suffix);
    if (file.failed)
        return err_nomem(e);
    *ret = snapshot_find_disk(s, file.s);
    return 0;
}

/* Finds the image of a whole disk, or its file for throw-away writes. */
static int lookup_whole(struct tree *t, const struct view *dir, const struct snapshot_disk *disk,
                        bool cow, struct found *ret, struct err *e)
{
    struct err why = {0};
    bool shown = false;
    struct place p = image_place(dir, disk);
    p.cow = cow;
    int r = shows_image(t, dir, disk, &shown, &why, e);
    if (r < 0)
        return r;
    return shown ? dir_found(dir, p, ret, e) : err_fail(e, why.no, "%s", why.text);
}

static int lookup_part(struct tree *t, const struct view *dir, const struct snapshot_disk *disk,
                       const struct image_name *n, struct found *ret, struct err *e)
{
    struct partition found;
    int r = model_partition(t->model, dir->domain, dir->snapshot, disk, n->part, &found, e);
    struct place p = image_place(dir, disk);
    p.part = n->part;
    p.cow = n->cow;
    return r < 0 ? r : dir_found(dir, p, ret, e);
}

/* Finds an image. A disk whose name looks like another disk's partition comes first. */
int image_lookup(struct tree *t, const struct view *dir, const char *name, struct found *ret,
                 struct err *e)
{
    struct image_name n = {0};
    const struct snapshot_disk *disk = snapshot_find_disk(dir->snapshot, name);
    int r = 0;
    if (!disk && parse(name, &n) && n.cow)
        r = find_disk(dir->snapshot, name, n.stem, &disk, e);
    if (r == 0 && disk) {
        ret->is_image = true;
        return lookup_whole(t, dir, disk, n.cow, ret, e);
    }
    if (r == 0 && n.part)
        r = find_disk(dir->snapshot, name, n.disk, &disk, e);
    if (r < 0 || !disk)
        return r < 0 ? r : dir_no_entry(e, name);
    ret->is_image = true;
    return lookup_part(t, dir, disk, &n, ret, e);
}

void image_path(const struct view *v, struct text *out)
{
    const char *file = v->disk->file;
    size_t len = strlen(file);
    bool raw = ends_with(file, len, raw_suffix);
    text_add(out, "/");
    text_put(out, file, raw ? len - strlen(raw_suffix) : len);
    if (v->place.part)
        text_add(out, "%s%u", part_mark, v->place.part);
    if (raw)
        text_add(out, "%s", v->place.cow ? cow_suffix : raw_suffix);
}
