/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reclaim.h - files that a change may leave unused. They are noted before the change, and removed
 * after it if nothing needs them. */
#ifndef SNAPFS_MODEL_CHANGE_RECLAIM_H
#define SNAPFS_MODEL_CHANGE_RECLAIM_H

#include "model/journal/fields.h"
#include "model/graph/survey.h"

enum left {
    LEFT_TOP,      /* the top of a disk's chain */
    LEFT_BELOW,    /* a file below the top, or a copy; not reported if others need it */
    LEFT_MEMORY,   /* the saved memory of a virtual machine */
    LEFT_DETACHED, /* of a disk that the domain no longer has; stays, and is reported */
    LEFT_UNUSED    /* QEMU may have it open, but no disk is on it; never in a journal */
};

struct unused_file {
    char *path;
    enum left what;
    uint64_t dev, ino;
};

struct reclaim {
    struct unused_file *items;
    size_t n;
};

void reclaim_drop(struct reclaim *l);
/* Moves the files to the caller. `l` is empty then. */
struct reclaim reclaim_take(struct reclaim *l);

/* Notes the file, if it is a regular one. */
int reclaim_note(struct reclaim *l, const char *path, enum left what, struct err *e);

/* Notes the files of the user's chain that were made for snapshots of the domain, or as copies
 * (storage/file_marks.h). Goes from the top down, and stops at the first other file. Also stops at
 * a file if it has an overlay that no disk is on. Once the overlay's snapshot is forgotten, nothing
 * else would tell of that overlay. */
int reclaim_note_chain(struct reclaim *l, const struct survey *v, const struct domain *d, int user,
                       struct err *e);

/* Notes the chains of all live disks that the domain had at the time of the survey. */
int reclaim_note_live(struct reclaim *l, const struct survey *v, const struct domain *d,
                      struct err *e);

/* Returns whether the overlay `path` on the file `below` was made for a snapshot of the domain. If
 * not, it may be the user's own. */
bool reclaim_is_overlay(const struct domain *d, const char *path, const char *below);

/* The rows (journal/fields.h) of a plan that has such files as a member: lines "left PATH …". */
#define RECLAIM_LIST(plan, member)                                                                 \
    {                                                                                              \
        offsetof(plan, member.items), offsetof(plan, member.n), sizeof(struct unused_file)         \
    }
#define RECLAIM_ROWS(of)                                                                           \
    FIELD_ITEM("left", FIELD_TEXT, unused_file, path, of),                                         \
        {.word = "left",                                                                           \
         .type = FIELD_UNSIGNED,                                                                   \
         .offset = offsetof(struct unused_file, what),                                             \
         .list = (of),                                                                             \
         .max = LEFT_DETACHED},                                                                    \
        FIELD_ITEM("left", FIELD_U64, unused_file, dev, of),                                       \
        FIELD_ITEM("left", FIELD_U64, unused_file, ino, of)

/* Checks, before the change, that this process may remove each of the files. If libvirt's daemon
 * runs as another user, an ordinary user may not remove them. The check then fails with EACCES and
 * names the directory. */
int reclaim_check(const struct model *m, const struct reclaim *l, struct err *e);

/* Checks the same for a file that is to be made. */
int reclaim_check_new(const struct model *m, const char *path, struct err *e);

/* Removes the files that nothing needs; `d` was read after the change. Tells in `remark` which
 * files are left, and why. If no file is left, *ret_survey gets the survey made for the removal,
 * without these files. The operation may go on with that survey. `ret_survey` may be NULL. */
int reclaim_remove(struct model *m, struct domain *d, const struct reclaim *l,
                   struct survey *ret_survey, struct text *remark, struct err *e);

/* A file that no domain ever had. Only snapfs uses its name, so any file of that name is this file.
 * It may be half made. `original`: this file is a copy of that file, or an overlay on it. */
struct reclaim_own {
    char *path;
    const char *original;
    enum left what;
};

/* Removes such files, unless a file surely has a user. If `d` is NULL, the domain is gone. */
int reclaim_drop_own(struct model *m, struct domain *d, const struct reclaim_own *files, size_t n,
                     struct text *remark, struct err *e);

/* Removes one file if it may go, and returns whether it has gone. It may go if all of this is true:
 *
 *   - It is still that file.
 *   - Nothing needs it (users_find's `sure`).
 *   - No QEMU has it open.
 *   - No tag in it is to be kept.
 *
 * Otherwise tells why it is left. No other function unlinks a file that a domain may have had.
 */
bool reclaim_file(const struct survey *v, const struct unused_file *file, bool sure,
                  struct text *remark);

#endif
