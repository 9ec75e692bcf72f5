/* SPDX-License-Identifier: GPL-3.0-or-later */
/* place.h - the name of one place in the mounted tree, whether or not the place still exists.
 *
 * A place is a value: kind, domain, snapshot and item. The kernel's node ids stand for places
 * (table.h). An st_ino is a hash of a place, but with the numbers of its snapshot and disk instead
 * of their idents (view_ino). So the st_ino is the same in every mount.
 */
#ifndef SNAPFS_NODE_PLACE_H
#define SNAPFS_NODE_PLACE_H

#include <stdbool.h>
#include <stdint.h>

enum { PLACE_UUID_LEN = 36 };

/* The numbers go into st_ino: never change one. */
enum place_kind {
    PLACE_ROOT = 1,
    PLACE_DOMAIN = 2,     /* DOMAIN/ */
    PLACE_SNAPSHOTS = 3,  /* DOMAIN/snapshots/ */
    PLACE_BY_NAME = 4,    /* DOMAIN/by-name/ */
    PLACE_SNAPSHOT = 5,   /* a snapshot's real directory, at any path */
    PLACE_FILE = 6,       /* a text or command file; item = its place_file_item */
    PLACE_CURRENT = 7,    /* DOMAIN/current, a link */
    PLACE_DEEP = 8,       /* a link in a snapshot's directory to a child in by-name/ */
    PLACE_NAME = 9,       /* a link in by-name/ to a snapshot below snapshots/ */
    PLACE_IMAGE = 10,     /* one disk of a snapshot; item = its place_disk_item */
    PLACE_UNMANAGED = 11, /* DOMAIN/unmanaged/ */
    PLACE_TAG = 12,       /* a directory in it; snapshot = its ident */
    PLACE_TAG_IMAGE = 13, /* one disk of a tag; item = its place_disk_item */
    PLACE_KINDS = 14,
};

struct place {
    enum place_kind kind;
    char uuid[PLACE_UUID_LEN + 1]; /* of the domain; "" for the root */
    uint64_t snapshot;             /* its ident, or a tag's; 0 if the place has none */
    uint64_t item;                 /* row number, disk, or 0 */
    unsigned part;                 /* of an image: a partition's number; 0 for the whole disk */
    bool cow;                      /* of an image: its file for throw-away writes (cows.h) */
};

struct place place_make(enum place_kind kind, const char *uuid, uint64_t snapshot, uint64_t item);
bool place_equal(const struct place *a, const struct place *b);
uint64_t place_hash(const struct place *p);

/* Returns the st_ino of such a place: 1 for the root, and never 0 or 1 for another. */
uint64_t place_ino(const struct place *p);

/* Tells whether the kind is an image of a disk. */
bool place_is_image(enum place_kind kind);

/* Tells whether the place is a tag's directory, or in one. */
bool place_is_in_tag(const struct place *p);

struct row;

/* Makes the item of a file: its row (rows.h) and the file's edition. */
uint64_t place_file_item(const struct row *row, unsigned edition);
const struct row *place_row(const struct place *p); /* of a PLACE_FILE */
unsigned place_edition(const struct place *p);      /* of a PLACE_FILE */

/* Makes the item of a disk: its identity and its file's name, because two disks may share one file.
 * */
uint64_t place_disk_item(uint64_t disk_ident, const char *file);

/* Returns S_IFDIR, S_IFLNK or S_IFREG. */
unsigned place_type(const struct place *p);

#endif
