/* SPDX-License-Identifier: GPL-3.0-or-later */
/* model.h - the catalog: what libvirt knows of domains and snapshots, as immutable values.
 *
 * A `struct domain` is one domain as it was at one moment, read from libvirt in one go, refcounted
 * and never changed: a listing that began with one keeps it. model_domain gives one that is at most
 * `cache` seconds old. The verbs (verbs.h) make changes; the next model_domain sees them.
 */
#ifndef SNAPFS_MODEL_MODEL_H
#define SNAPFS_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"

struct image;
struct model;
struct stray;
struct xml_snapshot;

struct model_options {
    const char *uri; /* NULL = libvirt's default */
    bool readonly;
    uint64_t cache_ns;        /* how old a domain or the list of domains may be */
    const char *const *globs; /* only domains whose name matches one (fnmatch); n_globs 0 = all */
    size_t n_globs;
    const char *const *allow; /* directories whose files a backing chain may name */
    size_t n_allow;
    bool untouched; /* reader/modified.h */
    bool flat;      /* every snapshot's real directory stands in by-name/ */
    const char
        *create; /* what mkdir makes, words (create/words.h) joined by ':'; NULL = the default */
    /* Takes a line for the program's log of what was done without being asked; may be NULL. */
    void (*say)(bool failed, const char *line);
};

/* Connects to libvirt. Called after the last fork. The options' strings must outlive the model. */
int model_open(const struct model_options *o, struct model **ret, struct err *e);
void model_close(struct model *m); /* NULL allowed */
MEM_CLEANUP(struct model, model_close)
const char *model_uri(const struct model *m);
bool model_readonly(const struct model *m);

bool model_is_flat(const struct model *m);

/* Begins to undo or finish the operations that a crash has cut off, of all domains, on a thread of
 * its own, which goes on with those that this process leaves while libvirt does not answer. What
 * comes of it stands in the domains' logs. Never of a read-only model. */
void model_recover(struct model *m);
/* Ends that at the next step's boundary; what is left then is for the next mount. */
void model_recover_stop(struct model *m);

/* ---- the list of domains ---- */

struct domain_name {
    char *name, *coded; /* coded: as its directory is named */
    char uuid[37];
};

struct domain_list { /* refcounted, sorted by coded */
    size_t n;
    struct domain_name *items;
    uint64_t fresh_until; /* CLOCK_MONOTONIC, ns */
    unsigned refs;
};

int model_domains(struct model *m, struct domain_list **ret, struct err *e);
void domain_list_unref(struct domain_list *l); /* NULL allowed */
MEM_CLEANUP(struct domain_list, domain_list_unref)

/* The uuid of the domain whose directory is `coded`, and until when (CLOCK_MONOTONIC, ns) that may
 * be remembered. ENOENT. It waits for no other domain: libvirt may be busy with one whose disk lies
 * on an image of ours, and wait for this very answer. */
int model_domain_find(struct model *m, const char *coded, char ret_uuid[37], uint64_t *ret_until,
                      struct err *e);

/* ---- one domain ---- */

/* A disk that the snapshot captured, or the memory that was saved with it. */
struct snapshot_disk {
    char *target;     /* "vda"; the file is TARGET.raw, and coded as it is when odd; or "memory" */
    char *file;       /* the directory entry's name, "vda.raw" */
    const char *path; /* where its bytes are, or a URI; borrowed from the snapshot's document */
    const char *format;
    const char *tag; /* internal: the snapshot's name, else NULL */
    bool memory;
    int no;           /* 0, or the errno why it cannot be found out where they are, and */
    char *reason;     /* the sentence */
    bool absent;      /* a memory that none of the snapshot's files has */
    bool unsupported; /* by its kind: XML alone tells that it can never be read */
    uint64_t ident;   /* another one when the bytes may be others */
    uint64_t state;   /* of its file, as far as another boot leaves it */
    uint64_t number;  /* for st_ino: as ident, and lasting (catalog/numbers.h) */
    size_t probe;     /* its place in the domain's probes (reader/open.c) */
    /* A tag that libvirt does not know (reader/unmanaged.h), else NULL. */
    const struct stray *stray;
};

struct snapshot {
    const struct snapshot_doc *doc; /* catalog/document.h */
    const char *name, *coded, *xml; /* borrowed from doc; `coded` as the directory is named */
    size_t xml_len;
    const struct xml_snapshot *parsed;
    struct snapshot *parent;    /* NULL for a root */
    struct snapshot **children; /* sorted by coded */
    size_t n_children, n_descendants;
    bool in_by_name;             /* its real directory stands in by-name/ (flat and deep trees) */
    size_t path_len, path_depth; /* of its real directory's path below the domain's directory */
    uint64_t ident;              /* another one when re-made, or when its bytes may be others */
    uint64_t number;             /* for st_ino: as ident, and lasting (catalog/numbers.h) */
    struct snapshot_disk *disks; /* only those the snapshot captured, sorted by target */
    size_t n_disks, n_images;    /* n_images: with the memory, which stands behind the disks */
    /* Not a snapshot, but tags that libvirt does not know: the newest of them; else NULL. */
    const struct stray *stray;
};

