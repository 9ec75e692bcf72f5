/* SPDX-License-Identifier: GPL-3.0-or-later */
/* left_files.h - files that were left and not removed, because something uses them that libvirt
 * does not know: a tag, or an image that no domain has. libvirt's documents may no longer name them
 * or their directories. So they are kept (journal/kept.h) for later surveys. */
#ifndef SNAPFS_MODEL_GRAPH_LEFT_FILES_H
#define SNAPFS_MODEL_GRAPH_LEFT_FILES_H

#include "model/storage/path_set.h"

struct kept;
struct virt;

/* Keeps the file with the domain, as far as that can be done. */
void left_files_note(struct virt *v, const char *uuid, const char *path);

/* Adds those kept with the domain, by any user; false without memory. */
bool left_files_add(const struct kept *kept, struct names *names);

#endif
