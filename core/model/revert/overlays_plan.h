/* SPDX-License-Identifier: GPL-3.0-or-later */
/* overlays_plan.h - inside core/model: the plan for all steps of a revert (revert/overlays.h), made
 * before the first step, and its words in the journal (journal/procedure.h):
 *
 *     revert 3
 *     uri URI, snapshot NAME
 *     current NAME, memory PATH    and so on, one line a value
 *     state FLAGS START ACTIVE LEAF
 *     prints SNAPSHOTS BEFORE AFTER
 *     disk TARGET CONTENT …        one a disk
 *     left PATH …                  one a file (change/reclaim.h)
 *     made TARGET DEV INO …        after the overlays were made
 *
 * Version 2 had no `config`, and the steps in another order: make, stop, define, mark, fork, start.
 */
#ifndef SNAPFS_MODEL_REVERT_OVERLAYS_PLAN_H
#define SNAPFS_MODEL_REVERT_OVERLAYS_PLAN_H

#include "base/uuid.h"
#include "model/change/reclaim.h"
#include "model/journal/procedure.h"
#include "model/catalog/domain.h"
#include "virt/virt.h"
#include "virt/xml.h"
#include "virt/xml_revert.h"

enum revert_step {
    REVERT_MAKE,
    REVERT_DEFINE,
    REVERT_STOP,
    REVERT_START,
    REVERT_MARK,
    REVERT_FORK,
    REVERT_REMOVE,
    REVERT_STEPS,
    REVERT_BACK = REVERT_STEPS, /* back to the configuration that the domain had */
    REVERT_UNDO                 /* then the files that were made are removed */
};

/* A disk that gets a new overlay. */
struct revert_disk {
    char *target, *base, *format;                   /* as the snapshot has it */
    char *overlay;                                  /* the new file */
    bool captured;                                  /* by the snapshot; else it was left out */
    bool forked;                                    /* others use `base` as well */
    bool made;                                      /* the overlay is there */
    uint64_t new_dev, new_ino, new_size, new_mtime; /* of the overlay, as it was made */
};

struct revert {
    struct procedure p;
    char *current; /* the current snapshot before; "" for none */
    char *memory;  /* the file; "" for none */
    char *config;  /* the domain's own before, with secrets; NULL in an older version's journal */
    char scratch[UUID_LEN + 1];
    unsigned flags; /* virt_start_flag */
    bool start;     /* the domain is to run afterwards */
    bool active;    /* it ran before */
    bool leaf;      /* the snapshot has no children */
    uint64_t snapshots, config_before,
        config_after;    /* fingerprints, as change/fingerprint.h has them */
    struct reclaim left; /* files that the live disks were on */
    struct revert_disk *disks;
    size_t n;

    /* ---- not in the journal: as it was read before this step ---- */
    uint64_t config_now; /* fingerprint_config of the domain's configuration */
    bool on_overlays;    /* the domain runs on the overlays */
    struct virt_status status;
};

/* Adds a disk; NULL without memory. */
struct revert_disk *revert_add(struct revert *rv, const char *target, const char *base,
                               const char *format, const char *overlay);

struct revert_findings;

/* Plans what is to be done, and checks that it can be done (revert/overlays_planner.c); see
 * revert_external for the errors. The caller has set what all procedures have. Takes over
 * found->left. */
int revert_plan(struct revert *rv, struct domain *d, const struct snapshot *s, unsigned flags,
                struct revert_findings *found, struct err *e);

/* Lists the disks as the documents of xml_revert.h want them: all, or only those captured. The
 * caller owns the list, and the plan its strings. NULL without memory. */
struct xml_moved *revert_moved(const struct revert *rv, bool captured, size_t *ret_n);

/* Checks that the overlay is a qcow2 file directly on that base, and notes its identity. */
int revert_check_made(struct revert_disk *disk, struct err *e);
/* Returns whether the overlay is still as it was made, so that no guest has run on it. */
bool revert_untouched(const struct revert_disk *disk);

/* ---- in the journal ---- */

enum { REVERT_ROWS = 27 };
extern const struct field revert_rows[REVERT_ROWS];
/* Returns whether the record is whole. The steps of version 2 came in another order. */
bool revert_is_whole(struct procedure *p);

#endif
