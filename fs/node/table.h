/* SPDX-License-Identifier: GPL-3.0-or-later */
/* table.h - the kernel's node ids and the places they stand for.
 *
 * A node keeps its id when what it stands for has another place, but the number (st_ino) that lasts
 * over an operation made here: an open file, and the kernel's pages of it, go on.
 *
 * Ids come from a counter and are never used twice, so a late request for a forgotten node meets
 * ESTALE and never another file. The root is id 1 from the start and is never forgotten. A node
 * also remembers the image that was opened last through it, while it is open anywhere, so that its
 * attributes need no libvirt. All functions may be called from any thread.
 */
#ifndef SNAPFS_NODE_TABLE_H
#define SNAPFS_NODE_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/mem.h"
#include "image/image.h"
#include "node/place.h"

enum { TABLE_ROOT_ID = 1 };

struct table;

struct table *table_new(void); /* NULL without memory */
void table_free(struct table *t);
MEM_CLEANUP(struct table, table_free)

/* The id of a place, new or known, with one lookup more on it. `number` is its st_ino: a node that
 * had it before stands for this place from now on. */
int table_lookup(struct table *t, const struct place *p, uint64_t number, uint64_t *ret_id,
                 struct err *e);

/* Takes `count` lookups back; the last one frees the id. An unknown id is passed over. */
void table_forget(struct table *t, uint64_t id, uint64_t count);

/* The place of an id. ESTALE when there is none. */
int table_place(struct table *t, uint64_t id, struct place *ret, struct err *e);
/* The st_ino that the node had at its last lookup; 0 when there is none. */
uint64_t table_number(struct table *t, uint64_t id);

/* What the kernel has in memory of an image's bytes, to who opens it. */
enum table_pages {
    PAGES_RIGHT, /* of the same files */
    PAGES_OLD,   /* maybe of others, which nobody has open: to be dropped */
    PAGES_OTHER, /* of others that somebody has open: neither may see the other's */
};

/* An image was opened through this node: keeps a reference and its attributes until the last
 * table_image_closed. True when none was open. */
bool table_image_opened(struct table *t, uint64_t id, struct image *im, const struct stat *st,
                        enum table_pages *ret);
void table_image_closed(struct table *t, uint64_t id);

/* One that is open through this node is read from other files now, by `im` in the place of `old`,
 * with the same bytes. */
void table_image_renewed(struct table *t, uint64_t id, struct image *old, struct image *im);

/* The kernel has dropped them: from now on they are right. */
void table_pages_dropped(struct table *t, uint64_t id);

/* The attributes of a node with an open image, and a reference to that image. False: none is. */
bool table_image(struct table *t, uint64_t id, struct stat *ret_st, struct image **ret_im);

/* Nodes known, the root among them. */
uint64_t table_count(struct table *t);

#endif
