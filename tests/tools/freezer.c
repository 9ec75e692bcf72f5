/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Freezes a domain's file systems through core/virt with the given time limit, and thaws them.
 * Usage: freezer URI UUID SECONDS; prints "ok", or the errno's name and the sentence. */
#include <stdio.h>
#include <stdlib.h>

#include "virt/virt.h"

int main(int argc, char **argv)
{
    struct virt *v = NULL;
    struct err e;
    if (argc != 4)
        return 2;
    int r = virt_open(argv[1], false, &v, &e);
    int seconds = (int)strtol(argv[3], NULL, 10);
    if (!r)
        r = virt_freeze(v, argv[2], seconds, &e);
    if (!r)
        r = virt_thaw(v, argv[2], seconds, &e);
    if (r)
        printf("%s: %s\n", err_name(e.no), e.text);
    else
        puts("ok");
    virt_close(v);
    return 0;
}
