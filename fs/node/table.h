/* SPDX-License-Identifier: GPL-3.0-or-later */
/* table.h - the kernel's node ids and their places in the tree.
 *
 * An operation by snapfs may give an object another place, but its number (st_ino) stays. Its node
 * then keeps its id, so that an open file and the kernel's pages of it go on. Ids come from a
 * counter and are never used twice. So a late request for a forgotten node gets ESTALE, and never
 * another file. The root is id 1 from the start and is never forgotten.
 *
 * A node also remembers the image that was opened last through it, as long as it is open anywhere.
 * So its attributes need no libvirt. Any thread may call any function.
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

/* Returns the id of a place, new or known, and adds one lookup to it. `number` is the place's
 * st_ino. A node that had this number before gets this place. */
int table_lookup(struct table *t, const struct place *p, uint64_t number, uint64_t *ret_id,
                 struct err *e);

/* Takes `count` lookups back. The last one frees the id. An unknown id is ignored. */
void table_forget(struct table *t, uint64_t id, uint64_t count);

/* Returns the place of an id. If there is no such id, it fails with ESTALE. */
int table_place(struct table *t, uint64_t id, struct place *ret, struct err *e);
/* Returns the st_ino that the node had at its last lookup; 0 if there is no node. */
uint64_t table_number(struct table *t, uint64_t id);

/* The kernel's pages of an image, as seen by a new open. */
enum table_pages {
    PAGES_RIGHT, /* of the same files */
    PAGES_OLD,   /* may be of other files; the image is not open, so drop them */
    PAGES_OTHER, /* of other files; the image is open, so opens must not share pages */
};

/* Notes that an image was opened through this node. It keeps a reference and the attributes until
 * the last table_image_closed. Returns true if none was open. */
bool table_image_opened(struct table *t, uint64_t id, struct image *im, const struct stat *st,
                        enum table_pages *ret);
void table_image_closed(struct table *t, uint64_t id);

/* Notes that an image, open through this node, is now read from other files with the same bytes.
 * `im` replaces `old`. */
void table_image_renewed(struct table *t, uint64_t id, struct image *old, struct image *im);

/* Notes that the kernel has dropped its pages, so that its later pages are right. */
void table_pages_dropped(struct table *t, uint64_t id);

/* Returns the attributes of a node with an open image, and a reference to that image. Returns false
 * if no image is open. */
bool table_image(struct table *t, uint64_t id, struct stat *ret_st, struct image **ret_im);

/* Counts the known nodes, including the root. */
uint64_t table_count(struct table *t);

#endif
