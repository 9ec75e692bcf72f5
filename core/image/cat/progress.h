/* SPDX-License-Identifier: GPL-3.0-or-later */
/* progress.h - how far a copy is, as a bar on the terminal. One thread. */
#ifndef SNAPFS_IMAGE_CAT_PROGRESS_H
#define SNAPFS_IMAGE_CAT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool shown;       /* standard error is a terminal */
    uint64_t started; /* milliseconds */
    unsigned columns; /* of the line that was written last */
};

void progress_start(struct progress *p);

/* Draws `done` of `all` bytes dealt with, of which `copied` were data. */
void progress_draw(struct progress *p, uint64_t done, uint64_t all, uint64_t copied);

/* Takes the bar away again. */
void progress_clear(struct progress *p);

#endif
