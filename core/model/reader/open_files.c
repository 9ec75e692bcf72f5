/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open_files.c - see reader/open_files.h. */
#include "model/reader/open_files.h"

#include <stdlib.h>

void open_files_drop(struct open_files *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->items[i].file);
    free(f->items);
    *f = (struct open_files){0};
}
