/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_revert.h - the documents of a revert to an external snapshot. Pure; each owned by the caller.
 *
 * They are made from the snapshot's own document with its secrets, which is passed as `snapshot`,
 * and so hold them too. EINVAL when a document is not what it should be, or lacks a disk.
 */
#ifndef SNAPFS_VIRT_XML_REVERT_H
#define SNAPFS_VIRT_XML_REVERT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* A disk that the snapshot captured, and the qcow2 file that takes the place of what it names. */
struct xml_moved {
    const char *target;  /* "vda" */
    const char *content; /* what the snapshot's <domain> names, and */
    const char *format;  /* its format */
    const char *file;    /* the new one */
};

/* A layer of a chain. */
struct xml_layer {
    const char *path, *format;
    bool block; /* a device */
};

/* All that is below the file of a disk in the new document, to the chain's end. */
struct xml_chain {
    const char *target;
    const struct xml_layer *layers; /* n of them */
    size_t n;
};

/* The <domain> that the reverted domain is to have: the snapshot's <inactiveDomain> where that has
 * all these disks on the same files, else its <domain>; under the name `name`, without what only a
 * running domain has. It says just these chains. */
int xml_revert_domain(const char *snapshot, const char *name, const struct xml_moved *disks,
                      size_t n, const struct xml_chain *chains, size_t n_chains, char **ret,
                      struct err *e);

/* Behind the name of an overlay, it makes one that no file has. */
#define XML_REVERT_NONE ".none"

/* The same snapshot whose <disks> name these files as overlays, each with `suffix` behind it, and
 * which has no <revertDisks>: those were of an earlier revert. */
int xml_revert_snapshot(const char *snapshot, const char *suffix, const struct xml_moved *disks,
                        size_t n, char **ret, struct err *e);

/* The <domain> that a file of saved memory holds, on these files. */
int xml_revert_saved(const char *saved, const struct xml_moved *disks, size_t n,
                     const struct xml_chain *chains, size_t n_chains, char **ret, struct err *e);

/* A domain that is never started: of the snapshot's machine type, with these disks, in their order,
 * under names of its own. libvirt makes overlays of them for it. */
int xml_revert_scratch(const char *snapshot, const char *name, const char *uuid,
                       const struct xml_moved *disks, size_t n, char **ret, struct err *e);

/* The snapshot of that domain which makes the new files. */
int xml_revert_overlays(const struct xml_moved *disks, size_t n, char **ret, struct err *e);

#endif
