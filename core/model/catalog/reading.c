/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reading.c - see catalog/reading.h. */
#include "model/catalog/reading.h"

#include <errno.h>

#include "base/clock.h"

int reading_begin(struct reading *r, struct err *e)
{
    uint64_t asked = clock_ns();
    pthread_mutex_lock(&r->lock);
    if (r->late_at < asked)
        return 0;
    int late = err_fail(e, r->late.no, "%s", r->late.text);
    pthread_mutex_unlock(&r->lock);
    return late;
}

void reading_end(struct reading *r, int result, const struct err *e)
{
    if (result == -ETIMEDOUT) {
        r->late_at = clock_ns();
        r->late = *e;
    }
    pthread_mutex_unlock(&r->lock);
}
