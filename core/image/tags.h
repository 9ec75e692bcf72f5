/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tags.h - the snapshot table of one file, without opening its chain. */
#ifndef SNAPFS_IMAGE_TAGS_H
#define SNAPFS_IMAGE_TAGS_H

#include "base/mem.h"
#include "image/id.h"
#include "image/source.h"

struct image_tag {
    const char *id, *name;  /* owned by the table */
    uint64_t disk_size;     /* virtual size at the snapshot, bytes */
    uint64_t vm_state_size; /* bytes, 0 for none */
    int64_t date_sec;       /* seconds since 1970 */
    uint32_t date_nsec;
    struct image_id identity;
};

struct image_tags {
    struct image_id file; /* the whole file's identity */
    char *backing;        /* absolute path in its header; NULL: none, or not a file */
    char *backing_format; /* NULL: the header names none */
    size_t n;
    struct image_tag *tags;
    char *strings;  /* the names' bytes */
    size_t counted; /* bytes counted in the budget */
};

/* Reads the table of a qcow2 (validated: header re-read after the table). A raw file has none
 * (n = 0). Errors as image_open. Release with image_tags_free. */
int image_tags_read(const struct image_source *source, const struct image_policy *policy,
                    struct image_tags **ret, struct err *e);
void image_tags_free(struct image_tags *t); /* NULL allowed */
MEM_CLEANUP(struct image_tags, image_tags_free)

#endif
