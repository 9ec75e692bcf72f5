/* SPDX-License-Identifier: GPL-3.0-or-later */
/* in_use.c - see in_use.h. No locks of its own. */
#include "model/delete/in_use.h"

#include <errno.h>

#include "base/clock.h"
#include "model/activity/task.h"
#include "model/reader/holders.h"
#include "model/reader/open_marks.h"
#include "model/state.h"

enum { LOOK_AGAIN_MS = 20, FILES_SHOWN_MAX = 4 };

static int fail_in_use(const struct domain *d, const struct snapshot *s,
                       const struct open_files *files, struct err *e)
{
    autotext struct text names = {0}, holders = {0};
    for (size_t i = 0; i < files->n && i < FILES_SHOWN_MAX; i++)
        text_add(&names, "%s'%s'", i ? ", " : "", files->items[i].file);
    holders_describe(d, s, files, &holders);
    if (names.failed || holders.failed)
        return err_nomem(e);
    return err_fail(e, EBUSY,
                    "%s%s of snapshot '%s' %s open: %s; close %s, or write 'force' to the "
                    "snapshot's 'delete' file",
                    names.s, files->n > FILES_SHOWN_MAX ? " and more" : "", s->name,
                    files->n > 1 ? "are" : "is", holders.s, files->n > 1 ? "them" : "it");
}

/* Adds the file that another mount has open, unless it is known already by another name. */
static int add_file(struct open_files *files, struct open_file *other, struct err *e)
{
    bool known = !other->file;
    for (size_t i = 0; i < files->n; i++)
        known |= files->items[i].ino == other->ino;
    struct open_file *more = known ? NULL : mem_grow(files->items, files->n, sizeof(*more));
    if (!more) {
        free(other->file);
        return known ? 0 : err_nomem(e);
    }
    files->items = more;
    more[files->n++] = *other;
    return 0;
}

/* Returns 0 if no image is open. Otherwise returns -EAGAIN and the open images, of this mount and
 * of others. */
static int look(struct model *m, const struct domain *d, const struct snapshot *s,
                struct open_files *ret, struct open_mark **ret_mark, struct err *e)
{
    struct open_file other = {0};
    int64_t created = snapshot_created(s);
    int r = open_images_list(m, d, s, ret, e);
    if (r < 0 || ret->n || m->is_test)
        return r < 0 ? r : ret->n ? -EAGAIN : 0;
    r = open_mark_claim(m, d->uuid, s->name, created, ret_mark, &other, e);
    if (r == -EAGAIN && add_file(ret, &other, e) < 0)
        return -e->no;
    return r;
}

int in_use_check(struct model *m, const struct domain *d, const struct snapshot *s,
                 struct open_mark **ret, struct err *e)
{
    uint64_t until = clock_ns() + IN_USE_WAIT_MS * CLOCK_MS;
    for (;;) {
        struct open_mark *mark autodestroy(open_mark_drop) = NULL;
        autofiles struct open_files files = {0};
        int r = look(m, d, s, &files, &mark, e);
        if (r == 0 && ret) {
            open_mark_deleting(mark);
            *ret = take(mark);
        }
        if (r != -EAGAIN)
            return r;
        if (clock_ns() >= until)
            return fail_in_use(d, s, &files, e);
        r = task_rest(LOOK_AGAIN_MS, e);
        if (r < 0)
            return r;
    }
}

static bool is_below(const struct snapshot *s, const struct snapshot *top)
{
    while (s && s != top)
        s = s->parent;
    return s != NULL;
}

int in_use_check_below(struct model *m, const struct domain *d, const struct snapshot *top,
                       bool itself, struct err *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < d->n; i++) {
        const struct snapshot *s = &d->all[i];
        if (is_below(s, top) && (itself || s != top))
            r = in_use_check(m, d, s, NULL, e);
    }
    return r;
}
