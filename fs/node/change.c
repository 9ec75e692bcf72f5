/* SPDX-License-Identifier: GPL-3.0-or-later */
/* change.c - mkdir, rmdir and writes, and the requests that are refused. No lock is held over a
 * verb. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "model/create/input.h"
#include "model/verbs.h"
#include "node/dirs.h"
#include "node/tree.h"

int snapshot_make(struct tree *t, const struct view *dir, const char *name, struct view *ret,
                  struct text *remark, struct err *e)
{
    uint64_t ident;
    const char *uuid = dir->place.uuid;
    int r = verb_create(t->model, uuid, dir->place.snapshot, name, &ident, remark, e);
    if (r < 0)
        return r;
    struct place p = place_make(PLACE_SNAPSHOT, uuid, ident, 0);
    r = tree_view(t, &p, ret, e);
    if (r < 0)
        return err_fail(e, -r, "the snapshot '%s' was made, but cannot be seen now", name);
    return 0;
}

/* Fails on a read-only mount. The kernel takes such a mount for a writable one, because .cow files
 * can be written. */
int tree_check_readonly(const struct tree *t, struct err *e)
{
    return model_readonly(t->model) ? err_fail(e, EROFS, "the mount is read-only") : 0;
}

int tree_may_write(const struct tree *t, const struct view *v, struct err *e)
{
    if (v->place.cow)
        return 0;
    if (!v->row || !v->row->store)
        return err_fail(e, EROFS, "this file is read-only");
    return tree_check_readonly(t, e);
}

int tree_refuse_size(struct err *e)
{
    return err_fail(e, EPERM,
                    "a .cow file keeps the size of its disk, so it cannot be truncated; 'dd' takes "
                    "'conv=notrunc'");
}

static int refuse_directory(struct err *e)
{
    return err_fail(e, EPERM,
                    "no directory can be made here; a snapshot is made in 'snapshots' or in "
                    "the directory of the snapshot that it follows");
}

int snapshot_make_flat(struct tree *t, const struct view *dir, const char *name, struct view *ret,
                       struct text *remark, struct err *e)
{
    if (!model_is_flat(t->model))
        return refuse_directory(e);
    const struct snapshot *current = dir->domain->current;
    struct view parent = *dir;
    parent.place.snapshot = current ? current->ident : 0;
    return snapshot_make(t, &parent, name, ret, remark, e);
}

int tree_mkdir(struct tree *t, const struct place *dir, const char *name, struct view *ret,
               struct text *remark, struct err *e)
{
    autoview struct view v = {0};
    int r = tree_check_readonly(t, e);
    if (r == 0)
        r = tree_view(t, dir, &v, e);
    if (r < 0)
        return r;
    if (!dir_ops_of(&v)->make)
        return refuse_directory(e);
    if (strlen(name) > NAME_BYTES_MAX)
        return err_fail(e, ENAMETOOLONG, "a name here has at most %d bytes", NAME_BYTES_MAX);
    return dir_ops_of(&v)->make(t, &v, name, ret, remark, e);
}

int snapshot_remove(struct tree *t, const struct view *child, struct text *remark, struct err *e)
{
    if (child->place.kind != PLACE_SNAPSHOT)
        return err_fail(
            e, ENOTDIR,
            "this is a link to the snapshot's directory; write an empty line to its 'delete' file");
    if (bar_holds(&t->bar, child->domain, child->snapshot, clock_ns()))
        return err_fail(e, ENOTEMPTY,
                        "a file in this snapshot's directory was to be removed less than %d "
                        "seconds ago, which looks like a recursive remove; to delete the snapshot "
                        "wait and rmdir its directory alone",
                        BAR_SECONDS);
    return verb_delete(t->model, child->place.uuid, child->place.snapshot, remark, e);
}

int tree_rmdir(struct tree *t, const struct place *dir, const char *name, struct text *remark,
               struct err *e)
{
    autoview struct view v = {0};
    int r = tree_check_readonly(t, e);
    if (r == 0)
        r = tree_view(t, dir, &v, e);
    if (r < 0)
        return r;
    const struct dir_ops *ops = dir_ops_of(&v);
    if (!ops->remove)
        return err_fail(e, EPERM, "only a snapshot's directory can be removed, not '%s'", name);
    struct found found;
    r = tree_lookup(t, &v, name, &found, e);
    if (r < 0)
        return r;
    r = ops->remove(t, &found.view, remark, e);
    view_drop(&found.view);
    return r;
}

/* Takes the written bytes as text, without the last newline. Fails if they have a NUL. */
static int words_of(const struct row *row, const char *data, size_t len, char **ret, struct err *e)
{
    bool document = row->documents && input_kind(data) != INPUT_WORDS;
    if (len > VERB_WORDS_MAX && !document)
        return err_fail(e, EINVAL, "one write has at most %d bytes here, this one had %zu",
                        VERB_WORDS_MAX, len);
    if (memchr(data, '\0', len))
        return err_fail(e, EINVAL, "a NUL byte cannot be written here");
    if (len && data[len - 1] == '\n')
        len--;
    char *words = strndup(data, len);
    if (!words)
        return err_nomem(e);
    *ret = words;
    return 0;
}

int tree_store(struct tree *t, const struct place *file, const char *data, size_t len,
               struct text *remark, struct err *e)
{
    autoview struct view v = {0};
    autofree char *words = NULL;
    int r = tree_view(t, file, &v, e);
    if (r < 0)
        return r;
    r = tree_may_write(t, &v, e);
    if (r < 0)
        return r;
    r = words_of(v.row, data, len, &words, e);
    return r < 0 ? r : v.row->store(t, &v, words, remark, e);
}

/* Returns the kind of the entry `name`; a directory's kind if it cannot be determined. */
static enum place_kind kind_of(struct tree *t, const struct view *dir, const char *name)
{
    struct found found;
    struct err ignored;
    if (tree_lookup(t, dir, name, &found, &ignored) < 0)
        return found.is_image ? PLACE_IMAGE : PLACE_ROOT;
    enum place_kind kind = found.view.place.kind;
    view_drop(&found.view);
    return kind;
}

int tree_unlink(struct tree *t, const struct place *dir, const char *name, struct err *e)
{
    autoview struct view v = {0};
    /* Note the refusal first: a place that cannot be viewed now must not escape the bar. */
    if (dir->kind == PLACE_SNAPSHOT)
        bar_note(&t->bar, dir->snapshot, clock_ns());
    int r = tree_check_readonly(t, e);
    if (r == 0)
        r = tree_view(t, dir, &v, e);
    if (r < 0)
        return r;
    enum place_kind kind = kind_of(t, &v, name);
    if (dir->kind == PLACE_SNAPSHOT || kind == PLACE_FILE || place_is_image(kind))
        return err_fail(e, EROFS,
                        "'%s' cannot be removed: files here are read-only; rmdir the directory of "
                        "a snapshot to delete it",
                        name);
    return err_fail(e, EPERM, "'%s' cannot be removed", name);
}

int tree_rename(struct tree *t, const struct place *dir, const char *name, struct err *e)
{
    autoview struct view v = {0};
    int r = tree_check_readonly(t, e);
    if (r == 0)
        r = tree_view(t, dir, &v, e);
    if (r < 0)
        return r;
    if (place_is_image(kind_of(t, &v, name)))
        return err_fail(e, EROFS, "the image '%s' is read-only and cannot be renamed", name);
    return err_fail(e, EPERM, "'%s' cannot be renamed: libvirt's snapshots keep their names", name);
}
