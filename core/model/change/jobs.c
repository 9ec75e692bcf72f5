/* SPDX-License-Identifier: GPL-3.0-or-later */
/* jobs.c - see jobs.h. No locks. */
#include "model/change/jobs.h"

#include <errno.h>
#include <string.h>

#include "model/activity/task.h"
#include "model/state.h"
#include "virt/commit.h"
#include "virt/job.h"
#include "virt/xml.h"

int jobs_check_create(struct model *m, const struct domain *d, struct err *e)
{
    static const char *const barring[] = {"backup", "pull", "copy", "commit"};
    struct virt_job job = {0};
    int r = d->active ? virt_job_look(m->virt, d->uuid, &job, e) : 0;
    for (size_t i = 0; r == 0 && job.operation && i < sizeof(barring) / sizeof(*barring); i++)
        if (!strcmp(job.operation, barring[i]))
            return err_fail(
                e, EBUSY,
                "a job is under way on the domain: %s; wait until it has ended, or abort "
                "it with 'virsh %s'",
                job.operation, i ? "blockjob --abort" : "domjobabort");
    return r;
}

/* ---- waiting ---- */

enum { IDLE_LOOK_MS = 100 };

static int wait_for_disk(struct model *m, const char *uuid, const char *target, struct err *e)
{
    struct virt_block_job job;
    int r = virt_block_job(m->virt, uuid, target, &job, e);
    return r < 0 && err_is_open(e) ? r : 0;
}

static bool is_awaited(const struct virt_job *job)
{
    return job->operation &&
           (!strcmp(job->operation, "snapshot") || !strcmp(job->operation, "revert"));
}

/* Asks about each disk: libvirt answers when it has finished all except a memory that it saves. */
int jobs_wait(struct model *m, const struct domain *d, struct err *e)
{
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    struct virt_job job = {0};
    int r = xml_domain_parse(d->xml, &x, e);
    for (size_t i = 0; r == 0 && i < x->n_disks; i++)
        r = *x->disks[i].source.type ? wait_for_disk(m, d->uuid, x->disks[i].target, e) : 0;
    do
        r = r == 0 ? virt_job_look(m->virt, d->uuid, &job, e) : r;
    while (r == 0 && is_awaited(&job) && (r = task_rest(IDLE_LOOK_MS, e)) == 0);
    return r;
}
