/* SPDX-License-Identifier: GPL-3.0-or-later */
/* place.c - see place.h. Pure functions. */
#include "node/place.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "node/rows.h"

enum { EDITION_SHIFT = 16 }; /* there are fewer rows */

struct place place_make(enum place_kind kind, const char *uuid, uint64_t snapshot, uint64_t item)
{
    struct place p = {.kind = kind, .snapshot = snapshot, .item = item};
    snprintf(p.uuid, sizeof(p.uuid), "%s", uuid);
    return p;
}

bool place_equal(const struct place *a, const struct place *b)
{
    return a->kind == b->kind && a->snapshot == b->snapshot && a->item == b->item &&
           a->part == b->part && a->cow == b->cow && !strcmp(a->uuid, b->uuid);
}

static uint64_t hash_with_item(const struct place *p, uint64_t item)
{
    uint64_t h = hash_u64(HASH_START, (uint64_t)p->kind);
    h = hash_str(h, p->uuid);
    h = hash_u64(hash_u64(h, p->snapshot), item);
    h = p->part ? hash_u64(h, p->part) : h;
    return hash_end(p->cow ? hash_str(h, "cow") : h);
}

uint64_t place_hash(const struct place *p)
{
    return hash_with_item(p, p->item);
}

uint64_t place_file_item(const struct row *row, unsigned edition)
{
    return row_number(row) | (uint64_t)edition << EDITION_SHIFT;
}

const struct row *place_row(const struct place *p)
{
    return row_at((size_t)(p->item & ((UINT64_C(1) << EDITION_SHIFT) - 1)));
}

unsigned place_edition(const struct place *p)
{
    return (unsigned)(p->item >> EDITION_SHIFT);
}

/* Hashes the row's name, because a row's number may change from version to version. */
static uint64_t hash_of_file(const struct place *p)
{
    uint64_t h = hash_str(HASH_START, place_row(p)->name);
    return place_edition(p) ? hash_u64(h, place_edition(p)) : h;
}

uint64_t place_ino(const struct place *p)
{
    if (p->kind == PLACE_ROOT)
        return 1;
    uint64_t ino = hash_with_item(p, p->kind == PLACE_FILE ? hash_of_file(p) : p->item);
    return ino > 1 ? ino : ino + 2;
}

uint64_t place_disk_item(uint64_t disk_ident, const char *file)
{
    return hash_end(hash_str(hash_u64(HASH_START, disk_ident), file));
}

bool place_is_image(enum place_kind kind)
{
    return kind == PLACE_IMAGE || kind == PLACE_TAG_IMAGE;
}

bool place_is_in_tag(const struct place *p)
{
    if (p->kind == PLACE_FILE)
        return place_row(p)->where == PLACE_TAG;
    return p->kind == PLACE_TAG || p->kind == PLACE_TAG_IMAGE;
}

unsigned place_type(const struct place *p)
{
    switch (p->kind) {
    case PLACE_FILE:
    case PLACE_IMAGE:
    case PLACE_TAG_IMAGE:
        return S_IFREG;
    case PLACE_CURRENT:
    case PLACE_DEEP:
    case PLACE_NAME:
        return S_IFLNK;
    default:
        return S_IFDIR;
    }
}
