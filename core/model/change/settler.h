/* SPDX-License-Identifier: GPL-3.0-or-later */
/* settler.h - the thread that undoes or finishes what was cut off, beside a mount.
 *
 * The thread looks at all journals when it begins, and again when an operation of this process has
 * left one, as long as libvirt does not answer. On a domain it has the place of an operation, so
 * that others wait for it.
 */
#ifndef SNAPFS_MODEL_CHANGE_SETTLER_H
#define SNAPFS_MODEL_CHANGE_SETTLER_H

#include <stdbool.h>

#include "base/error.h"
#include "base/mem.h"

struct model;
struct settler;

struct settler *settler_new(struct model *m); /* without a thread; NULL without memory */

/* Starts the thread, once, unless settler_stop has been called. False: no thread could be made. */
bool settler_start(struct settler *s);

/* Ends the thread at the next step's boundary. Two threads must not call it at once. */
void settler_stop(struct settler *s);
void settler_free(struct settler *s); /* NULL allowed */

#endif
