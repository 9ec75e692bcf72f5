/* SPDX-License-Identifier: GPL-3.0-or-later */
/* graph.h - the file graph: whose bytes stand in which file, and through which chain.
 *
 * A user is something whose bytes must stay: a snapshot's disk, a qcow2 tag that no snapshot owns,
 * a domain's live disk, an overlay that was made for a snapshot and that no disk is on any more (it
 * may be that of a disk that was detached), an image that no domain has, a loop device. Its chain
 * lists files from the top down. An internal
 * user (a tag) has its bytes in the tag's own clusters of the top file, which writes to that file
 * leave alone; below the top it stands on whole files as any other.
 *
 * Pure data: no libvirt, no file is opened. One thread builds it, then it is only read.
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

/* The file's number; the same for the same device and inode, or, where ino is 0 (it does not
 * exist), the same path. `format` may be NULL where it is not known; the first known one is kept.
 * Negative without memory. */
int graph_file(struct graph *g, const char *path, const char *format, uint64_t dev, uint64_t ino);
/* Two files that may be one, seen through two file systems (twins.h): who uses one uses the other.
 */
void graph_pair(struct graph *g, int a, int b);
/* Are they one file, or may they be? */
bool graph_same(const struct graph *g, int a, int b);
/* The least number of those that may be that file. */
int graph_first(const struct graph *g, int file);
/* The number of a file that is known, else GRAPH_NO_FILE. */
int graph_find(const struct graph *g, uint64_t dev, uint64_t ino);
size_t graph_n_files(const struct graph *g);
const char *graph_file_path(const struct graph *g, int file);
const char *graph_file_format(const struct graph *g, int file);

struct graph_user {
    const char *domain;   /* its name */
    const char *snapshot; /* its name; NULL = the live disk, or a tag without a snapshot */
    const char *target;   /* "vda"; of a loose or found one and of a loop device its path; "" of a
                             tag, and of the snapshots whose XML cannot be read, which are one user
                             without a chain */
    const char *tag;      /* internal: the tag's name in the top file; else NULL */
    const char *tag_id;   /* that tag's id, NULL where it was not found */
    const char
        *mount_path; /* a clone: the chain ends in this file of a snapfs mount, as a path from
                             the mounted tree's root; else NULL */
    bool
        left; /* a tag that a copy has left over (storage/file_marks.h), whose bytes nobody needs */
    bool incomplete;   /* something is wrong with the chain, and */
    bool may_continue; /* it may go on below what was found, to any file */
    bool volume;       /* its XML names the top file as a volume of a pool */
    bool unattached;   /* an overlay that no disk is on; of no domain */
    bool again;        /* another chain of the user before it, which has the same bytes */
    bool found;        /* an image that no domain has, or a tag in one (strangers.h) */
    bool loop;         /* a loop device */
};

/* Is it a domain's live disk? */
bool graph_is_live(const struct graph_user *u);

/* Adds a user with its chain of files, top first; strings and array are copied. false without
 * memory. */
bool graph_add(struct graph *g, const struct graph_user *u, const int *chain, size_t n);

/* Notes a domain that libvirt has, by the name of its directory; false without memory. Is it one
 * (NULL: no)? */
bool graph_add_domain(struct graph *g, const char *coded);
bool graph_has_domain(const struct graph *g, const char *coded);

/* Adds a user with that part of the chain of user `like` which begins with `file`. */
bool graph_add_tail(struct graph *g, const struct graph_user *u, size_t like, int file);

size_t graph_n_users(const struct graph *g);
const struct graph_user *graph_user(const struct graph *g, size_t i);
/* File number `depth` layers below the top of user i's chain, GRAPH_NO_FILE past its end. */
int graph_chain(const struct graph *g, size_t i, size_t depth);

/* How deep the file, or one that may be it, stands in that chain; SIZE_MAX for not at all. */
size_t graph_depth(const struct graph *g, size_t i, int file);

/* Is that very entry of a snapshot table a user already? */
bool graph_has_tag(const struct graph *g, int file, const char *tag, const char *tag_id);

/* Whose bytes change when the whole of `file` is written to or removed? Calls `each` for every user
 * that reads through it, or may as far as can be told, but for those that only have a tag of theirs
 * in it. With `removed` also those. */
void graph_users_of(const struct graph *g, int file, bool removed,
                    void (*each)(void *ctx, const struct graph_user *u, size_t i), void *ctx);

/* "snapshot 'e2' of domain 'web01' (vda)", "tag 'x' in '/a.qcow2'", "the live disk vda of domain
 * 'c'". */
void graph_describe(const struct graph *g, size_t i, struct text *out);

#endif
