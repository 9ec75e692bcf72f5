/* SPDX-License-Identifier: GPL-3.0-or-later */
/* call.c - makes every libvirt call: on a live connection, and reports what a broken one means. */
#include <errno.h>

#include "base/error.h"
#include "virt/errors.h"
#include "virt/internal.h"
#include "virt/virt.h"

const char *virt_uri(const struct virt *v)
{
    return v->uri;
}

unsigned long virt_version(const struct virt *v)
{
    return atomic_load(&v->version);
}

uint64_t virt_generation(const struct virt *v)
{
    return atomic_load(&v->generation);
}

bool virt_files_local(struct virt *v, struct err *why)
{
    struct link *l;
    if (virt_acquire(v, &l, why))
        return false;
    bool local = l->local;
    if (!local)
        err_fail(why, l->why.no, "%s", l->why.text);
    virt_release(v, l);
    return local;
}

static int fail_change(bool hung, const struct err *cause, struct err *e)
{
    return err_fail(e, hung ? ETIMEDOUT : EHOSTDOWN,
                    "the connection to libvirt %s during the change; whether it was made has to be "
                    "looked up (%s)",
                    hung ? "stopped answering" : "broke", cause->text);
}

static int fail_read(bool hung, const struct err *cause, struct err *e)
{
    if (hung)
        return err_fail(e, ETIMEDOUT, "libvirt's daemon did not answer for %d s (%s)",
                        VIRT_CALL_TIMEOUT, cause->text);
    return err_fail(e, EHOSTDOWN, "the connection to libvirt broke twice (%s)", cause->text);
}

/* Runs `op` once. *ret_incomplete: the connection is dead. *ret_hung: it died because the daemon
 * stopped answering. */
static int run_once(struct virt *v, enum virt_kind kind, virt_op *op, void *arg,
                    bool *ret_incomplete, bool *ret_hung, struct err *e)
{
    struct link *l;
    *ret_incomplete = *ret_hung = false;
    int r = virt_acquire(v, &l, e);
    if (r < 0)
        return r;
    if (kind == VIRT_READ)
        deadline_begin(v, l->conn);
    r = op(v, l->conn, arg, e);
    deadline_end(v, l->conn);
    if (r && virConnectIsAlive(l->conn) == 0) {
        *ret_incomplete = true;
        *ret_hung = virt_lost(v, l);
    }
    virt_release(v, l);
    return r;
}

int virt_run(struct virt *v, enum virt_kind kind, virt_op *op, void *arg, struct err *e)
{
    bool broken, hung;
    struct err cause = {0};
    if (kind == VIRT_CHANGE && v->readonly)
        return err_fail(e, EROFS, "mounted read-only");
    int r = run_once(v, kind, op, arg, &broken, &hung, &cause);
    if (kind == VIRT_READ && broken && !hung)
        r = run_once(v, kind, op, arg, &broken, &hung, &cause);
    if (kind == VIRT_CHANGE)
        atomic_fetch_add(&v->generation, 1);
    if (broken)
        return kind == VIRT_CHANGE ? fail_change(hung, &cause, e) : fail_read(hung, &cause, e);
    return r < 0 ? err_fail(e, cause.no, "%s", cause.text) : 0;
}

struct domain_call {
    const char *uuid;
    virt_domain_op *op;
    void *arg;
};

static int op_domain(struct virt *v, virConnectPtr conn, void *arg, struct err *e)
{
    const struct domain_call *c = arg;
    virDomainPtr dom = virDomainLookupByUUIDString(conn, c->uuid);
    if (!dom)
        return virt_fail(v->readonly, e);
    int r = c->op(v, dom, c->arg, e);
    virDomainFree(dom);
    return r;
}

int virt_run_on(struct virt *v, enum virt_kind kind, const char *uuid, virt_domain_op *op,
                void *arg, struct err *e)
{
    struct domain_call c = {.uuid = uuid, .op = op, .arg = arg};
    return virt_run(v, kind, op_domain, &c, e);
}
