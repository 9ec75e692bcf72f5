/* SPDX-License-Identifier: GPL-3.0-or-later */
/* procedure_record.h - the parts of a journalled procedure (journal/procedure.h), and how it is
 * written to its journal and read from it. Locks: called under the domain's operation and its
 * journal. */
#ifndef SNAPFS_MODEL_JOURNAL_PROCEDURE_RECORD_H
#define SNAPFS_MODEL_JOURNAL_PROCEDURE_RECORD_H

#include "model/journal/fields.h"

struct domain;
struct model;
struct procedure;

enum step_fit {
    STEP_FITS,
    STEP_SKIPPED, /* there is nothing to do */
    STEP_CHANGED, /* another program has changed what the step needs */
};

enum step_flag {
    /* Only for a first step that always begins: one write has the plan and the step's line. */
    STEP_WITH_PLAN = 1 << 0,
    /* If libvirt's answer does not come, the call is not made again. `resume` finds out the result
     * of the call. */
    STEP_ONCE = 1 << 1,
    /* libvirt may make the call after its answer was lost. From then on nothing is undone. */
    STEP_LASTING = 1 << 2,
    /* The step completes the step before it. The user cannot interrupt it, and its failure does
     * not undo the step before. */
    STEP_BOUND = 1 << 3,
};

/* A step may be cut off and then be run again. It finds what it has already done. */
struct step {
    const char *name; /* in the journal */
    int (*run)(struct procedure *p, struct err *e);
    bool (*wanted)(const struct procedure *p);        /* by the plan alone; NULL: always */
    enum step_fit (*fits)(const struct procedure *p); /* after a look; NULL: always */
    unsigned flags;
    /* If not NULL, the procedure goes on after a failure of the step. The remark then gets these
     * words and the reason. */
    const char *optional;
};

/* How a step failed. */
enum step_end {
    STEP_FAILED,
    STEP_UNFIT, /* another program changed what the step needs, or the domain is gone */
    STEP_OPEN,  /* the caller can conclude nothing from the failure (err_is_open) */
};

/* The next action of a procedure: the number of a step, or one of these. */
enum procedure_next {
    NEXT_UNDO = -1,  /* undo all of it */
    NEXT_LEAVE = -2, /* end it; what was done stays */
    NEXT_LATER = -3, /* leave the journal to the next operation on the domain, or to a mount */
    NEXT_LOOK = -4,  /* look at the domain, then ask `resume` */
    NEXT_ANEW = -5,  /* end the journal of a procedure that was cut off, then plan it anew */
};

struct procedure_kind {
    const char *word;     /* the first of the journal */
    unsigned version;     /* of the journal's lines, as they are written */
    unsigned oldest;      /* version that is read as well; 0: none */
    const char *noun;     /* "the revert to", before the snapshot's name */
    const char *left;     /* words about what stays after NEXT_LEAVE; NULL: none */
    struct fields fields; /* of the plan, with offsets in the procedure's own struct */
    size_t size;          /* of that struct, which begins with a struct procedure */
    const struct step *steps;
    int n_steps; /* in order */
    int n_undo;  /* further steps after those, only noted (`undo_step`) */
    int commit_at;
    /* Returns whether the journal has all that the procedure needs. May give an older version's
     * journal the meaning of this one. NULL: the values are enough. */
    bool (*is_whole)(struct procedure *p);
    /* Reads the present state into the procedure's own struct. -ENOENT: the domain is gone. */
    int (*look)(struct procedure *p, struct err *e);
    /* Chooses the next action after the step p->next ended with `how`, and the failure `e`. NULL:
     * procedure_stopped. */
    int (*stopped)(struct procedure *p, enum step_end how, struct err *e);
    /* Chooses the next action after the procedure was cut off. The engine has looked before, and
     * the function may look again. *ret_next has the action that `commit_at` gives. NULL: that
     * action is taken. */
    int (*resume)(struct procedure *p, int *ret_next, struct err *e);
    /* Gives the step that is noted before the undo begins. From then on the procedure is only
     * undone. If the result is negative or the member is NULL, no step is noted. */
    int (*undo_step)(const struct procedure *p);
    /* Undoes what was begun. Called after a look, even if the domain is gone. */
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
    struct journal *j; /* NULL: no other process has the domain, and nothing outlives this one */
    const char *uuid;
    struct text *remark;
    char *uri, *snapshot;
    int step;           /* the last step that was begun; -1: none */
    int next;           /* the step that is looked at, or run */
    bool late;          /* the procedure was cut off, and goes on later */
    bool lost;          /* libvirt's answer was lost, or it is late; the next look is the first
                           after that */
    bool gone;          /* the domain is gone */
    bool ready;         /* the journal has the line "ready" */
    struct err failure; /* the procedure has failed, though its steps were run; `no` 0: no */
    struct domain *now; /* the domain that look has read */
};

/* Makes a procedure that has nothing except its kind; NULL without memory. */
struct procedure *procedure_new(const struct procedure_kind *kind);
/* Free what the procedure has, and the second also the procedure. */
void procedure_drop(struct procedure *p);
void procedure_free(struct procedure *p); /* NULL allowed */
MEM_CLEANUP(struct procedure, procedure_free)

/* Adds the lines of that word to the journal, as the plan has them now; with `item` (NULL: all)
 * only that item's. For steps. */
int procedure_note(struct procedure *p, const char *word, const void *item, struct err *e);

/* Write the plan to the journal, and that a step begins if no later one has begun. */
int procedure_note_plan(struct procedure *p, struct err *e);
int procedure_note_step(struct procedure *p, int step, struct err *e);
/* Reads a journal's text. *ret is NULL if nothing was begun. EIO if it cannot be understood. */
int procedure_read(const struct procedure_kind *kind, const char *text, struct procedure **ret,
                   struct err *e);

#endif
