/* SPDX-License-Identifier: GPL-3.0-or-later */
/* errors.c - the one table from libvirt's error codes to errno, and from libvirt's words to a
 * sentence. The codes are those of libvirt's include/libvirt/virterror.h. Pure except for the
 * thread's last error. */
#include "virt/errors.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "base/mem.h"

enum { ANY_DOMAIN = -1, ERRNO_MAX = 133 /* Linux' largest, EHWPOISON; more is another system's */ };

/* The first row that matches counts. A row for one error domain comes before the row for any
 * domain. */
static const struct row {
    int code, domain, no;
    const char *hint; /* advice, or NULL */
} rows[] = {
    {VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC, EHOSTDOWN, NULL},
    {VIR_ERR_SYSTEM_ERROR, VIR_FROM_RPC, EHOSTDOWN, NULL},
    {VIR_ERR_NO_CONNECT, ANY_DOMAIN, EHOSTDOWN, NULL},
    {VIR_ERR_INVALID_CONN, ANY_DOMAIN, EHOSTDOWN, NULL},
    {VIR_ERR_UNKNOWN_HOST, ANY_DOMAIN, EHOSTDOWN, NULL},
    {VIR_ERR_NO_DOMAIN, ANY_DOMAIN, ENOENT, NULL},
    {VIR_ERR_NO_DOMAIN_SNAPSHOT, ANY_DOMAIN, ENOENT, NULL},
    {VIR_ERR_NO_STORAGE_VOL, ANY_DOMAIN, ENOENT, NULL},
    {VIR_ERR_NO_STORAGE_POOL, ANY_DOMAIN, ENOENT, NULL},
    {VIR_ERR_NO_SECRET, ANY_DOMAIN, ENOENT, NULL},
    {VIR_ERR_INVALID_SECRET, ANY_DOMAIN, EACCES, NULL},
    {VIR_ERR_OPERATION_DENIED, ANY_DOMAIN, EACCES, NULL},
    {VIR_ERR_AUTH_FAILED, ANY_DOMAIN, EACCES, NULL},
    {VIR_ERR_AUTH_CANCELLED, ANY_DOMAIN, EACCES, NULL},
    {VIR_ERR_AUTH_UNAVAILABLE, ANY_DOMAIN, EACCES, NULL},
    {VIR_ERR_ACCESS_DENIED, ANY_DOMAIN, EACCES, NULL},
    {VIR_ERR_INVALID_ARG, VIR_FROM_STORAGE, EBUSY, NULL},
    {VIR_ERR_INVALID_ARG, ANY_DOMAIN, EINVAL, NULL},
    {VIR_ERR_XML_DETAIL, ANY_DOMAIN, EINVAL, NULL},
    {VIR_ERR_XML_ERROR, ANY_DOMAIN, EINVAL, NULL},
    {VIR_ERR_XML_INVALID_SCHEMA, ANY_DOMAIN, EINVAL, NULL},
    {VIR_ERR_NO_NAME, ANY_DOMAIN, EINVAL, NULL},
    {VIR_ERR_OPERATION_INVALID, ANY_DOMAIN, EBUSY, NULL},
    {VIR_ERR_RESOURCE_BUSY, ANY_DOMAIN, EBUSY, NULL},
    {VIR_ERR_BLOCK_COPY_ACTIVE, ANY_DOMAIN, EBUSY, "wait for the block job to end, or abort it"},
    {VIR_ERR_OPERATION_TIMEOUT, ANY_DOMAIN, ETIMEDOUT,
     "another operation holds the domain; try again when it has ended"},
    {VIR_ERR_AGENT_UNRESPONSIVE, ANY_DOMAIN, ETIMEDOUT, "is the guest agent running in the guest?"},
    {VIR_ERR_AGENT_UNSYNCED, ANY_DOMAIN, ETIMEDOUT, "is the guest agent running in the guest?"},
    {AGENT_COMMAND_TIMEOUT, ANY_DOMAIN, ETIMEDOUT, "is the guest agent running in the guest?"},
    {VIR_ERR_OPERATION_ABORTED, ANY_DOMAIN, EINTR, NULL},
    {VIR_ERR_NO_SUPPORT, ANY_DOMAIN, EOPNOTSUPP, NULL},
    {VIR_ERR_CONFIG_UNSUPPORTED, ANY_DOMAIN, EOPNOTSUPP, NULL},
    {VIR_ERR_OPERATION_UNSUPPORTED, ANY_DOMAIN, EOPNOTSUPP, NULL},
    {VIR_ERR_ARGUMENT_UNSUPPORTED, ANY_DOMAIN, EOPNOTSUPP, NULL},
    {VIR_ERR_SNAPSHOT_REVERT_RISKY, ANY_DOMAIN, EPERM, "write 'force' to revert anyway"},
    {VIR_ERR_NO_MEMORY, ANY_DOMAIN, ENOMEM, NULL},
};

static const struct row *find_row(int code, int domain)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (rows[i].code == code && (rows[i].domain == domain || rows[i].domain == ANY_DOMAIN))
            return &rows[i];
    return NULL;
}

/* Returns the errno that the daemon itself got. ENOSYS would make the kernel stop asking, and EXDEV
 * would make mv copy. EPIPE and ECONNRESET say that QEMU has ended; programs do not report an EPIPE
 * of their own write. */
static int system_errno(int no)
{
    if (no <= 0 || no > ERRNO_MAX || no == EXDEV || no == EPIPE || no == ECONNRESET)
        return EIO;
    return no == ENOSYS ? EOPNOTSUPP : no;
}

int virt_errno(int code, int domain, int int1, bool readonly)
{
    if (code == VIR_ERR_OPERATION_DENIED && readonly)
        return EROFS;
    const struct row *row = find_row(code, domain);
    if (row)
        return row->no;
    return code == VIR_ERR_SYSTEM_ERROR ? system_errno(int1) : EIO;
}

int virt_fail(bool readonly, struct err *e)
{
    virErrorPtr last = virGetLastError();
    if (!last || last->code == VIR_ERR_OK)
        return err_fail(e, EIO, "libvirt: the call failed without a reason");
    const struct row *row = find_row(last->code, last->domain);
    const char *hint = row ? row->hint : NULL;
    const char *words = last->message ? last->message : "unknown error";
    int len = (int)min_u64(strlen(words), ERR_TEXT_MAX);
    while (len && words[len - 1] == '\n') /* libvirt may quote a program's message */
        len--;
    return err_fail(e, virt_errno(last->code, last->domain, last->int1, readonly),
                    "libvirt: %.*s%s%s", len, words, hint ? "; " : "", hint ? hint : "");
}

int virt_code(void)
{
    return virGetLastErrorCode();
}
