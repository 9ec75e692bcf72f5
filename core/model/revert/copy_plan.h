/* copy_plan.h - inside core/model: all that the steps of a revert on copies (revert/copy.h) go by,
 * and how it stands in the journal. */
#ifndef SNAPFS_MODEL_REVERT_COPY_PLAN_H
#define SNAPFS_MODEL_REVERT_COPY_PLAN_H

#include "model/change/reclaim.h"
#include "model/model.h"

enum copy_step {
    COPY_PLANNED,
    COPY_MAKE,
    COPY_MOVE,
    COPY_REVERT,
    COPY_REMOVE,
    COPY_UNDO,
    COPY_STEPS
};

/* A disk whose file is copied. */
struct copy_disk {
    char *target;
    char *from, *to; /* the file with the tag, and its copy */
    uint64_t entry;  /* of the tag (image_id) */
};

struct copying {
    char *uri, *snapshot;
    char *current;              /* the current snapshot before; "" for none */
    char *before;               /* the domain's configuration, with secrets; NULL in a journal of an
                                   older version */
    bool active;                /* the domain ran before */
    uint64_t snapshots, config; /* what stood there: change/fingerprint.h */
    struct leftovers left;      /* what the live disks were on */
    struct copy_disk *disks;
    size_t n;
    enum copy_step step; /* the last that was begun */
};

void copying_free(struct copying *c); /* NULL allowed */
MEM_CLEANUP(struct copying, copying_free)

/* Adds a disk; NULL without memory. */
struct copy_disk *copying_add(struct copying *c, const char *target, const char *from,
                              const char *to);

/* What is to be done, and whether it can: see copy_revert for the errors. */
int copy_plan(struct model *m, struct domain *d, const struct snapshot *s, struct copying **ret,
              struct err *e);

/* Is that entry in the copy's table of snapshots? Then the other tags in it are marked as left over
 * (storage/file_marks.h). */
int copy_check_made(const struct copy_disk *disk, struct err *e);

/* ---- in the journal (revert/copy_record.c) ---- */

int copy_record(struct journal *j, const struct copying *c, struct err *e);
int copy_record_step(struct journal *j, enum copy_step step, struct err *e);
/* *ret NULL when nothing was begun. EIO when it cannot be understood. */
int copy_read(const char *text, struct copying **ret, struct err *e);

#endif
