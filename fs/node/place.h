/* SPDX-License-Identifier: GPL-3.0-or-later */
/* place.h - the name of one place in the mounted tree, apart from whether it still exists.
 *
 * A place is a value: kind, domain, snapshot and item. It is what the kernel's node ids stand for
 * (table.h). An st_ino is a hash of a place that has the numbers of its snapshot and disk in place
 * of their idents (view_ino), so that it is the same in every mount.
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
    PLACE_SNAPSHOT = 5,   /* a snapshot's real directory, wherever it stands */
    PLACE_FILE = 6,       /* a text or command file; item = place_file_item of it */
    PLACE_CURRENT = 7,    /* DOMAIN/current, a link */
    PLACE_DEEP = 8,       /* a link in a snapshot's directory to a child that stands in by-name/ */
    PLACE_NAME = 9,       /* a link in by-name/ to a snapshot below snapshots/ */
    PLACE_IMAGE = 10,     /* one disk of a snapshot; item = place_disk_item of it */
    PLACE_UNMANAGED = 11, /* DOMAIN/unmanaged/ */
    PLACE_TAG = 12,       /* a directory in it; snapshot = its ident */
    PLACE_TAG_IMAGE = 13, /* one disk of a tag; item = place_disk_item of it */
    PLACE_KINDS = 14,
};

struct place {
    enum place_kind kind;
    char uuid[PLACE_UUID_LEN + 1]; /* of the domain; "" for the root */
    uint64_t snapshot;             /* its ident, or a tag's; 0 where none belongs */
    uint64_t item;                 /* row number, disk, or 0 */
    unsigned part;                 /* of an image: a partition's number; 0 for the whole disk */
    bool cow;                      /* of an image: its file for throw-away writes (cows.h) */
};

struct place place_make(enum place_kind kind, const char *uuid, uint64_t snapshot, uint64_t item);
bool place_equal(const struct place *a, const struct place *b);
uint64_t place_hash(const struct place *p);

/* The st_ino of such a place: 1 for the root and never 0 or 1 for another. */
uint64_t place_ino(const struct place *p);

/* Is it the bytes of a disk? */
bool place_is_image(enum place_kind kind);

/* Is it a tag's directory, or in one? */
bool place_is_in_tag(const struct place *p);

struct row;

/* The item of a file: its row (rows.h) and which edition of the file it is. */
uint64_t place_file_item(const struct row *row, unsigned edition);
const struct row *place_row(const struct place *p); /* of a PLACE_FILE */
unsigned place_edition(const struct place *p);      /* of a PLACE_FILE */

/* The item of a disk: its identity and its file's name, since two disks may share one file. */
uint64_t place_disk_item(uint64_t disk_ident, const char *file);

/* Are its attributes those of a directory, a symbolic link, a file? S_IFDIR, S_IFLNK, S_IFREG. */
unsigned place_type(const struct place *p);

#endif
