/* SPDX-License-Identifier: GPL-3.0-or-later */
/* progress.h - the progress of a copy, as a bar on the terminal. One thread. */
#ifndef SNAPFS_IMAGE_CAT_PROGRESS_H
#define SNAPFS_IMAGE_CAT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool shown;       /* standard error is a terminal */
    uint64_t started; /* milliseconds */
    unsigned columns; /* of the last line written */
};

void progress_start(struct progress *p);

/* Draws `done` of `all` bytes, of which `copied` were data. */
void progress_draw(struct progress *p, uint64_t done, uint64_t all, uint64_t copied);

/* Removes the bar. */
void progress_clear(struct progress *p);

#endif
