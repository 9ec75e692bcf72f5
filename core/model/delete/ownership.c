/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ownership.c - whether an ordinary user can look at a domain's files after libvirt has given them
 * to its own user. libvirt does that when the domain starts. Also whether other users will trust
 * what the user notes of a merge. No locks. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/delete/plan.h"
#include "model/state.h"
#include "model/storage/file_marks.h"
#include "model/storage/removable.h"
#include "virt/shared.h"

static int check_file(const char *path, struct err *e)
{
    struct stat st;
    if (stat(path, &st) < 0 || (st.st_mode & S_IROTH))
        return 0;
    return err_fail(
        e, EACCES,
        "cannot merge: libvirt would start the domain and give '%s' to its own user, and this user "
        "could not look at it; nothing was done; let everyone read it, or use a mount by root",
        path);
}

int delete_check_ownership(const struct model *m, const struct survey *v, const struct domain *d,
                           struct err *e)
{
    int r = 0, file;
    for (size_t i = 0; virt_is_anothers(m->virt) && r == 0 && i < v->live->n_disks; i++) {
        int user = survey_user(v, d, NULL, v->live->disks[i].target);
        for (size_t k = 0; r == 0 && user >= 0; k++) {
            file = graph_chain(v->graph, (size_t)user, k);
            if (file < 0)
                break;
            r = check_file(graph_file_path(v->graph, file), e);
        }
    }
    return r;
}

/* Checks that other users will trust this user's note. A mark on the file counts, but libvirt gives
 * the file away when it starts the domain. A kept record counts from a user who may replace the
 * file (journal/kept.h). */
static int check_note(const char *path, bool active, struct err *e)
{
    if (!*path || removable_by(geteuid(), path) || (active && mark_is_possible(path)))
        return 0;
    return err_fail(
        e, EACCES,
        "cannot merge: this user cannot mark '%s', nor write to its directory, so other "
        "users' mounts would take its snapshots for spoilt; nothing was done; use a "
        "mount by root",
        path);
}

int delete_check_notes(const struct model *m, const struct delete *del, bool active, struct err *e)
{
    int r = 0;
    for (size_t i = 0; virt_is_anothers(m->virt) && r == 0 && i < del->n; i++) {
        r = check_note(del->disks[i].base, active, e);
        if (r == 0)
            r = check_note(del->disks[i].above, active, e);
    }
    return r;
}
