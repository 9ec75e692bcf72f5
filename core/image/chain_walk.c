/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chain_walk.c - see chain_walk.h. No locks. */
#include "image/chain_walk.h"

#include <errno.h>
#include <string.h>

#include "image/file.h"

static int by_header(const struct image_policy *policy, const char *path,
                     const struct chain_header *h, struct image_source *ret, struct err *e)
{
    if (h->wrong)
        return err_fail(e, h->wrong->no, "%s", h->wrong->text);
    if (!h->backing)
        return 0;
    const char *format = h->format;
    bool given = format && *format;
    if (policy && policy->format && (!given || !strcmp(format, "raw"))) {
        const char *named = policy->format(policy->ctx, h->backing);
        format = given && !(named && !strcmp(named, "luks")) ? format : named;
    }
    given = format && *format;
    *ret = (struct image_source){.path = h->backing, .format = given ? format : NULL};
    if (given)
        return 1;
    return err_fail(e, EINVAL,
                    "format of backing image '%s' of image '%s' was not specified in the image "
                    "metadata; record it with: qemu-img rebase -u -F FORMAT -b '%s' '%s'",
                    h->backing, path, h->backing, path);
}

/* Tells whether the file is there. If the policy forbids a look, or the look fails, the file counts
 * as there. */
static bool is_there(const struct chain_walk *w, const char *path, struct stat *ret)
{
    struct file_seen seen = {0};
    struct err why;
    int r = file_see(path, w->policy, &seen, &why);
    *ret = seen.st;
    return r != -ENOENT && r != -ENOTDIR;
}

static bool is_same(const struct chain_walk *w, const char *a, const char *b)
{
    struct stat x, y;
    if (!a || !b || !strcmp(a, b))
        return a && b;
    return is_there(w, a, &x) && is_there(w, b, &y) && x.st_ino && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

const struct image_below *chain_more(const struct chain_walk *w)
{
    bool more = !w->by_headers && w->next < w->source->n_below;
    return more ? &w->source->below[w->next] : NULL;
}

/* Tells whether the backing file of this snapshot was pulled into the active state. The clusters of
 * such a snapshot read zeros for data that was in the backing file. */
static bool was_pulled(const struct chain_walk *w, const struct chain_header *h)
{
    return !w->next && (w->source->tag || w->source->id) && !h->backing && !h->wrong;
}

/* Handles a layer of the source that is missing. If the header leaves the layer out, the layer was
 * merged and removed. The header then tells which later layer of the source follows, or that none
 * of them counts any more. */
static int pass_over(struct chain_walk *w, const char *path, const struct chain_header *h,
                     struct err *e)
{
    struct stat ignored;
    const char *gone = w->source->below[w->next].path;
    if (was_pulled(w, h) || (h->backing && !is_there(w, h->backing, &ignored)))
        return err_fail(
            e, EIO, "'%s', the backing file of '%s' by the XML, is not there, nor is %s%s%s", gone,
            path, h->backing ? "'" : "the backing file of its snapshot known",
            h->backing ? h->backing : "", h->backing ? "', its backing file by the header" : "");
    w->gone = w->gone ? w->gone : gone;
    do
        w->next++;
    while (w->next < w->source->n_below && !is_same(w, w->source->below[w->next].path, h->backing));
    w->by_headers = w->next == w->source->n_below;
    return 0;
}

static int take_below(struct chain_walk *w, const struct image_below *b, const char *format,
                      struct image_source *ret)
{
    *ret = (struct image_source){.path = b->path, .format = b->format ? b->format : format};
    w->next++;
    return 1;
}

/* Asks the policy whether the header counts, and not the source's layer `b`. At the end of the
 * source's chain, `b` is NULL. */
static int header_counts(const struct chain_walk *w, const char *path, const struct chain_header *h,
                         const struct image_below *b, struct err *e)
{
    const struct image_policy *p = w->policy;
    bool ask = h->backing && p && p->header_counts;
    return ask ? p->header_counts(p->ctx, path, h->backing, b ? b->path : NULL, e) : 0;
}

int chain_next(struct chain_walk *w, const char *path, const struct chain_header *h,
               struct image_source *ret, struct err *e)
{
    struct stat ignored;
    for (const struct image_below *b; (b = chain_more(w));) {
        if (!b->path)
            return take_below(w, b, NULL, ret);
        if (is_same(w, b->path, h->backing))
            return take_below(w, b, h->format, ret);
        bool there = is_there(w, b->path, &ignored);
        int r = there ? header_counts(w, path, h, b, e) : pass_over(w, path, h, e);
        if (r < 0)
            return r;
        if (r == 1)
            break;
        if (there)
            return take_below(w, b, NULL, ret);
    }
    if (!w->by_headers && !chain_more(w) && w->source->ends) {
        int r = header_counts(w, path, h, NULL, e);
        if (r <= 0)
            return r;
    }
    return by_header(w->policy, path, h, ret, e);
}

int chain_fail(const struct chain_walk *w, int r, struct err *e)
{
    if ((r != -ENOENT && r != -ENOTDIR) || !w->gone)
        return r;
    struct err why = *e;
    return err_fail(e, EIO, "%s; the XML names '%s' as backing file, and that file is missing, too",
                    why.text, w->gone);
}
