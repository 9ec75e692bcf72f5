/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ownership.c - may an ordinary user look at a domain's files once libvirt has given them to its
 * own user, as it does when the domain starts? No locks. */
#include <errno.h>
#include <sys/stat.h>

#include "model/delete/plan.h"
#include "model/state.h"
#include "virt/shared.h"

static int check_file(const char *path, struct err *e)
{
    struct stat st;
    if (stat(path, &st) < 0 || (st.st_mode & S_IROTH))
        return 0;
    return err_fail(e, EACCES,
                    "cannot merge: the domain is started for that, and libvirt gives '%s' to its "
                    "own user then, so that this user could not look at it; nothing was done; let "
                    "everyone read it, or ask a mount by root for it",
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
