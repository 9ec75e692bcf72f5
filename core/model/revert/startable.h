/* SPDX-License-Identifier: GPL-3.0-or-later */
/* startable.h - is everything there that a domain needs when it starts? Asked before a revert stops
 * a guest. No locks; files are looked at, none is opened. */
#ifndef SNAPFS_MODEL_REVERT_STARTABLE_H
#define SNAPFS_MODEL_REVERT_STARTABLE_H

#include <stdbool.h>

#include "base/error.h"

struct domain;
struct revert;

/* `xml` is a document of type `root` (xml_files.h) that the domain is to start as. The disks of
 * `rv` (NULL: none) are not asked for: it makes their files. ENOENT, naming what is missing. What
 * cannot be looked at, or is in a snapfs mount, counts as there. */
int startable_check(const struct domain *d, const char *xml, const char *root, bool reset_nvram,
                    const struct revert *rv, struct err *e);

#endif
