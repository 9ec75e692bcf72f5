/* SPDX-License-Identifier: GPL-3.0-or-later */
/* new_snapshot.h - inside core/model: the plan for making a snapshot, decided before libvirt is
 * asked for it, and its words in the journal (journal/procedure.h):
 *
 *     create 1
 *     uri URI, snapshot NAME
 *     parent NAME                          the current snapshot before
 *     listing XML                          by which libvirt can list it (virt/xml_listing.h)
 *     state ACTIVE RUNNING LISTED HALT QUIESCE TAGS
 *     memory PATH                          the file
 *     overlay TARGET FROM PATH FORMAT THERE   one a disk
 */
#ifndef SNAPFS_MODEL_CREATE_NEW_SNAPSHOT_H
#define SNAPFS_MODEL_CREATE_NEW_SNAPSHOT_H

#include "model/journal/procedure.h"
#include "model/create/plan.h"
#include "model/create/new_files.h"
#include "model/change/operation.h"

struct new_overlay {
    char *target;
    char *from; /* the file that the disk is on before */
    char *path, *format;
    bool there; /* the file was there before: it stays in any case */
};

struct new_snapshot {
    struct procedure p;
    char *parent;  /* "" for none */
    char *listing; /* "" if libvirt is not to list it */
    char *memory;  /* the file; "" for none */
    bool active;   /* the domain ran */
    bool running;  /* the domain ran and was not paused */
    bool listed;   /* libvirt is to list it */
    bool halt;
    bool quiesce;
    unsigned tags; /* disks whose bytes are in a tag */
    struct new_overlay *overlays;
    size_t n_overlays;

    /* ---- not in the journal, only for the thread that makes the snapshot ---- */
    const struct domain *before; /* the domain of the plan; NULL in a recovery */
    const char *request;         /* the document for libvirt */
    const struct new_files *new_files;
    unsigned flags; /* VIRT_CREATE_* */
    bool saves;     /* libvirt saves the memory, which takes time and can be aborted */
    bool *unsupported;
    bool asked;  /* libvirt was called: files of these names are the snapshot's */
    bool frozen; /* the guest's file systems may be frozen */
};

enum { NEW_SNAPSHOT_ROWS = 14 };
extern const struct field new_snapshot_rows[NEW_SNAPSHOT_ROWS];

/* Fills in the plan except for its kind. The wish was settled for t->domain, and `request` is the
 * document for that wish. */
int new_snapshot_plan(struct new_snapshot *ns, const struct operation *t, const struct wish *w,
                      const struct plan *p, const struct new_files *new_files, const char *request,
                      struct err *e);

#endif
