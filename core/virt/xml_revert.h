/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_revert.h - the documents of a revert to an external snapshot. Pure; the caller owns each of
 * them.
 *
 * They are made from the snapshot's own document with its secrets, passed as `snapshot`. So they
 * have these secrets too. If a document is of the wrong type or lacks a disk, it fails with EINVAL.
 */
#ifndef SNAPFS_VIRT_XML_REVERT_H
#define SNAPFS_VIRT_XML_REVERT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* A disk that the snapshot captured, and the new qcow2 file that replaces the named one. */
struct xml_moved {
    const char *target; /* "vda" */
    const char *base;   /* the file that the snapshot's <domain> names */
    const char *format; /* the format of `base` */
    const char *file;   /* the new file */
};

/* A layer of a chain. */
struct xml_layer {
    const char *path, *format;
    bool block; /* a block device */
};

/* All layers below the file of a disk in the new document, to the chain's end. */
struct xml_chain {
    const char *target;
    const struct xml_layer *layers; /* n of them */
    size_t n;
};

/* Writes the <domain> for the reverted domain, named `name`, with only these chains. It is the
 * snapshot's <inactiveDomain> if that has all these disks on the same files, else its <domain>. The
 * parts that only a running domain has are removed. */
int xml_revert_domain(const char *snapshot, const char *name, const struct xml_moved *disks,
                      size_t n, const struct xml_chain *chains, size_t n_chains, char **ret,
                      struct err *e);

/* A suffix for the name of an overlay. No file has the name with this suffix. */
#define XML_REVERT_NONE ".none"

/* Writes the same snapshot with other overlays: its <disks> name these files, each with `suffix`.
 * It has no <revertDisks>, because those belong to an earlier revert. */
int xml_revert_snapshot(const char *snapshot, const char *suffix, const struct xml_moved *disks,
                        size_t n, char **ret, struct err *e);

/* Writes the <domain> of a file of saved memory, on these files. */
int xml_revert_saved(const char *saved, const struct xml_moved *disks, size_t n,
                     const struct xml_chain *chains, size_t n_chains, char **ret, struct err *e);

/* Writes a domain that is never started. It exists so that libvirt makes overlays for it. It has
 * the snapshot's machine type, and these disks in their order, with new target names. */
int xml_revert_scratch(const char *snapshot, const char *name, const char *uuid,
                       const struct xml_moved *disks, size_t n, char **ret, struct err *e);

/* Writes a snapshot of the scratch domain. When libvirt makes this snapshot, it makes the new
 * files. */
int xml_revert_overlays(const struct xml_moved *disks, size_t n, char **ret, struct err *e);

#endif
