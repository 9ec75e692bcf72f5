/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan.h - inside core/model: all that the steps of a delete (delete/delete.h) go by, decided
 * before the first of them, and how it stands in the journal (journal/procedure.h):
 *
 *     delete 2
 *     uri URI, snapshot NAME
 *     state CREATED …
 *     disk TARGET BASE …           one a disk that is to be merged
 *     left PATH …                  one a file (change/reclaim.h)
 *     force                        if images that no domain has do not count
 *     pivoting TARGET              before the live disk is told to be the content
 *     merged TARGET                after that, or after a merge below the live disk
 *     pivoting-top TOP             the same of one of several merges in one disk's chain
 *     merged-top TOP
 */
#ifndef SNAPFS_MODEL_DELETE_PLAN_H
#define SNAPFS_MODEL_DELETE_PLAN_H

#include "model/change/reclaim.h"
#include "model/journal/procedure.h"
#include "model/catalog/domain.h"

struct model;

enum delete_step {
    DELETE_START,
    DELETE_MERGE,
    DELETE_STOP,
    DELETE_MOVE,
    DELETE_HIDE,
    DELETE_FORGET,
    DELETE_NATIVE, /* instead; the journal has the same word for it */
    DELETE_REMOVE,
    DELETE_STEPS
};

/* A disk whose overlay is merged. */
struct delete_disk {
    char *target;
    char *base, *format; /* the snapshot's content */
    char *top;           /* the overlay that goes into it, on which stands */
    char *above;         /* this file of the live chain, "" when it is the live disk itself */
    bool pivoting;       /* the live disk may be the content by now */
    bool merged;         /* it is known to be done */
};

struct delete
{
    struct procedure p;
    uint64_t created;   /* the snapshot's time, so that another one of its name is none */
    uint64_t snapshots; /* domain_fingerprint_snapshots */
    bool metadata;      /* every file stays as it is */
    bool native;        /* by libvirt's own call; else it only forgets the snapshot */
    bool hide;  /* it has children, and names an overlay that libvirt 9.0 would take for merged */
    bool force; /* files that no domain has do not count */
    bool start; /* the domain is shut off, and has to run for the merge */
    struct delete_disk *disks;
    size_t n;
    struct reclaim left;

    /* ---- not in the journal ---- */
    bool merging; /* something of the overlays may be in the contents by now */
    bool refused; /* what was asked again right before a merge did not allow it */
};

/* Adds a disk; false without memory. */
bool delete_add(struct delete *del, const char *target, const char *base, const char *format,
                const char *top, const char *above);

void delete_drop_disks(struct delete *del);

/* Do the merges fit on the file systems of their bases (delete/space.c)? ENOSPC with the numbers.
 */
int delete_check_space(const struct delete *del, struct err *e);

/* The same of files that are written to: may this user note for all what a merge leaves? -EACCES,
 * naming the file. */
int delete_check_notes(const struct model *m, const struct delete *del, bool active, struct err *e);

/* Before the domain is started for the merges: EACCES if an ordinary user could not look at its
 * files then (delete/ownership.c). */
int delete_check_ownership(const struct model *m, const struct survey *v, const struct domain *d,
                           struct err *e);

/* Finds the disk that a definition of the domain has on that overlay, or on what stands on it, by
 * whatever target; *ret_name (may be NULL) is what it calls the overlay, borrowed. NULL: none. */
const struct xml_disk *delete_disk_in(const struct delete_disk *disk, const struct xml_domain *x,
                                      const char **ret_name);

/* What is to be done, and whether it can (delete/planner.c); a disk that cannot be merged is told
 * in `remark`. The plan has what all procedures have already, and `force`. */
int delete_plan(struct delete *del, struct domain *d, const struct snapshot *s, bool metadata,
                struct text *remark, struct err *e);

/* Plans, and forgets the plans of, all below `top`, as delete_check_below (delete/delete.h) says;
 * `kind` is the procedure of a delete. */
int delete_plan_below(const struct procedure_kind *kind, struct model *m, struct domain *d,
                      const struct snapshot *top, bool itself, bool metadata, bool force,
                      struct err *e);

/* What is looked at before files are merged or removed. */
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
