/* SPDX-License-Identifier: GPL-3.0-or-later */
/* copy.c - snapfs-cat --output: a sparse copy. A copy that is not whole never looks whole. */
#include <errno.h>

#include "base/mem.h"
#include "image/cat/crew.h"
#include "image/cat/interrupt.h"
#include "image/cat/output.h"

/* Copies the part that must come last, in this thread, once all the rest is in the file. */
static int copy_rest(struct crew *c, const struct target *t, struct err *e)
{
    autofree char *buf = malloc(CREW_PIECE);
    return buf ? crew_copy(c, c->begin + target_body(t), c->end, buf, e) : err_nomem(e);
}

static int copy_all(struct crew *c, const struct target *t, struct err *e)
{
    struct progress p;
    progress_start(&p);
    int r = crew_run(c, &p, e);
    progress_clear(&p);
    if (r == 0)
        r = copy_rest(c, t, e);
    /* Each read was checked, but the holes are right only if nothing has changed. */
    return r == 0 ? image_check(c->im, e) : r;
}

static int copy_range(struct image *im, struct target *t, uint64_t begin, uint64_t end,
                      struct err *e)
{
    struct crew c;
    int r = target_begin(t, e);
    if (r < 0)
        return r;
    crew_init(&c, im, t, begin, end);
    r = copy_all(&c, t, e);
    crew_drop(&c);
    return r;
}

int output_copy(struct image *im, const struct cat_options *o, struct err *e)
{
    struct target t;
    uint64_t end = output_end(im, o), begin = min_u64(o->offset, end);
    interrupts_note();
    int r = target_open(&t, o, end - begin, e);
    if (r == 0)
        r = copy_range(im, &t, begin, end, e);
    if (r == 0)
        r = target_finish(&t, e);
    if (r < 0)
        target_abandon(&t, e);
    target_close(&t);
    return r;
}
