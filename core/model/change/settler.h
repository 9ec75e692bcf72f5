/* SPDX-License-Identifier: GPL-3.0-or-later */
/* settler.h - the thread that undoes or finishes what was cut off, beside a mount.
 *
 * It looks at all journals when it begins, and again when an operation of this process has left
 * one, as long as libvirt does not answer. On a domain it has the place of an operation, so that
 * others wait for it.
 */
#ifndef SNAPFS_MODEL_CHANGE_SETTLER_H
#define SNAPFS_MODEL_CHANGE_SETTLER_H

#include "base/error.h"
#include "base/mem.h"

struct model;
struct settler;

/* NULL without memory or a thread. */
struct settler *settler_new(struct model *m);

/* An operation has left its journal. NULL allowed, and one that is stopped. */
void settler_ask(struct settler *s);

/* Ends the thread at the next step's boundary. Not by two threads at once; NULL allowed. */
void settler_stop(struct settler *s);
void settler_free(struct settler *s); /* NULL allowed */

#endif
