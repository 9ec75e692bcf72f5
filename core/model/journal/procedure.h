/* procedure.h - an operation of several steps that ends whole or not at all, whatever cuts it off.
 *
 * A procedure is data: the values of its plan (fields.h), and its steps in order. The journal has
 * the plan before the first step begins, and each step before that begins. A procedure that fails
 * or is cut off before the step `commit_at` has begun is undone; from there on it is finished.
 *
 *     create 1                     the procedure's word, and the version of its lines
 *     uri URI                      the libvirt it was begun through
 *     snapshot NAME
 *     …                            the plan
 *     ready                        from here on something may have been begun
 *     step make                    before each step
 *
 * Locks: called under the domain's operation and its journal.
 */
#ifndef SNAPFS_MODEL_JOURNAL_PROCEDURE_H
#define SNAPFS_MODEL_JOURNAL_PROCEDURE_H

#include "model/journal/fields.h"

struct model;
struct procedure;

enum step_fit {
    STEP_FITS,
    STEP_SKIPPED, /* there is nothing to do */
    STEP_CHANGED, /* someone else has changed what the step needs */
};

enum step_flag {
    STEP_OPTIONAL = 1 << 0, /* its failure is told in the remark, and the rest is done */
    STEP_ONCE = 1 << 1,     /* a call whose answer did not come is never made again: what has become
                               of it is looked up */
};

/* A step finds what it did before it was cut off, and may be run again. */
struct step {
    const char *name; /* in the journal */
    int (*run)(struct procedure *p, struct err *e);
    enum step_fit (*fits)(const struct procedure *p); /* after a look; NULL: it fits */
    unsigned flags;
};

enum { PROCEDURE_UNDO = -1 };

struct procedure_kind {
    const char *word, *version; /* the journal's first line */
    const char *noun;           /* "the revert to", before the snapshot's name */
    struct fields fields;       /* of the plan, with offsets in `size` bytes, */
    size_t size;                /* of a struct that begins with a struct procedure */
    const struct step *steps;
    int n_steps, commit_at;
    /* Reads what is so now, into the plan's struct. -ENOENT: the domain is gone. */
    int (*look)(struct procedure *p, struct err *e);
    /* The step to go on with after it was cut off, or PROCEDURE_UNDO; after a look. It may look
     * again. NULL: `commit_at` decides alone. */
    int (*resume)(struct procedure *p, int *ret_step, struct err *e);
    /* Takes back what was begun; after a look, which may have found that the domain is gone. */
    int (*undo)(struct procedure *p, struct err *e);
    /* Frees what look has read. */
    void (*drop)(struct procedure *p);
};

/* The first member of each procedure's own struct. */
struct procedure {
    const struct procedure_kind *kind;
    struct model *m;
    struct journal *j; /* NULL: nobody else has the domain, and nothing outlives us */
    const char *uuid;
    struct text *remark;
    char *uri, *snapshot;
    int step;   /* the last that was begun; -1 for none */
    bool late;  /* it goes on after it was cut off, who knows when */
    bool gone;  /* the domain is */
    bool ready; /* the journal says so */
};

/* Writes the plan to the journal and runs all steps. On failure it is undone, and the failure's
 * sentence says so, or what is left to be done. Then the journal is empty, unless libvirt's answer
 * (EHOSTDOWN, ETIMEDOUT) or what it takes to go on is missing: then the next operation on the
 * domain, or a mount, sees to it. */
int procedure_run(struct procedure *p, struct err *e);

/* Undoes or finishes what the journal `j` tells of, and tells it in `remark`; then it is empty. On
 * failure it stays: EBUSY when it was begun through another libvirt than `uri`, EIO when it cannot
 * be understood; EINTR when the thread's task is unwanted. */
int procedure_recover(const struct procedure_kind *kind, struct model *m, struct journal *j,
                      const char *uuid, const char *uri, struct text *remark, struct err *e);

void procedure_drop(struct procedure *p);

/* May what was begun through the libvirt `begun` be gone on with through `uri`? EBUSY. */
int procedure_check_uri(const char *uri, const char *begun, struct err *e);

#endif
