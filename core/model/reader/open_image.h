/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open_image.h - inside core/model/reader: the record of an open image (open_images.h). */
#ifndef SNAPFS_MODEL_READER_OPEN_IMAGE_H
#define SNAPFS_MODEL_READER_OPEN_IMAGE_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/uuid.h"

struct open_image {
    struct open_image *next, **at; /* under open_images->lock */
    struct model *m;
    char uuid[UUID_LEN + 1];
    char *name;         /* of the snapshot */
    int64_t created;    /* when it was made; name and time are the snapshot's identity */
    bool untracked_tag; /* it is a tag that libvirt does not know */
    char *disk;         /* struct snapshot_disk's file */
    uint64_t number;    /* of the disk (catalog/numbers.h) */
    char *file;         /* struct image_opener's */
    uint64_t ino;
    pid_t pid;
    time_t when;
    struct open_mark *mark; /* open_marks.h; NULL for none */
    /* The number of operations, on any domain, that had ended when the image was opened: those of
     * this process, and those of all. */
    uint64_t operations, counted;
    atomic_bool gone;
};

#endif
