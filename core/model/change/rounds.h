/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rounds.h - asks the settler (change/settler.h) for a round. An operation uses this, because it
 * does not know the settler. */
#ifndef SNAPFS_MODEL_CHANGE_ROUNDS_H
#define SNAPFS_MODEL_CHANGE_ROUNDS_H

#include <stdbool.h>
#include <stdint.h>

struct rounds;

struct rounds *rounds_new(void);    /* NULL without memory */
void rounds_free(struct rounds *r); /* NULL allowed */

/* Asks for a round, because an operation has left its journal. */
void rounds_ask(struct rounds *r);

/* Ends the rounds: no further round comes. */
void rounds_end(struct rounds *r);
bool rounds_are_over(struct rounds *r);

/* Waits until a round is asked for or, with `until`, until that time (clock_ns). Returns false if
 * no further round comes. */
bool rounds_rest(struct rounds *r, uint64_t until);

#endif
