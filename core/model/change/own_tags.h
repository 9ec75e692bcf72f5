/* SPDX-License-Identifier: GPL-3.0-or-later */
/* own_tags.h - the tags in a file that is about to be unlinked.
 *
 * libvirt knows a tag only if it has a snapshot of that name. If `qemu-img snapshot -c` made the
 * tag, or libvirt has forgotten its snapshot, libvirt does not list it. So snapfs reads the file's
 * own snapshot table before it removes the file.
 */
#ifndef SNAPFS_MODEL_CHANGE_OWN_TAGS_H
#define SNAPFS_MODEL_CHANGE_OWN_TAGS_H

#include <stdbool.h>

#include <stdint.h>

#include "base/text.h"
#include "image/tags.h"
#include "model/journal/kept_marks.h"

/* Reads the snapshot table of a file that snapfs or libvirt made as a qcow2. `path` is outside
 * every snapfs mount. Returns 0, or what image_tags_read returns. */
int own_tags_read(const char *path, struct image_tags **ret, struct err *e);

/* Returns whether the table (NULL: empty) has that entry. */
bool own_tags_have(const struct image_tags *t, uint64_t entry);

/* Returns whether the file holds a tag whose bytes may be needed. Three kinds of tags are not
 * needed:
 *
 *   - tags that are marked as left (storage/file_marks.h);
 *   - tags in `left`;
 *   - tags that are in `original` as well (NULL for none), the file that it is made from.
 *
 * Also returns true, and fills in `why`, if the table cannot be read. It does not with an original,
 * because the file may then be half made. A file that does not begin as a qcow2 has no tags. `path`
 * is outside every snapfs mount. The files of a domain that libvirt calls raw are never asked
 * about.
 */
bool own_tags_are_kept(const char *path, const char *original, const struct left_tags *left,
                       struct text *why);

#endif
