/* SPDX-License-Identifier: GPL-3.0-or-later */
/* startable.h - whether everything is there that a domain needs when it starts. Asked before a
 * revert stops a guest. No locks. Looks at files, opens none. */
#ifndef SNAPFS_MODEL_REVERT_STARTABLE_H
#define SNAPFS_MODEL_REVERT_STARTABLE_H

#include <stdbool.h>

#include "base/error.h"

struct domain;
struct revert;

/* Checks that the files are there. `xml` is a document of type `root` (xml_files.h) that the domain
 * is to start as. The disks of `rv` (NULL: none) are not looked at, because the revert makes their
 * files. Fails with ENOENT and names the missing file. A file that cannot be looked at, or is in a
 * snapfs mount, counts as there. */
int startable_check(const struct domain *d, const char *xml, const char *root, bool reset_nvram,
                    const struct revert *rv, struct err *e);

#endif
