/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reclaim.c - see change/reclaim.h. No locks of its own: called under the domain's operation. */
#include "model/change/reclaim.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_id.h"
#include "image/qemu_locks.h"
#include "model/change/own_tags.h"
#include "model/graph/left_files.h"
#include "model/change/later.h"
#include "model/journal/kept_marks.h"
#include "model/state.h"
#include "model/graph/users.h"
#include "model/storage/overlay_name.h"
#include "model/storage/removable.h"
#include "virt/shared.h"
#include "virt/xml.h"
#include "virt/xml_revert.h"

void reclaim_drop(struct reclaim *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->items[i].path);
    free(l->items);
    *l = (struct reclaim){0};
}

struct reclaim reclaim_take(struct reclaim *l)
{
    struct reclaim taken = *l;
    *l = (struct reclaim){0};
    return taken;
}

static bool add(struct reclaim *l, const char *path, enum left what, uint64_t dev, uint64_t ino)
{
    if (!mem_room(l->items, l->n))
        return false;
    l->items[l->n] = (struct unused_file){strdup(path), what, dev, ino};
    return l->items[l->n].path && ++l->n;
}

int reclaim_note(struct reclaim *l, const char *path, enum left what, struct err *e)
{
    struct stat st;
    if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    return add(l, path, what, st.st_dev, st.st_ino) ? 0 : err_nomem(e);
}

/* ---- chains ---- */

static bool names(const struct xml_snapshot_disk *disks, size_t n, const char *path)
{
    size_t len = strlen(path);
    for (size_t i = 0; i < n; i++) {
        const char *overlay = disks[i].overlay.path;
        if (overlay && !strncmp(overlay, path, len) &&
            (!overlay[len] || !strcmp(overlay + len, XML_REVERT_NONE)))
            return true;
    }
    return false;
}

bool reclaim_is_overlay(const struct domain *d, const char *path, const char *below)
{
    for (size_t i = 0; i < d->n; i++) {
        const struct xml_snapshot *x = d->all[i].parsed;
        if (names(x->disks, x->n_disks, path) || names(x->revert_disks, x->n_revert_disks, path))
            return true;
    }
    return overlay_is_named_so(path, below) || later_is_overlay(d->kept, path);
}

int reclaim_note_chain(struct reclaim *l, const struct survey *v, const struct domain *d, int user,
                       struct err *e)
{
    int r = 0;
    bool mount_path = user >= 0 && graph_user(v->graph, (size_t)user)->mount_path;
    for (size_t k = 0; r == 0 && user >= 0; k++) {
        int file = graph_chain(v->graph, (size_t)user, k);
        int below = file < 0 ? file : graph_chain(v->graph, (size_t)user, k + 1);
        const char *path = file < 0 ? NULL : graph_file_path(v->graph, file);
        bool overlay = below >= 0 && reclaim_is_overlay(d, path, graph_file_path(v->graph, below));
        if (file < 0 || users_unattached(v, file) != SIZE_MAX ||
            (!overlay && (mount_path || !marks_is_made(d->kept, path))))
            break;
        r = reclaim_note(l, path, k || !overlay ? LEFT_BELOW : LEFT_TOP, e);
    }
    return r;
}

int reclaim_note_live(struct reclaim *l, const struct survey *v, const struct domain *d,
                      struct err *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < v->live->n_disks; i++)
        r = reclaim_note_chain(l, v, d, survey_user(v, d, NULL, v->live->disks[i].target), e);
    return r;
}

int reclaim_check_new(const struct model *m, const char *path, struct err *e)
{
    return virt_is_anothers(m->virt) ? removable_check(path, e) : 0;
}

int reclaim_check(const struct model *m, const struct reclaim *l, struct err *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < l->n; i++)
        if (l->items[i].what != LEFT_DETACHED)
            r = reclaim_check_new(m, l->items[i].path, e);
    return r;
}

/* ---- removing ---- */

/* Notes that the file is left, so that a later survey looks at it again. */
static void note_left(const struct survey *v, const struct unused_file *file)
{
    if (v->live && v->live->uuid && file->what != LEFT_MEMORY)
        left_files_note(v->virt, v->live->uuid, file->path);
}

/* Returns whether the user is a disk of the domain. Such files are not reported. */
static bool is_own_disk(const struct survey *v, size_t user)
{
    const struct graph_user *u = graph_user(v->graph, user);
    return v->live && graph_is_live(u) && !strcmp(u->domain, v->live->name);
}

/* Returns whether the user is expected. libvirt tells of the others that need a file below. */
static bool is_expected(const struct survey *v, const struct unused_file *file, size_t user)
{
    const struct graph_user *u = graph_user(v->graph, user);
    if (file->what == LEFT_BELOW)
        return !u->found && !u->loop;
    return is_own_disk(v, user);
}

