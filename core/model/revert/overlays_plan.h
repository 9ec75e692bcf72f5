/* overlays_plan.h - inside core/model: all that the steps of a revert (revert/overlays.h) go by,
 * decided before the first of them, and how it stands in the journal. */
#ifndef SNAPFS_MODEL_REVERT_OVERLAYS_PLAN_H
#define SNAPFS_MODEL_REVERT_OVERLAYS_PLAN_H

#include "image/image.h"
#include "model/change/reclaim.h"
#include "model/model.h"
#include "virt/xml.h"
#include "virt/xml_revert.h"

enum revert_step {
    REVERT_PLANNED,
    REVERT_MAKE,
    REVERT_DEFINE,
    REVERT_STOP,
    REVERT_START,
    REVERT_MARK,
    REVERT_FORK,
    REVERT_REMOVE,
    REVERT_BACK, /* to the configuration that the domain had, */
    REVERT_UNDO, /* and what was made goes */
    REVERT_STEPS
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
    char *uri, *snapshot;
    char *current; /* the current snapshot before; "" for none */
    char *memory;  /* the file; "" for none */
    char *config;  /* the domain's own before, with secrets; NULL in an older version's journal */
    char maker[37];
    unsigned flags; /* virt_start_flag */
    bool start;     /* the domain is to run afterwards */
    bool active;    /* it ran before */
    bool leaf;      /* the snapshot has no children */
    uint64_t snapshots, config_before,
        config_after;      /* what stands there: see change/fingerprint.h */
    struct leftovers left; /* what the live disks were on */
    struct revert_disk *disks;
    size_t n;
    enum revert_step step; /* the last that was begun */
};

void revert_free(struct revert *rv); /* NULL allowed */
MEM_CLEANUP(struct revert, revert_free)

/* Adds a disk; false without memory. */
struct revert_disk *revert_add(struct revert *rv, const char *target, const char *content,
                               const char *format, const char *overlay);

/* What is to be done, and whether it can: see revert_external for the errors
 * (revert/overlays_planner.c). */
int revert_plan(struct model *m, struct domain *d, const struct snapshot *s, unsigned flags,
                struct revert **ret, struct err *e);

/* The disks as the documents of xml_revert.h want them: all, or only those captured. Owned by the
 * caller, its strings by the plan. NULL without memory. */
struct xml_moved *revert_moved(const struct revert *rv, bool captured, size_t *ret_n);

/* Is the overlay a qcow2 on just that content? Then its identity is noted. */
int revert_check_made(struct revert_disk *disk, struct err *e);
/* Is it still as it was made, so that nobody has run on it? */
bool revert_untouched(const struct revert_disk *disk);

/* ---- in the journal (revert/overlays_record.c) ---- */

int revert_record(struct journal *j, const struct revert *rv, struct err *e);
int revert_record_made(struct journal *j, const struct revert *rv, struct err *e);
int revert_record_step(struct journal *j, enum revert_step step, struct err *e);
/* *ret NULL when nothing was begun. EIO when it cannot be understood. */
int revert_read(const char *text, struct revert **ret, struct err *e);

#endif
