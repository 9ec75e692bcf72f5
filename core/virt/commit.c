/* SPDX-License-Identifier: GPL-3.0-or-later */
/* commit.c - see commit.h. No locks of its own. */
#include "virt/commit.h"

#include <errno.h>

#include <libvirt/virterror.h>

#include "virt/errors.h"
#include "virt/internal.h"

struct disk_call {
    const char *target, *base, *top;
    unsigned flags;
    struct virt_block_job job;
    int (*act)(virDomainPtr dom, struct disk_call *c); /* returns libvirt's own result */
};

static int op_disk(struct virt *v, virDomainPtr dom, void *arg, struct err *e)
{
    struct disk_call *c = arg;
    return c->act(dom, c) < 0 ? virt_fail(v->readonly, e) : 0;
}

static int act_commit(virDomainPtr dom, struct disk_call *c)
{
    return virDomainBlockCommit(dom, c->target, c->base, c->top, 0, c->flags);
}

int virt_commit_begin(struct virt *v, const char *uuid, const char *target, const char *base,
                      const char *top, bool active, struct err *e)
{
    struct disk_call c = {.target = target, .base = base, .top = top, .act = act_commit};
    c.flags = active ? VIR_DOMAIN_BLOCK_COMMIT_ACTIVE : 0;
    return virt_run_on(v, VIRT_CHANGE, uuid, op_disk, &c, e);
}

bool virt_commits(const virDomainBlockJobInfo *info)
{
    return info->type == VIR_DOMAIN_BLOCK_JOB_TYPE_COMMIT ||
           info->type == VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT;
}

static int act_job(virDomainPtr dom, struct disk_call *c)
{
    virDomainBlockJobInfo info;
    c->job = (struct virt_block_job){.run = (int)virDomainGetID(dom)};
    int n = virDomainGetBlockJobInfo(dom, c->target, &info, 0);
    if (n > 0)
        c->job = (struct virt_block_job){.there = true,
                                         .commits = virt_commits(&info),
                                         .run = c->job.run,
                                         .done = info.cur,
                                         .end = info.end};
    return n;
}

int virt_block_job(struct virt *v, const char *uuid, const char *target, struct virt_block_job *ret,
                   struct err *e)
{
    struct disk_call c = {.target = target, .act = act_job};
    int r = virt_run_on(v, VIRT_READ, uuid, op_disk, &c, e);
    if (r == 0)
        *ret = c.job;
    return r;
}

static int act_end(virDomainPtr dom, struct disk_call *c)
{
    return virDomainBlockJobAbort(dom, c->target, c->flags);
}

int virt_commit_end(struct virt *v, const char *uuid, const char *target, bool pivot, struct err *e)
{
    struct disk_call c = {.target = target, .act = act_end};
    c.flags = pivot ? VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT : 0;
    return virt_run_on(v, VIRT_CHANGE, uuid, op_disk, &c, e);
}
