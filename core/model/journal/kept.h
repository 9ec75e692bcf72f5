/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kept.h - the records that snapfs keeps of a domain from one mount to the next. Each domain has
 * one file, UUID.kept in the state directory (state_directory.h).
 *
 * A record is a kind, a key and a value. The kinds and their owners:
 *
 *     number   inode numbers of snapshots that were moved (catalog/numbers.h)
 *     right    files of a snapshot's images that are as they should be (reader/modified.h)
 *     touched  files that were seen to change (reader/modified.h)
 *     merged   disks of snapshots whose file got later data (reader/modified.h)
 *     merge    notes of a merge by snapfs, if the file takes no mark (storage/file_marks.h)
 *     tag      tags that are left over, if the file takes no mark (journal/kept_marks.h)
 *     made     copies that snapfs made, if the file takes no mark (journal/kept_marks.h)
 *     later    overlays that a later delete merges (change/later.h)
 *     size     sizes of images that were last known (reader/sizes.h)
 *     length   lengths of raw files below images that were last known (reader/sizes.h)
 *     chain    chains seen while the domain ran
 *     backing  backing files of files with tags (reader/tag_backing.h)
 *     left     files that were left because of users unknown to libvirt (graph/left_files.h)
 *
 * Nothing may depend on a record. At any time, the file may be lost, spoiled, or of a later
 * version, and then counts as empty. Such a loss may cost time, one full backup or a refusal, but
 * never a byte. The file is bounded. If a kind has too many records, snapfs drops the oldest. If
 * the file is full, snapfs first drops records of the kinds size, length, number and chain. The
 * other kinds tell of bytes or files.
 *
 * All users of one daemon change the same domains. So a second file (kept_shared.h) tells the other
 * users what one user has done or seen. It has the records of all kinds except size, length, chain
 * and backing. A user can write anything there. So if a record makes snapfs refuse something, it
 * counts from every user. Any other record counts from root, and from a user who may exchange the
 * file that the record is about. Such a user could give that file any bytes without the record.
 *
 * A `struct kept` that was read is immutable and refcounted. A change reads the file under its lock
 * and replaces it by rename, so that a reader needs no lock.
 */
#ifndef SNAPFS_MODEL_JOURNAL_KEPT_H
#define SNAPFS_MODEL_JOURNAL_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/mem.h"

enum {
    KEPT_BYTES_MAX = 4 << 20,  /* of the file; a longer one is spoiled */
    KEPT_SHARED_MAX = 1 << 20, /* of the file that others read */
    KEPT_RECORDS_MAX = 4096,   /* of one kind */
    KEPT_VALUE_MAX = 16 << 10, /* bytes of a key or value; longer ones are not kept */
    KEPT_KIND_MAX = 16         /* bytes of a kind: a word of lower case letters */
};

struct kept;
struct virt;

struct kept *kept_ref(struct kept *k);
void kept_unref(struct kept *k); /* NULL allowed */
MEM_CLEANUP(struct kept, kept_unref)

/* Reads the domain's records. If the file is the same as before, *ret is `before` again (may be
 * NULL). An ordinary user also gets root's records, if this user may read them; the user's own
 * records count first. `v` is the daemon whose other users may have records, or NULL. The only
 * failure is -ENOMEM. */
int kept_read(struct virt *v, const char *uuid, struct kept *before, struct kept **ret,
              struct err *e);

/* Returns the value, borrowed; NULL for none. `k` may be NULL. */
const char *kept_get(const struct kept *k, const char *kind, const char *key);

/* Calls `each` for the records of one kind, in the order of their keys. `k` may be NULL. */
typedef void kept_each_fn(void *ctx, const char *key, const char *value);
void kept_each(const struct kept *k, const char *kind, kept_each_fn *each, void *ctx);

/* Returns whether a record of that key `fits`: this user's record, or a record of another user that
 * counts. Asks until a record fits. `of` is the file that the record is about; if NULL, every
 * user's record counts. `k` may be NULL. */
typedef bool kept_fits_fn(void *ctx, uid_t by, const char *value);
bool kept_find(const struct kept *k, const char *kind, const char *key, const char *of,
               kept_fits_fn *fits, void *ctx);

/* Calls `each` for the records of one kind: first for this user's records, then for all others. */
typedef void kept_each_told_fn(void *ctx, uid_t by, const char *key, const char *value);
void kept_each_told(const struct kept *k, const char *kind, kept_each_told_fn *each, void *ctx);

/* Returns whether a record of user `by` about the file at `path` counts. */
bool kept_counts(uid_t by, const char *path);

/* Changes the domain's records. Reads the records, has `edit` change them (kept_set, kept_drop),
 * and writes them if anything has changed. Then makes the same `edit` on the file for the other
 * users of that daemon. Meanwhile, other processes that change the records wait. So `edit` takes no
 * lock and asks libvirt nothing. Not for a read-only mount.
 *
 * If the result of `edit` is not 0, returns that result. EPERM: the file belongs to someone else.
 * EEXIST: the file is of a later version, and stays as it is. Any other errno is the file system's.
 */
typedef int kept_edit_fn(void *ctx, struct kept *k);
int kept_change(struct virt *v, const char *uuid, kept_edit_fn *edit, void *ctx, struct err *e);

/* Set or drop a record; only in `edit`. Without memory, or past the bounds, the record is not
 * kept. */
void kept_set(struct kept *k, const char *kind, const char *key, const char *value);
void kept_drop(struct kept *k, const char *kind, const char *key);

/* Sets one record, as kept_change would. */
int kept_put(struct virt *v, const char *uuid, const char *kind, const char *key, const char *value,
             struct err *e);

/* Removes the files of this user. If this user is root, removes the files of all users. */
void kept_remove(struct virt *v, const char *uuid);

/* Calls `each` with the uuid of every domain that has such a file. */
void kept_list(struct virt *v, void (*each)(void *ctx, const char *uuid), void *ctx);

/* ---- for kept_file.c and kept_shared.c ---- */

struct kept *kept_new(void);                /* NULL without memory */
struct kept *kept_new_shared(void);         /* takes only records for other users */
bool kept_is_changed(const struct kept *k); /* changed after it was made or parsed */
bool kept_is_told(const struct kept *k);    /* or a record for others was set or dropped again */

/* Sets in `k` each record of `from` that `k` takes. Returns whether there were any. */
bool kept_copy(struct kept *k, const struct kept *from);

/* The records of others; owned by `k`. */
struct kept_others;
void kept_set_others(struct kept *k, struct kept_others *others,
                     void (*drop)(struct kept_others *o));
struct kept_others *kept_get_others(const struct kept *k);

/* Adds the records of a file's text, of `len` bytes and a NUL. If the file is spoiled, it returns
 * -EINVAL. If the file is of a later version, it returns -EEXIST. In both cases it adds nothing.
 * Without memory it returns -ENOMEM. */
int kept_parse(struct kept *k, char *text, size_t len);

/* Makes the text of a file with these records; NULL without memory. */
char *kept_text(const struct kept *k, size_t *ret_len);

struct kept_identity {
    unsigned long long dev, ino, size, mtime_ns;
};
enum { KEPT_FILES = 2 }; /* root's file, and the file of the user who runs snapfs */
struct kept_identity *kept_identities(struct kept *k);

#endif
