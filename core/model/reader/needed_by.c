/* SPDX-License-Identifier: GPL-3.0-or-later */
/* needed_by.c - see reader/needed_by.h. No locks. */
#include "model/reader/needed_by.h"

#include <errno.h>

#include "base/text.h"
#include "model/graph/usage_cache.h"
#include "model/state.h"

static void add_line(void *ctx, const char *user)
{
    text_line(ctx, "%s", user);
}

static int check(const struct usage *o, const struct domain *d, const struct snapshot *s,
                 struct err *e)
{
    const struct err *failure = o ? usage_failure(o) : NULL;
    if (failure)
        return err_fail(e, failure->no, "cannot determine what uses this snapshot: %s",
                        failure->text);
    if (!o || !usage_knows(o, d, s))
        return err_fail(e, ETIMEDOUT,
                        "cannot determine what uses this snapshot yet; read 'needed-by' again "
                        "later");
    return 0;
}

int model_needed_by(struct model *m, const struct domain *d, const struct snapshot *s, char **ret,
                    size_t *ret_len, struct err *e)
{
    struct usage *o autodestroy(usage_unref) = usage_cache_ask(m->usage_cache, d, s);
    autotext struct text t = {0};
    size_t n = 0;
    int r = check(o, d, s, e);
    if (r == 0)
        r = usage_needed_by(o, d, s, NEEDED_BY_MAX, add_line, &t, &n, e);
    if (r < 0)
        return r;
    if (n > NEEDED_BY_MAX)
        text_add(&t, "%zu more\n", n - NEEDED_BY_MAX);
    if (usage_n_missing(o))
        text_add(&t, "perhaps more: domains or files that cannot be read: %zu\n",
                 usage_n_missing(o));
    *ret = text_take(&t, ret_len);
    return *ret ? 0 : err_nomem(e);
}
