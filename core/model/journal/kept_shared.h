/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kept_shared.h - the files by which users of one daemon tell each other their records of a domain
 * (kept.h).
 *
 * They are in the directory /var/lib/libvirt/snapfs-kept (run_directory.h), one a domain and user,
 * UUID.UID. A file counts if that user owns it and if it holds the uuid. The owner alone writes it,
 * and replaces it by rename. Members of the group may remove each other's files until root's snapfs
 * has made the directory sticky; that costs a refusal.
 */
#ifndef SNAPFS_MODEL_JOURNAL_KEPT_SHARED_H
#define SNAPFS_MODEL_JOURNAL_KEPT_SHARED_H

#include "base/uuid.h"
#include "model/journal/kept.h"
#include "virt/virt.h"

enum {
    KEPT_SHARED_NAME = UUID_LEN + 24,
    KEPT_OTHERS_MAX = 64 /* snapfs reads the records of so many users: the lowest ids */
};

void kept_shared_name(const char *uuid, uid_t uid, char ret[KEPT_SHARED_NAME]);
/* Splits a name that kept_shared_name made. Returns false for any other name. */
bool kept_shared_parse(const char *name, char uuid[UUID_LEN + 1], uid_t *ret);

/* Opens the directory; the caller closes it. If no other user shares the daemon, it fails with
 * ENOENT. If the directory is missing and `make` is false, it also fails with ENOENT. */
int kept_shared_open(struct virt *v, bool make, struct err *e);

struct kept_others; /* immutable and refcounted */

/* Reads the records of other users in the directory. If nothing has changed, returns `before` again
 * (may be NULL). Does not read this user's own file, because the state directory has all of its
 * records. Returns NULL if there are no records, or without memory. `dir` may be -1. */
struct kept_others *kept_others_read(int dir, const char *uuid, struct kept_others *before);
void kept_others_unref(struct kept_others *o); /* NULL allowed */

#endif
