/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_errors.c - libvirt's error codes as errno, row by row, by libvirt's numbers. */
#include <errno.h>

#include "base/error.h"
#include "tap.h"
#include "virt/errors.h"

enum { QEMU = 10, RPC = 7, STORAGE = 18, REMOTE = 13, SNAPSHOT = 52 };

static const struct {
    int code, domain, int1, want;
    const char *name;
} rows[] = {
    {42, QEMU, -1, ENOENT, "NO_DOMAIN"},
    {72, QEMU, -1, ENOENT, "NO_DOMAIN_SNAPSHOT"},
    {50, STORAGE, -1, ENOENT, "NO_STORAGE_VOL"},
    {49, STORAGE, -1, ENOENT, "NO_STORAGE_POOL"},
    {29, RPC, -1, EACCES, "OPERATION_DENIED"},
    {45, RPC, -1, EACCES, "AUTH_FAILED"},
    {79, RPC, -1, EACCES, "AUTH_CANCELLED"},
    {94, RPC, -1, EACCES, "AUTH_UNAVAILABLE"},
    {88, QEMU, -1, EACCES, "ACCESS_DENIED"},
    {35, QEMU, -1, EINVAL, "XML_DETAIL"},
    {27, SNAPSHOT, -1, EINVAL, "XML_ERROR"},
    {92, SNAPSHOT, -1, EINVAL, "XML_INVALID_SCHEMA"},
    {21, QEMU, -1, EINVAL, "NO_NAME"},
    {8, QEMU, -1, EINVAL, "INVALID_ARG"},
    {8, STORAGE, -1, EBUSY, "INVALID_ARG of storage: no base disk in the chain"},
    {9, QEMU, -1, EIO, "OPERATION_FAILED"},
    {55, QEMU, -1, EBUSY, "OPERATION_INVALID"},
    {68, QEMU, -1, ETIMEDOUT, "OPERATION_TIMEOUT"},
    {86, QEMU, -1, ETIMEDOUT, "AGENT_UNRESPONSIVE"},
    {97, QEMU, -1, ETIMEDOUT, "AGENT_UNSYNCED"},
    {112, QEMU, -1, ETIMEDOUT, "AGENT_COMMAND_TIMEOUT"},
    {113, QEMU, -1, EIO, "AGENT_COMMAND_FAILED"},
    {87, QEMU, -1, EBUSY, "RESOURCE_BUSY"},
    {83, QEMU, -1, EBUSY, "BLOCK_COPY_ACTIVE"},
    {78, QEMU, -1, EINTR, "OPERATION_ABORTED"},
    {67, QEMU, -1, EOPNOTSUPP, "CONFIG_UNSUPPORTED"},
    {84, QEMU, -1, EOPNOTSUPP, "OPERATION_UNSUPPORTED"},
    {74, QEMU, -1, EOPNOTSUPP, "ARGUMENT_UNSUPPORTED"},
    {3, QEMU, -1, EOPNOTSUPP, "NO_SUPPORT"},
    {77, QEMU, -1, EPERM, "SNAPSHOT_REVERT_RISKY"},
    {2, QEMU, -1, ENOMEM, "NO_MEMORY"},
    {1, RPC, -1, EHOSTDOWN, "INTERNAL_ERROR of the connection"},
    {1, QEMU, -1, EIO, "INTERNAL_ERROR"},
    {38, RPC, ECONNREFUSED, EHOSTDOWN, "SYSTEM_ERROR of the connection"},
    {38, RPC, 0, EHOSTDOWN, "SYSTEM_ERROR of the connection without errno"},
    {38, QEMU, ENOENT, ENOENT, "SYSTEM_ERROR ENOENT"},
    {38, QEMU, ENOSPC, ENOSPC, "SYSTEM_ERROR ENOSPC"},
    {38, STORAGE, EACCES, EACCES, "SYSTEM_ERROR EACCES"},
    {38, QEMU, 0, EIO, "SYSTEM_ERROR without errno"},
    {38, QEMU, -1, EIO, "SYSTEM_ERROR -1"},
    {38, QEMU, 4096, EIO, "SYSTEM_ERROR past the last errno"},
    {38, QEMU, ENOSYS, EOPNOTSUPP, "SYSTEM_ERROR ENOSYS"},
    {38, QEMU, EXDEV, EIO, "SYSTEM_ERROR EXDEV"},
    {38, QEMU, EPIPE, EIO, "SYSTEM_ERROR EPIPE"},
    {38, QEMU, ECONNRESET, EIO, "SYSTEM_ERROR ECONNRESET"},
    {5, 0, -1, EHOSTDOWN, "NO_CONNECT"},
    {6, 0, -1, EHOSTDOWN, "INVALID_CONN"},
    {4, 0, -1, EHOSTDOWN, "UNKNOWN_HOST"},
    {80, QEMU, -1, EIO, "NO_DOMAIN_METADATA, which no row names"},
    {12345, QEMU, ENOENT, EIO, "a code of a later libvirt"},
};

static void test_rows(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int got = virt_errno(rows[i].code, rows[i].domain, rows[i].int1, false);
        TAP_OK(got == rows[i].want, "%s gives %s (%s)", rows[i].name, err_name(rows[i].want),
               err_name(got));
    }
    TAP_OK(virt_errno(29, RPC, -1, true) == EROFS, "OPERATION_DENIED when read-only gives EROFS");
    TAP_OK(virt_errno(88, QEMU, -1, true) == EACCES, "ACCESS_DENIED when read-only stays EACCES");
}

/* Every result is an errno that the kernel accepts. */
static void test_forbidden(void)
{
    unsigned bad = 0;
    for (int code = 0; code < 200; code++)
        for (int domain = 0; domain < 80; domain++)
            for (int int1 = -1; int1 < 200; int1++) {
                int no = virt_errno(code, domain, int1, false);
                bad += no <= 0 || no == ENOSYS || no == EXDEV || no > 133;
            }
    TAP_OK(bad == 0, "never ENOSYS, EXDEV or no errno at all (%u)", bad);
}

int main(void)
{
    test_rows();
    test_forbidden();
    return tap_done();
}
