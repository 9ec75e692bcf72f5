/* SPDX-License-Identifier: GPL-3.0-or-later */
/* startable.h - whether everything is there that a domain needs when it starts. snapfs checks that
 * before a revert stops a guest. No locks. Looks at files, opens none. */
#ifndef SNAPFS_MODEL_REVERT_STARTABLE_H
#define SNAPFS_MODEL_REVERT_STARTABLE_H

#include <stdbool.h>

#include "base/error.h"

struct domain;
struct revert;

/* Checks that the files are there. The domain is to start as `xml`, a document of type `root`
 * (xml_files.h). Ignores the disks of `rv` (NULL: none), because the revert makes their files. If a
 * file is missing, it fails with ENOENT and names the file. If snapfs cannot look at a file, or the
 * file is in a snapfs mount, the file counts as there. */
int startable_check(const struct domain *d, const char *xml, const char *root, bool reset_nvram,
                    const struct revert *rv, struct err *e);

#endif