struct domain {
    char *name, *coded, *xml;
    char uuid[37];
    const char *state; /* "running", "shut off", …; static storage */
    bool active, persistent;
    bool forgets_alone;         /* its libvirt can ABLE_FORGET_ALONE (catalog/capability.h) */
    size_t n, n_unreadable;     /* snapshots; and those whose XML cannot be read, left out */
    struct snapshot *all;       /* in libvirt's order */
    struct snapshot **by_coded; /* n of them, sorted */
    struct snapshot **by_ident; /* n of them, sorted */
    struct snapshot **by_name;  /* n of them, sorted */
    struct snapshot **roots;    /* sorted by coded */
    size_t n_roots;
    struct snapshot *current;  /* NULL for none */
    uint64_t ident;            /* stable: of the uuid */
    uint64_t fresh_until;      /* CLOCK_MONOTONIC, ns; 0 with cache=0 */
    size_t n_listed;           /* snapshots as libvirt counted them, */
    uint64_t stamp;            /* and of their files (virt_stamp); 0 when these do not tell */
    uint64_t print;            /* a hash of all that is shown of it */
    struct timespec seen;      /* when it was first read so */
    uint64_t asked_ns;         /* since 1970: before libvirt was asked for it */
    struct snapshot **links;   /* what roots and children point into */
    struct probes *probes;     /* reader/open.c */
    struct named_files *named; /* reader/policy.c */
    struct volumes *volumes;   /* storage/volumes.h */
    uint64_t counted;          /* in the budget, of what is not its documents' */
    struct unmanaged *unmanaged;
    struct kept *kept; /* journal/kept.h; NULL for nothing */
    unsigned refs;
};

/* ENOENT when there is no such domain (any more). */
int model_domain(struct model *m, const char *uuid, struct domain **ret, struct err *e);
/* The same, read from libvirt now whatever its age. */
int model_domain_now(struct model *m, const char *uuid, struct domain **ret, struct err *e);
struct domain *domain_ref(struct domain *d);
void domain_unref(struct domain *d); /* NULL allowed */
MEM_CLEANUP(struct domain, domain_unref)

const struct snapshot *domain_find_coded(const struct domain *d, const char *coded);
const struct snapshot *domain_find_ident(const struct domain *d, uint64_t ident);
const struct snapshot *domain_find_name(const struct domain *d, const char *name);

/* Is `s` below `above` in the tree? */
bool snapshot_is_below(const struct snapshot *s, const struct snapshot *above);
/* Finds in this value of the domain the snapshot that `was` is, one of an earlier value: that of
 * its name and creation time. NULL if it is gone, also if another one has its name. */
const struct snapshot *domain_find_same(const struct domain *d, const struct snapshot *was);
const struct snapshot_disk *snapshot_find_disk(const struct snapshot *s, const char *file);

struct timespec snapshot_seen(const struct snapshot *s);    /* when its XML was first read so */
const char *snapshot_description(const struct snapshot *s); /* borrowed; NULL for none */
int64_t snapshot_created(const struct snapshot *s);         /* seconds since 1970 */

/* The path of its real directory below the domain's, "snapshots/base/updates"; of NULL "snapshots".
 */
void snapshot_path(const struct snapshot *s, struct text *out);

/* ---- images ---- */

struct image_facts {
    uint64_t size;      /* bytes, virtual size at the snapshot */
    uint64_t allocated; /* bytes, the cheap figure */
};

/* Can this image be read, and how big is it? Opens headers only; remembered with `d`. The errno and
 * sentence when it cannot be read; *ret is filled then as well, with the last known size, unless
 * err_is_want. */
int model_image_facts(struct model *m, struct domain *d, const struct snapshot *s,
                      const struct snapshot_disk *disk, struct image_facts *ret, struct err *e);

/* Returns how many bytes the images that were looked at have allocated, of all domains. Asks
 * nobody. */
uint64_t model_allocated(struct model *m);

/* Does libvirt's daemon have other files than we see, so that no image can be read? */
bool model_is_elsewhere(struct model *m);

/* Opens it for reading; ESTALE when the file no longer holds what `disk->ident` names. */
int model_image_open(struct model *m, struct domain *d, const struct snapshot *s,
                     const struct snapshot_disk *disk, struct image **ret, struct err *e);

/* After one could not be opened or read: says so in `e` where a verb of this mount, which may be
 * why, is at work on the domain. */
void model_blame_verb(struct model *m, const char *uuid, struct err *e);

/* An image of that domain is closed, or a read of it has failed with ESTALE: those of its files
 * that have changed while it was open, or that another program can write to, are remembered. */
void model_image_changed(struct model *m, const char *uuid, struct image *im);

/* ---- texts, each owned by the caller ---- */

/* The `info` file: "Key: value" lines. */
int model_info(struct model *m, struct domain *d, const struct snapshot *s, char **ret,
               size_t *ret_len, struct err *e);

/* The `needed-by` file: a line for each user of the snapshot's files, in any domain, NEEDED_BY_MAX
 * at most. ETIMEDOUT while that is not known yet. */
enum { NEEDED_BY_MAX = 1000 };
int model_needed_by(struct model *m, const struct domain *d, const struct snapshot *s, char **ret,
                    size_t *ret_len, struct err *e);

/* The domain's `log`: its last operations (activity/log.h). Empty when there were none. */
int model_log(struct model *m, const char *uuid, char **ret, size_t *ret_len, struct err *e);
/* Counts the files that the log has begun anew. */
unsigned model_log_edition(struct model *m, const char *uuid);
/* When the last of them was; false when there was none. */
bool model_log_time(struct model *m, const char *uuid, struct timespec *ret);

/* The domain's `job`: what runs on it and how far it is, or "none". Takes PROGRESS_WAIT_MS at most,
 * also while libvirt or QEMU hangs. */
int model_job(struct model *m, const struct domain *d, char **ret, size_t *ret_len, struct err *e);
/* Since when it is so; false when nothing was ever seen to run. */
bool model_job_time(struct model *m, const char *uuid, struct timespec *ret);

#endif
