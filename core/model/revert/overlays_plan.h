/* SPDX-License-Identifier: GPL-3.0-or-later */
/* overlays_plan.h - inside core/model: all that the steps of a revert (revert/overlays.h) go by,
 * decided before the first of them, and how it stands in the journal (journal/procedure.h):
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
#include "image/image.h"
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
    REVERT_BACK = REVERT_STEPS, /* to the configuration that the domain had, */
    REVERT_UNDO                 /* and what was made goes */
};

/* A disk that gets a new overlay. */
struct revert_disk {
    char *target, *content, *format;                /* as the snapshot has it */
    char *overlay;                                  /* the new file */
    bool captured;                                  /* by the snapshot; else it was left out */
    bool forked;                                    /* others stand on `content` as well */
    bool made;                                      /* the overlay is there, and */
    uint64_t new_dev, new_ino, new_size, new_mtime; /* as it was made */
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
        config_after;    /* what stands there: see change/fingerprint.h */
    struct reclaim left; /* what the live disks were on */
    struct revert_disk *disks;
    size_t n;

    /* ---- not in the journal: as it was read before this step ---- */
    uint64_t config_now; /* fingerprint_config of the domain's configuration */
    bool on_overlays;    /* it ran on them */
    struct virt_status status;
};

/* Adds a disk; NULL without memory. */
struct revert_disk *revert_add(struct revert *rv, const char *target, const char *content,
                               const char *format, const char *overlay);

/* What is to be done, and whether it can: see revert_external for the errors
 * (revert/overlays_planner.c). The plan has what all procedures have already. */
int revert_plan(struct revert *rv, struct domain *d, const struct snapshot *s, unsigned flags,
                struct err *e);

/* The disks as the documents of xml_revert.h want them: all, or only those captured. Owned by the
 * caller, its strings by the plan. NULL without memory. */
struct xml_moved *revert_moved(const struct revert *rv, bool captured, size_t *ret_n);

/* Is the overlay a qcow2 on just that content? Then its identity is noted. */
int revert_check_made(struct revert_disk *disk, struct err *e);
/* Is it still as it was made, so that nobody has run on it? */
bool revert_untouched(const struct revert_disk *disk);

/* ---- in the journal ---- */

enum { REVERT_ROWS = 27 };
extern const struct field revert_rows[REVERT_ROWS];
/* Lacks it nothing? The steps of version 2 came in another order. */
bool revert_is_whole(struct procedure *p);

#endif
