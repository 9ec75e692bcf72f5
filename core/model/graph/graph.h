/* SPDX-License-Identifier: GPL-3.0-or-later */
/* graph.h - the file graph: which users have their bytes in which file, and through which chain.
 *
 * A user is something whose bytes must stay:
 *
 *   - a snapshot's disk, or a qcow2 tag that no snapshot owns;
 *   - a domain's live disk;
 *   - an unattached overlay: an overlay that was made for a snapshot, and that no disk is on any
 *     more (its disk may have been detached);
 *   - an image that no domain has;
 *   - a loop device.
 *
 * Its chain lists files from the top down. An internal user (a tag) has its bytes in the tag's own
 * clusters of the top file. Writes to that file leave these clusters alone. Below the top, a tag
 * uses whole files, as any other user does.
 *
 * Pure data: no libvirt, no file is opened. One thread builds it and reads it.
 */
#ifndef SNAPFS_MODEL_GRAPH_GRAPH_H
#define SNAPFS_MODEL_GRAPH_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/text.h"

struct graph;

struct graph *graph_new(void);    /* NULL without memory */
void graph_free(struct graph *g); /* NULL allowed */
MEM_CLEANUP(struct graph, graph_free)

enum { GRAPH_NO_FILE = -1 };

/* Returns the file's number, and adds the file if it is new. The same device and inode always have
 * the same number. If `ino` is 0 (the file does not exist), the same path always has the same
 * number. If the format is not known, `format` is NULL; the graph keeps the first known format.
 * Negative without memory. */
int graph_file(struct graph *g, const char *path, const char *format, uint64_t dev, uint64_t ino);
/* Pairs two files that may be one file, seen through two file systems (twins.h). A user of one of
 * them also uses the other. */
void graph_pair(struct graph *g, int a, int b);
/* Returns whether `a` and `b` are one file, or may be one file. */
bool graph_same(const struct graph *g, int a, int b);
/* Returns the lowest number among the files that may be that file. */
int graph_first(const struct graph *g, int file);
/* Returns the number of a file that is known, else GRAPH_NO_FILE. */
int graph_find(const struct graph *g, uint64_t dev, uint64_t ino);
size_t graph_n_files(const struct graph *g);
const char *graph_file_path(const struct graph *g, int file);
const char *graph_file_format(const struct graph *g, int file);

struct graph_user {
    const char *domain;   /* its name */
    const char *snapshot; /* its name; NULL = the live disk, or a tag without a snapshot */
    const char *target;   /* "vda"; the path of an unattached or found one and of a loop device; ""
                             for a tag, and for the snapshots whose XML cannot be read, which are
                             one user without a chain */
    const char *tag;      /* internal: the tag's name in the top file; else NULL */
    const char *tag_id;   /* that tag's id, NULL if it was not found */
    const char
        *mount_path; /* a clone: the chain ends in this file of a snapfs mount, as a path from
                             the mounted tree's root; else NULL */
    bool
        left; /* a tag that a copy has left over (storage/file_marks.h); its bytes are not needed */
    bool incomplete;   /* something is wrong with the chain */
    bool may_continue; /* the chain may go on below what was found, to any file */
    bool volume;       /* its XML names the top file as a volume of a pool */
    bool unattached;   /* an overlay that no disk is on; it has no domain */
    bool again;        /* another chain of the previous user, for the same bytes */
    bool found;        /* an image that no domain has, or a tag in one (strangers.h) */
    bool loop;         /* a loop device */
};

/* Returns whether the user is a domain's live disk. */
bool graph_is_live(const struct graph_user *u);

/* Adds a user with its chain of files, top first; copies strings and array. Returns false without
 * memory. */
bool graph_add(struct graph *g, const struct graph_user *u, const int *chain, size_t n);

/* graph_add_domain notes a domain that libvirt has, by the name of its directory; false without
 * memory. graph_has_domain returns whether such a domain has that name; false if `coded` is
 * NULL. */
bool graph_add_domain(struct graph *g, const char *coded);
bool graph_has_domain(const struct graph *g, const char *coded);

/* Adds a user. Its chain is the part of user `like`'s chain that begins with `file`. */
bool graph_add_tail(struct graph *g, const struct graph_user *u, size_t like, int file);

/* Forgets a file that was removed, and each user whose chain had this file at the top. The numbers
 * of other users change. The numbers of files do not change. */
void graph_forget(struct graph *g, int file);

size_t graph_n_users(const struct graph *g);
const struct graph_user *graph_user(const struct graph *g, size_t i);
/* Returns the number of the file `depth` layers below the top of user i's chain. Past the end of
 * the chain, returns GRAPH_NO_FILE. */
int graph_chain(const struct graph *g, size_t i, size_t depth);

/* Returns how deep the file is in that chain, or a file that may be the same file. If the chain has
 * no such file, returns SIZE_MAX. */
size_t graph_depth(const struct graph *g, size_t i, int file);

/* Returns whether exactly that entry of a snapshot table is already a user. */
bool graph_has_tag(const struct graph *g, int file, const char *tag, const char *tag_id);

/* Calls `each` for every user whose bytes change if the whole of `file` is written to or removed.
 * These are the users that read through the file, and those that may, as far as snapfs can tell. A
 * user that only has a tag in the file counts only with `removed`. */
void graph_users_of(const struct graph *g, int file, bool removed,
                    void (*each)(void *ctx, const struct graph_user *u, size_t i), void *ctx);

/* Describes the user: "snapshot 'e2' of domain 'web01' (vda)", "tag 'x' in '/a.qcow2'", "the live
 * disk vda of domain 'c'". */
void graph_describe(const struct graph *g, size_t i, struct text *out);

#endif
