/* SPDX-License-Identifier: GPL-3.0-or-later */
/* denied.c - see denied.h. */
#include "model/graph/denied.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void denied_note(struct denied *d, int no, const char *path)
{
    if (!d->path && (no == EACCES || no == EPERM))
        d->path = strdup(path);
}

void denied_drop(struct denied *d)
{
    free(d->path);
    d->path = NULL;
}
