/* SPDX-License-Identifier: GPL-3.0-or-later */
/* own_tags.h - the tags in a file that is about to be unlinked.
 *
 * libvirt knows of a tag only where it has a snapshot of that name. One that `qemu-img snapshot -c`
 * has made, or whose snapshot libvirt has forgotten, is in no list of libvirt's, so the file's own
 * snapshot table is read before it goes. */
#ifndef SNAPFS_MODEL_CHANGE_OWN_TAGS_H
#define SNAPFS_MODEL_CHANGE_OWN_TAGS_H

#include <stdbool.h>

#include "base/text.h"
#include "model/journal/kept_marks.h"

/* Does the file hold a tag whose bytes may be needed: one that is not marked as left
 * (storage/file_marks.h), nor in `left`, and that is not in `original` as well (NULL for none), the file that it
 * is made from? Yes also if the table cannot be read, except with an original: then the file may be
 * half made. Then `why` gets the reason. A file that does not begin as a qcow2 has none. `path` is
 * outside every snapfs mount, and the files of a domain that libvirt calls raw are never asked
 * about. */
bool own_tags_are_kept(const char *path, const char *original, const struct left_tags *left,
                       struct text *why);

#endif
