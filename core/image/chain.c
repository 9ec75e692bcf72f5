/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chain.c - finds the layer that has a byte, and tells whether the chain's data is still right. */
#include "image/chain.h"

#include <errno.h>

#include "image/run.h"

int chain_run(struct image *im, uint64_t offset, uint64_t limit, bool holes, struct chain_run *ret,
              struct err *e)
{
    *ret = (struct chain_run){.run.length = limit};
    for (unsigned depth = 0;; depth++) {
        ret->depth = depth;
        int r = layer_run(im->layers[depth], offset, ret->run.length, holes, &ret->run, e);
        if (r < 0)
            return r;
        ret->present = ret->run.kind != RUN_UNALLOCATED;
        if (ret->present)
            return 0;
        if (depth + 1 == im->n || offset >= im->layers[depth + 1]->size)
            break;
    }
    ret->run.kind = RUN_ZERO;
    ret->run.has_host = false;
    return 0;
}

int chain_alive(const struct image *im, struct err *e)
{
    if (!atomic_load(&im->dead))
        return 0;
    return err_fail(e, ESTALE, "'%s': the snapshot has gone or its files were changed",
                    im->layers[0]->file->path);
}

int chain_check(struct image *im, const struct chain_set *used, struct err *e)
{
    int r = im->layers[0]->live ? layer_check(im->layers[0], e) : 0;
    unsigned first = im->layers[0]->live ? 1 : 0;
    for (unsigned i = first; r == 0 && i < im->n; i++)
        if (!used || chain_set_has(used, i))
            r = layer_check(im->layers[i], e);
    if (r == -ESTALE)
        atomic_store(&im->dead, true);
    return r;
}

int chain_check_first(struct image *im, unsigned n, struct err *e)
{
    struct chain_set asked = {0};
    for (unsigned i = 0; i < n; i++)
        chain_set_add(&asked, i);
    return chain_check(im, &asked, e);
}
