/* SPDX-License-Identifier: GPL-3.0-or-later */
/* disk_chains.h - all qcow2 files that the disks of a domain and of its snapshots use, each file
 * once. */
#ifndef SNAPFS_MODEL_READER_DISK_CHAINS_H
#define SNAPFS_MODEL_READER_DISK_CHAINS_H

#include "model/catalog/domain.h"
#include "virt/xml.h"

struct model;

struct chain_file {
    char *path;
    uint64_t dev, ino;
};

/* A file in a chain of one disk. */
struct chain_use {
    size_t file;
    const char *target; /* borrowed from the domain, or from `live` */
};

/* Another path of a file. */
struct chain_name {
    char *path;
    size_t file;
};

struct chains {
    size_t n_files, n_uses, n_names;
    struct chain_file *files;
    struct chain_use *uses; /* those of the live disks first, each chain from the top down */
    struct chain_name *names;
};

/* Follows the chains (backing.h) of the live disks, then of the snapshots' disks. `live` has the
 * domain's disks and must outlive *ret.
 *
 * snapfs follows a chain as far as the domain's policy and known formats lead. It stops at a file
 * of unknown format, because a guest could have written anything below that. A disk that is a slice
 * of a file, or is on another host, has no chain here. A file that cannot be opened ends its chain.
 * Fails only for lack of memory or descriptors.
 */
int chains_read(struct model *m, struct domain *d, const struct xml_domain *live,
                struct chains *ret, struct err *e);
void chains_drop(struct chains *c);

/* Returns the number of the file at that path, or -1 if it is not one of them. */
int chains_find(const struct chains *c, const char *path);

#endif