static bool is_needed(const struct survey *v, const struct unused_file *file, const struct stat *st,
                      enum users_how how, struct text *remark)
{
    size_t user = SIZE_MAX;
    struct err why;
    if (file->what == LEFT_MEMORY && names_has(v->names, file->path)) {
        text_add(remark, "; '%s' is left, because something else names it", file->path);
        return true;
    }
    if (users_find(v, file->path, st, how, &user, &why) < 0) {
        text_add(remark, "; '%s' is left: %s", file->path, why.text);
        return true;
    }
    if (user == SIZE_MAX)
        return false;
    if (is_expected(v, file, user))
        return true;
    text_add(remark, "; '%s' is left for ", file->path);
    graph_describe(v->graph, user, remark);
    note_left(v, file);
    return true;
}

/* Tells that the file of a detached disk stays. Nothing else of that disk may be left. */
static bool is_detached(const struct unused_file *file, struct text *remark)
{
    if (file->what == LEFT_DETACHED)
        text_add(remark, "; '%s' is left, because its disk was detached", file->path);
    return file->what == LEFT_DETACHED;
}

/* Makes the last checks, on the file itself. */
static bool may_go(const struct survey *v, const struct unused_file *file, const struct stat *st,
                   const char *original, struct text *remark)
{
    autotext struct text why = {0};
    if (!S_ISREG(st->st_mode) || !file_has_id(st, file->dev, file->ino))
        text_add(&why, "because it is another file now");
    else if (file->what != LEFT_UNUSED && image_is_open(file->path))
        text_add(&why, "because a QEMU has it open");
    else
        own_tags_are_kept(file->path, original, &v->left, &why);
    if (!why.len && !why.failed)
        return true;
    text_add(remark, "; '%s' is left: %s", file->path, why.failed ? "no memory" : why.s);
    note_left(v, file);
    return false;
}

static bool remove_file(const struct survey *v, const struct unused_file *file, enum users_how how,
                        const char *original, struct text *remark)
{
    struct stat st;
    if (lstat(file->path, &st) < 0)
        return true;
    if (is_detached(file, remark) || is_needed(v, file, &st, how, remark) ||
        !may_go(v, file, &st, original, remark))
        return false;
    if (unlink(file->path) < 0)
        text_add(remark, "; '%s' is left: %s", file->path, strerrordesc_np(errno));
    else
        text_add(remark, "; '%s' is removed", file->path);
    return lstat(file->path, &st) < 0;
}

bool reclaim_file(const struct survey *v, const struct unused_file *file, bool sure,
                  struct text *remark)
{
    return remove_file(v, file, sure ? USERS_SURE : USERS_MAYBE, NULL, remark);
}

int reclaim_drop_own(struct model *m, struct domain *d, const struct reclaim_own *files, size_t n,
                     struct text *remark, struct err *e)
{
    struct survey v;
    struct stat st;
    autofree const char **paths = calloc(n + 1, sizeof(*paths));
    if (!paths)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++)
        paths[i] = files[i].path;
    int r = survey_files(m, d, paths, n, &v, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++) {
        struct unused_file file = {.path = files[i].path, .what = files[i].what};
        if (lstat(file.path, &st) < 0)
            continue;
        file.dev = st.st_dev;
        file.ino = st.st_ino;
        remove_file(&v, &file, files[i].original ? USERS_BUT_OWN_TAGS : USERS_SURE,
                    files[i].original, remark);
    }
    survey_drop(&v);
    return 0;
}

/* Hands the survey on to the caller. It first takes the removed files out of the graph. Otherwise
 * they would count as overlays that no disk is on. */
static void hand_on(struct survey *v, const struct reclaim *removed, struct survey *ret)
{
    bool known = true;
    for (size_t i = 0; known && i < removed->n; i++) {
        const struct unused_file *file = &removed->items[i];
        known = survey_forget(v, file->path, file->dev, file->ino);
    }
    if (!known)
        return;
    survey_drop(ret);
    *ret = survey_take(v);
}

/* Removes each file, unless a user may need the file, as far as snapfs can tell. */
int reclaim_remove(struct model *m, struct domain *d, const struct reclaim *l,
                   struct survey *ret_survey, struct text *remark, struct err *e)
{
    autosurvey struct survey v = {0};
    bool all = true;
    autofree const char **paths = calloc(l->n + 1, sizeof(*paths));
    if (!paths)
        return err_nomem(e);
    if (!l->n)
        return 0;
    for (size_t i = 0; i < l->n; i++)
        paths[i] = l->items[i].path;
    int r = survey_files(m, d, paths, l->n, &v, e);
    if (r < 0)
        return r;
    virt_sync_records(m->virt, d->name);
    for (size_t i = 0; i < l->n; i++)
        all &= reclaim_file(&v, &l->items[i], false, remark);
    if (v.unseen)
        text_add(remark, "%s", v.unseen);
    if (ret_survey && all)
        hand_on(&v, l, ret_survey);
    return 0;
}
