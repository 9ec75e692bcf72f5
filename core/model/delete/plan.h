/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan.h - inside core/model: the plan for all steps of a delete (delete/delete.h), made before the
 * first step, and its words in the journal (journal/procedure.h):
 *
 *     delete 2
 *     uri URI, snapshot NAME
 *     state CREATED …
 *     disk TARGET BASE …           one a disk that is to be merged
 *     left PATH …                  one a file (change/reclaim.h)
 *     force                        if images that no domain has do not count
 *     pivoting TARGET              before the live disk is told to pivot to the base
 *     merged TARGET                after that, or after a merge below the live disk
 *     pivoting-top TOP             the same, for one of several merges in one disk's chain
 *     merged-top TOP
 */
#ifndef SNAPFS_MODEL_DELETE_PLAN_H
#define SNAPFS_MODEL_DELETE_PLAN_H

#include "model/change/reclaim.h"
#include "model/journal/procedure.h"
#include "model/catalog/domain.h"

struct model;
struct open_mark;

enum delete_step {
    DELETE_START,
    DELETE_MERGE,
    DELETE_STOP,
    DELETE_MOVE,
    DELETE_HIDE,
    DELETE_FORGET,
    DELETE_NATIVE, /* instead of DELETE_FORGET; the journal uses the same word */
    DELETE_REMOVE,
    DELETE_STEPS
};

/* A disk whose overlay is merged. */
struct delete_disk {
    char *target;
    char *base, *format; /* the file that holds the snapshot's bytes */
    char *top;           /* the overlay that is merged into `base` */
    char *above;         /* the file above `top` in the live chain, "" if `top` is the live disk
                            itself */
    bool pivoting;       /* the live disk may already be `base` */
    bool merged;         /* the merge is known to be done */
};

/* The caller's words for a delete. */
struct delete_how {
    bool metadata;            /* libvirt only forgets the snapshot, and every file stays */
    bool force;               /* ignores the images that no domain has (strangers.h) */
    struct open_mark **claim; /* NULL: ignores the images that are open */
    /* A survey that the operation made and that is still true, or an empty survey; NULL: none. The
     * plan uses the survey up. Afterwards this may be another survey that is true. */
    struct survey *survey;
};

struct delete
{
    struct procedure p;
    uint64_t created;   /* the snapshot's time; another snapshot may have its name */
    uint64_t snapshots; /* domain_fingerprint_snapshots */
    bool metadata;      /* every file stays as it is */
    bool native;        /* libvirt's own call deletes it; else libvirt only forgets it */
    bool hide;  /* it has children, and names an overlay that libvirt 9.0 would take for merged */
    bool force; /* ignores the images that no domain has */
    bool start; /* the domain is shut off, and has to run for the merge */
    struct delete_disk *disks;
    size_t n;
    struct reclaim left;

    /* ---- not in the journal ---- */
    bool merging;          /* data of the overlays may already be in the bases */
    bool refused;          /* a check right before a merge did not allow the merge */
    struct survey *survey; /* as in struct delete_how */
};

/* Adds a disk; false without memory. */
bool delete_add(struct delete *del, const char *target, const char *base, const char *format,
                const char *top, const char *above);

void delete_drop_disks(struct delete *del);

/* Checks that the merges fit on the file systems of their bases (delete/space.c). Fails with ENOSPC
 * and the numbers. */
int delete_check_space(const struct delete *del, struct err *e);

/* Checks that this user can note the merges for all users, for each file that a merge writes to. If
 * not, it fails with EACCES and names the file. */
int delete_check_notes(const struct model *m, const struct delete *del, bool active, struct err *e);

/* Checks, before the delete starts the domain for the merges, that an ordinary user can still look
 * at the domain's files after the start (delete/ownership.c). If not, it fails with EACCES. */
int delete_check_ownership(const struct model *m, const struct survey *v, const struct domain *d,
                           struct err *e);

/* Finds the disk, in a definition of the domain, that is on that overlay or on a file above the
 * overlay. The disk may have any target. *ret_name (may be NULL) is the definition's name of the
 * overlay, borrowed. Returns NULL if there is no such disk. */
const struct xml_disk *delete_disk_in(const struct delete_disk *disk, const struct xml_domain *x,
                                      const char **ret_name);

/* Plans the delete, and checks that it can be done (delete/planner.c). Tells in `remark` which disk
 * cannot be merged. The caller has filled in `force`, `survey` and the members that all procedures
 * have. */
int delete_plan(struct delete *del, struct domain *d, const struct snapshot *s, bool metadata,
                struct text *remark, struct err *e);

/* Checks what delete_check_below (delete/delete.h) says: plans the deletes of all snapshots below
 * `top`, then drops the plans. `kind` is the procedure of a delete. */
int delete_plan_below(const struct procedure_kind *kind, struct model *m, struct domain *d,
                      const struct snapshot *top, bool itself, const struct delete_how *how,
                      struct err *e);

/* Returns the scope of the survey that is made before files are merged or removed. */
static inline enum survey_scope delete_scope(bool force)
{
    return force ? SURVEY_ALL : SURVEY_BESIDE;
}

/* ---- in the journal ---- */

enum { DELETE_ROWS = 24 };
extern const struct field delete_rows[DELETE_ROWS];

/* Note the disk's `pivoting` or `merged`, from here on. */
int delete_note_pivoting(struct delete *del, struct delete_disk *disk, struct err *e);
int delete_note_merged(struct delete *del, struct delete_disk *disk, struct err *e);

#endif
