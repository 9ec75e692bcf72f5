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
 *     …                            what a step notes (procedure_note)
 *
 * A procedure that differs says so in its rows: in the flags of a step, in the steps that are noted
 * when it is undone, and in `stopped` and `resume`, which choose where it goes on.
 *
 * Locks: called under the domain's operation and its journal.
 */
#ifndef SNAPFS_MODEL_JOURNAL_PROCEDURE_H
#define SNAPFS_MODEL_JOURNAL_PROCEDURE_H

#include "model/journal/fields.h"

struct domain;
struct model;
struct procedure;

enum step_fit {
    STEP_FITS,
    STEP_SKIPPED, /* there is nothing to do */
    STEP_CHANGED, /* someone else has changed what the step needs */
};

enum step_flag {
    STEP_WITH_PLAN = 1 << 0, /* it is the first, and always begins: the plan's lines note it */
    STEP_ONCE = 1 << 1,    /* a call whose answer did not come is never made again: what has become
                              of it is looked up */
    STEP_LASTING = 1 << 2, /* such a call may yet be made: once that is open, nothing is undone */
    STEP_BOUND = 1 << 3,   /* the step before it is whole only with this one, so that it is not
                              interrupted, and a failure does not undo that step */
};

/* A step finds what it did before it was cut off, and may be run again. */
struct step {
    const char *name; /* in the journal */
    int (*run)(struct procedure *p, struct err *e);
    bool (*wanted)(const struct procedure *p);        /* by the plan alone; NULL: it is */
    enum step_fit (*fits)(const struct procedure *p); /* after a look; NULL: it fits */
    unsigned flags;
    const char *optional; /* when it does not end well the remark says this, and why, and the rest
                             is done; NULL: it is not optional */
};

/* How a step ended that did not end well. */
enum step_end {
    STEP_FAILED,
    STEP_UNFIT, /* someone else has changed what it needs, or the domain is gone */
    STEP_OPEN,  /* libvirt's answer, or what it takes to go on, is missing (err_is_open) */
};

/* Where a procedure goes on: with a step, by its number, or */
enum procedure_next {
    NEXT_UNDO = -1,  /* it is undone, */
    NEXT_LEAVE = -2, /* or ends as it is, */
    NEXT_LATER = -3, /* or the next operation on the domain, or a mount, goes on, */
    NEXT_LOOK = -4,  /* or where is looked up (`resume`), */
    NEXT_ANEW = -5,  /* or, when it was cut off, it is planned anew. */
};

struct procedure_kind {
    const char *word;         /* the journal's first line, */
    unsigned version;         /* with this, or when read anything from */
    unsigned oldest;          /* on; 0: just that */
    const char *noun;         /* "the revert to", before the snapshot's name */
    const char *left;         /* what is said, after NEXT_LEAVE, of what there is; NULL: nothing */
    struct fields fields;     /* of the plan, with offsets in `size` bytes, */
    size_t size;              /* of a struct that begins with a struct procedure */
    const struct step *steps; /* n_steps of them in order, and then n_undo */
    int n_steps, n_undo;      /* that only are noted, when it is undone (`undo_step`) */
    int commit_at;
    /* Has the journal all that it needs? It may give an older version's journal the meaning of this
     * one. NULL: when it has all values. */
    bool (*is_whole)(struct procedure *p);
    /* Reads what is so now, into the plan's struct. -ENOENT: the domain is gone. */
    int (*look)(struct procedure *p, struct err *e);
    /* Where to go on after the step p->next ended with `how`, and the failure `e`. NULL:
     * procedure_stopped. */
    int (*stopped)(struct procedure *p, enum step_end how, struct err *e);
    /* Where to go on after it was cut off; after a look. It may look again. NULL: `commit_at`
     * decides alone. */
    int (*resume)(struct procedure *p, int *ret_next, struct err *e);
    /* The step that the journal tells of before it is undone, so that it is undone in any case from
     * then on; negative: none. NULL: none. */
    int (*undo_step)(const struct procedure *p);
    /* Takes back what was begun; after a look, which may have found that the domain is gone. */
    int (*undo)(struct procedure *p, struct err *e);
    /* Plans and runs all of it anew, after the journal was ended (NEXT_ANEW). */
    int (*anew)(struct procedure *p, struct err *e);
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
    int step;           /* the last that was begun; -1 for none */
    int next;           /* the one that is looked at, or run */
    bool late;          /* it goes on after it was cut off, who knows when */
    bool gone;          /* the domain is */
    bool ready;         /* the journal says so */
    struct err failure; /* it fails with that in the end, though its steps were run */
    struct domain *now; /* what look has read */
};

/* A procedure that has nothing but this; NULL without memory. */
struct procedure *procedure_new(const struct procedure_kind *kind);
/* Frees what the procedure has, or that and itself. */
void procedure_drop(struct procedure *p);
void procedure_free(struct procedure *p); /* NULL allowed */
MEM_CLEANUP(struct procedure, procedure_free)

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

/* Where a procedure goes on by the flags of its steps alone. */
int procedure_stopped(const struct procedure *p, enum step_end how);

/* For steps: adds the lines of that word, as the plan has them now; with `item` (NULL: all) only
 * that item's. */
int procedure_note(struct procedure *p, const char *word, const void *item, struct err *e);

/* The plan, or that a step begins, to the journal; and back, *ret NULL when nothing was begun. */
int procedure_note_plan(struct procedure *p, struct err *e);
int procedure_note_step(struct procedure *p, int step, struct err *e);
int procedure_read(const struct procedure_kind *kind, const char *text, struct procedure **ret,
                   struct err *e);

/* May what was begun through the libvirt `begun` be gone on with through `uri`? EBUSY. */
int procedure_check_uri(const char *uri, const char *begun, struct err *e);

#endif
