/* SPDX-License-Identifier: GPL-3.0-or-later */
/* failed.h - makes a domain whole after libvirt's own revert failed. The domain is then as it was
 * before, or as it was at the snapshot, and never something between.
 *
 * If QEMU does not start, libvirt leaves the domain shut off, with the configuration of the
 * snapshot. The current snapshot is still the same as before. Some versions of libvirt have then
 * reverted the disks, and some have not. No locks of its own: called under the domain's operation.
 */
#ifndef SNAPFS_MODEL_REVERT_FAILED_H
#define SNAPFS_MODEL_REVERT_FAILED_H

#include "model/catalog/domain.h"

struct model;

struct failed {
    struct model *m;
    const char *uuid, *snapshot; /* borrowed */
    char *config;                /* the domain's own before, with secrets */
    bool ran;                    /* the domain ran before */
    bool at;                     /* before, its disks were as at the snapshot; unknown if it ran */
};

/* Notes the state before libvirt is asked; `d` was read just now. Release with failed_drop. */
int failed_note(struct failed *f, struct model *m, const struct domain *d, const struct snapshot *s,
                struct err *e);
void failed_drop(struct failed *f);

enum failed_end {
    FAILED_UNTOUCHED, /* libvirt did nothing, or the domain runs: snapfs changes nothing */
    FAILED_AS_BEFORE,
    FAILED_AT_SNAPSHOT
};

/* Makes the domain whole after libvirt answered with the failure `e`. Always fails. The message has
 * libvirt's failure and the present state of the domain. */
int failed_settle(const struct failed *f, enum failed_end *ret, struct err *e);

/* Finds out whether the disks of the snapshot have the same bytes as at the snapshot. No program
 * may have their files open. */
int failed_is_at(const struct snapshot *s, bool *ret, struct err *e);

/* The message if snapfs stopped the guest for a revert, and the revert was not made. */
#define FAILED_STOPPED                                                                             \
    "; the domain ran before, and is shut off now, with the configuration, disks and current "     \
    "snapshot that it had"

#endif
