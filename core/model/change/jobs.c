/* jobs.c - see jobs.h. No locks. */
#include "model/change/jobs.h"

#include <errno.h>
#include <string.h>

#include "model/catalog.h"
#include "virt/job.h"

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
