/* SPDX-License-Identifier: GPL-3.0-or-later */
/* domain.h - one domain and its snapshots as libvirt knows them, as an immutable value.
 *
 * A `struct domain` is one domain as it was at one moment, read from libvirt in one go. It is
 * refcounted and never changes. A listing keeps the value that it began with.
 */
#ifndef SNAPFS_MODEL_CATALOG_DOMAIN_H
#define SNAPFS_MODEL_CATALOG_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"
#include "model/catalog/document.h"

struct kept;
struct model;
struct untracked_tag;
struct volumes;

/* A disk that the snapshot captured, or the memory that was saved with it. */
struct snapshot_disk {
    char *target;     /* "vda"; the file is TARGET.raw, with odd characters coded; or "memory" */
    char *file;       /* the directory entry's name, "vda.raw" */
    const char *path; /* where its bytes are, or a URI; borrowed from the snapshot's document */
    const char *format;
    const char *tag; /* internal: the snapshot's name, else NULL */
    bool memory;
    int no;           /* 0, or the errno for why its bytes cannot be found */
    char *reason;     /* the message for it */
    bool absent;      /* a memory that no file of the snapshot has */
    bool unsupported; /* snapfs can never read a disk of this kind, by the XML alone */
    uint64_t ident;   /* changes when the bytes may have changed */
    uint64_t state;   /* the state of its file, as far as it survives another boot */
    uint64_t number;  /* for st_ino: as ident, and lasting (catalog/numbers.h) */
    size_t probe;     /* its place in the domain's probes (reader/probes.c) */
    /* A tag that libvirt does not know (reader/unmanaged.h), else NULL. */
    const struct untracked_tag *untracked_tag;
};

struct snapshot {
    const struct snapshot_doc *doc; /* catalog/document.h */
    const char *name, *coded, *xml; /* borrowed from doc; `coded` as the directory is named */
    size_t xml_len;
    const struct xml_snapshot *parsed;
    struct snapshot *parent;    /* NULL for a root */
    struct snapshot **children; /* sorted by coded */
    size_t n_children, n_descendants;
    bool in_by_name;             /* its real directory is in by-name/ (flat and deep trees) */
    size_t path_len, path_depth; /* of its real directory's path below the domain's directory */
    uint64_t ident;              /* changes if it is made again, or if its bytes may have changed */
    uint64_t number;             /* for st_ino: as ident, and lasting (catalog/numbers.h) */
    struct snapshot_disk *disks; /* only those the snapshot captured, sorted by target */
    size_t n_disks, n_images;    /* n_images: with the memory, which is behind the disks */
    /* If this stands for tags that libvirt does not know, the newest of these tags; else NULL. */
    const struct untracked_tag *untracked_tag;
};

/* The reader's memory of a domain, made with the domain; it has locks of its own. */
struct domain;

enum slot { SLOT_PROBES, SLOT_NAMED_FILES, SLOT_UNMANAGED, DOMAIN_SLOTS };

struct slot_kind {
    void *(*make)(const struct domain *d); /* NULL without memory */
    void (*drop)(void *value);
    /* Copies into the new `value` what `before` remembers. Both are of a domain with the same
     * fingerprint. May be NULL. */
    void (*inherit)(void *value, void *before);
};

struct domain_slot {
    void *value; /* NULL: none, as in a test */
    const struct slot_kind *kind;
};

struct domain {
    char *name, *coded, *xml;
    char uuid[37];
    const char *state; /* "running", "shut off", …; static storage */
    bool active, persistent;
    bool forgets_alone;         /* its libvirt has CAN_FORGET_ALONE (catalog/capability.h) */
    size_t n, n_unreadable;     /* snapshots; n_unreadable more have XML that cannot be read */
    struct snapshot *all;       /* in libvirt's order */
    struct snapshot **by_coded; /* n of them, sorted */
    struct snapshot **by_ident; /* n of them, sorted */
    struct snapshot **by_name;  /* n of them, sorted */
    struct snapshot **roots;    /* sorted by coded */
    size_t n_roots;
    struct snapshot *current; /* NULL for none */
    uint64_t ident;           /* stable: made of the uuid */
    uint64_t fresh_until;     /* CLOCK_MONOTONIC, ns; 0 with cache=0 */
    size_t n_listed;          /* snapshots as libvirt counted them */
    uint64_t stamp;           /* stamp of their files (virt_stamp); 0 if snapfs has none */
    uint64_t fingerprint;     /* a hash of all that is shown of the domain */
    struct timespec seen;     /* when this value was first read */
    uint64_t asked_ns;        /* since 1970: the moment before libvirt was asked for it */
    struct snapshot **links;  /* what roots and children point into */
    struct volumes *volumes;  /* storage/volumes.h */
    uint64_t counted;         /* in the budget, without its documents */
    struct domain_slot slots[DOMAIN_SLOTS];
    struct kept *kept; /* journal/kept.h; NULL for nothing */
    unsigned refs;
};

struct domain *domain_ref(struct domain *d);
void domain_unref(struct domain *d); /* NULL allowed */
MEM_CLEANUP(struct domain, domain_unref)

/* Compare two pointers to snapshots: the orders of by_coded, by_name and by_ident. */
int domain_cmp_coded(const void *a, const void *b);
int domain_cmp_name(const void *a, const void *b);
int domain_cmp_ident(const void *a, const void *b);

const struct snapshot *domain_find_coded(const struct domain *d, const char *coded);
const struct snapshot *domain_find_ident(const struct domain *d, uint64_t ident);
const struct snapshot *domain_find_name(const struct domain *d, const char *name);

/* Returns whether `s` is below `above` in the tree. */
bool snapshot_is_below(const struct snapshot *s, const struct snapshot *above);
/* Finds the snapshot `was` of an earlier value of the domain in this value, by name and creation
 * time. Returns NULL if the snapshot is gone, even if another snapshot has its name. */
const struct snapshot *domain_find_same(const struct domain *d, const struct snapshot *was);
const struct snapshot_disk *snapshot_find_disk(const struct snapshot *s, const char *file);

struct timespec snapshot_seen(const struct snapshot *s);    /* when this XML of it was first read */
const char *snapshot_description(const struct snapshot *s); /* borrowed; NULL for none */
int64_t snapshot_created(const struct snapshot *s);         /* seconds since 1970 */

/* Adds the path of its real directory below the domain's, "snapshots/base/updates"; "snapshots" for
 * NULL. */
void snapshot_path(const struct snapshot *s, struct text *out);

/* Returns the path of the overlay that was made with the snapshot on the disk of that target, if
 * its document tells one; else NULL. Borrowed. */
const char *snapshot_overlay(const struct snapshot *s, const char *target);

/* Makes the name of that disk's file, "vda.raw"; owned by the caller. NULL without memory. */
char *domain_disk_file(const char *target);

/* Returns the hash that tells the snapshot from others, as long as its bytes are the same. */
uint64_t domain_name_hash(const char *uuid, const struct snapshot *s);

/* Returns the ident of one disk of a snapshot, from the hash of its file's content. */
uint64_t domain_disk_ident(const char *uuid, const struct snapshot *s, const char *target,
                           uint64_t file_hash);

#endif
