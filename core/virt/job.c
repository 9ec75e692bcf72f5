/* SPDX-License-Identifier: GPL-3.0-or-later */
/* job.c - see job.h. No locks of its own. */
#include "virt/job.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "virt/errors.h"
#include "virt/internal.h"
#include "virt/xml.h"

/* ---- the domain's job ---- */

/* Indexed by virDomainJobOperation. */
static const char *const operations[] = {
    [VIR_DOMAIN_JOB_OPERATION_START] = "start",
    [VIR_DOMAIN_JOB_OPERATION_SAVE] = "save",
    [VIR_DOMAIN_JOB_OPERATION_RESTORE] = "restore",
    [VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN] = "migration",
    [VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT] = "migration",
    [VIR_DOMAIN_JOB_OPERATION_SNAPSHOT] = "snapshot",
    [VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_REVERT] = "revert",
    [VIR_DOMAIN_JOB_OPERATION_DUMP] = "dump",
    [VIR_DOMAIN_JOB_OPERATION_BACKUP] = "backup",
    [VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_DELETE] = "delete",
};

struct stats {
    int type, operation;
    struct virt_job job;
};

static void fill(virTypedParameterPtr params, int n, struct stats *s)
{
    unsigned long long total = 0, left = 0, elapsed = 0;
    size_t known = sizeof(operations) / sizeof(*operations);
    virTypedParamsGetInt(params, n, VIR_DOMAIN_JOB_OPERATION, &s->operation);
    virTypedParamsGetULLong(params, n, VIR_DOMAIN_JOB_DATA_TOTAL, &total);
    virTypedParamsGetULLong(params, n, VIR_DOMAIN_JOB_DATA_REMAINING, &left);
    s->job.timed = virTypedParamsGetULLong(params, n, VIR_DOMAIN_JOB_TIME_ELAPSED, &elapsed) > 0;
    s->job.elapsed_ms = elapsed;
    s->job.total = total;
    s->job.done = left < total ? total - left : 0;
    bool named = s->operation >= 0 && (size_t)s->operation < known && operations[s->operation];
    s->job.operation = named ? operations[s->operation] : "other";
}

/* Reads the domain's job. Returns false if there is none, or if libvirt reports none, as during its
 * own delete. */
static bool read_stats(virDomainPtr dom, struct stats *ret)
{
    virTypedParameterPtr params = NULL;
    int n = 0;
    *ret = (struct stats){.operation = -1};
    if (virDomainGetJobStats(dom, &ret->type, &params, &n, 0) < 0)
        return false;
    bool any = ret->type == VIR_DOMAIN_JOB_BOUNDED || ret->type == VIR_DOMAIN_JOB_UNBOUNDED;
    if (any)
        fill(params, n, ret);
    virTypedParamsFree(params, n);
    return any;
}

/* ---- its disks' ---- */

static const char *block_operation(int type)
{
    switch (type) {
    case VIR_DOMAIN_BLOCK_JOB_TYPE_PULL:
        return "pull";
    case VIR_DOMAIN_BLOCK_JOB_TYPE_COPY:
        return "copy";
    case VIR_DOMAIN_BLOCK_JOB_TYPE_COMMIT:
    case VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT:
        return "commit";
    default:
        return "backup";
    }
}

static int read_disks(struct virt *v, virDomainPtr dom, struct virt_job *ret, struct err *e)
{
    autodestroy(xml_domain_free) struct xml_domain *xml = NULL;
    autofree char *text = virDomainGetXMLDesc(dom, 0);
    if (!text)
        return virt_fail(v->readonly, e);
    int r = xml_domain_parse(text, &xml, e);
    for (size_t i = 0; r == 0 && i < xml->n_disks; i++) {
        virDomainBlockJobInfo info;
        if (!*xml->disks[i].source.type ||
            virDomainGetBlockJobInfo(dom, xml->disks[i].target, &info, 0) <= 0)
            continue;
        ret->operation = block_operation(info.type);
        ret->done += info.cur;
        ret->total += info.end;
    }
    return r;
}

/* ---- both ---- */

/* Looks for a job. A domain that does not run has none, and neither has a driver without jobs. */
static int op_look(struct virt *v, virDomainPtr dom, void *arg, struct err *e)
{
    struct virt_job *ret = arg;
    struct stats s;
    *ret = (struct virt_job){0};
    if (virDomainIsActive(dom) <= 0)
        return 0;
    if (!read_stats(dom, &s))
        return read_disks(v, dom, ret, e);
    *ret = s.job;
    return 0;
}

int virt_job_look(struct virt *v, const char *uuid, struct virt_job *ret, struct err *e)
{
    struct virt_job job;
    int r = virt_run_on(v, VIRT_READ, uuid, op_look, &job, e);
    if (r == 0)
        *ret = job;
    return r;
}

/* Aborts a snapshot that is being made. Between the check and the abort another job could begin. */
static int op_abort(struct virt *v, virDomainPtr dom, void *arg, struct err *e)
{
    const uint64_t *since = arg;
    struct stats s;
    bool any = read_stats(dom, &s) && s.operation == VIR_DOMAIN_JOB_OPERATION_SNAPSHOT;
    if (!any || (s.job.timed && s.job.elapsed_ms > (clock_ns() - *since) / CLOCK_MS))
        return err_fail(e, EBUSY, "there is no snapshot under way to abort");
    return virDomainAbortJob(dom) < 0 ? virt_fail(v->readonly, e) : 0;
}

int virt_job_abort_snapshot(struct virt *v, const char *uuid, uint64_t since, struct err *e)
{
    return virt_run_on(v, VIRT_CHANGE, uuid, op_abort, &since, e);
}
