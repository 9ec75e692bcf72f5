/* SPDX-License-Identifier: GPL-3.0-or-later */
/* disk_chains.h - every qcow2 file that a domain's disks and those of its snapshots stand on, each
 * once.
 */
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

/* Follows the chains (backing.h) of the live disks and then of the snapshots', as far as the
 * domain's policy and known formats lead: below a file whose format nobody gives a guest could have
 * written anything. A disk that is a slice of a file, or on another host, has no chain here. What
 * cannot be opened ends its chain; only want of memory or descriptors fails. With the domain's
 * disks in `live`, which must outlive it. */
int chains_read(struct model *m, struct domain *d, const struct xml_domain *live,
                struct chains *ret, struct err *e);
void chains_drop(struct chains *c);

/* The number of the file of that path; -1 when it is none of them. */
int chains_find(const struct chains *c, const char *path);

#endif
