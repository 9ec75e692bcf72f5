/* SPDX-License-Identifier: GPL-3.0-or-later */
/* errors.h - what a failure of libvirt's means as an errno. Inside virt/ only. */
#ifndef SNAPFS_VIRT_ERRORS_H
#define SNAPFS_VIRT_ERRORS_H

#include <stdbool.h>

#include "base/error.h"

/* What libvirt has since 11.2, and headers before have not. */
enum { AGENT_COMMAND_TIMEOUT = 112 /* VIR_ERR_AGENT_COMMAND_TIMEOUT */ };

/* The errno (positive) for libvirt's error `code` (virErrorNumber) of `domain` (virErrorDomain)
 * with its `int1`, on a connection that is `readonly`. Never 0, ENOSYS or EXDEV. */
int virt_errno(int code, int domain, int int1, bool readonly);

/* Fills `e` from the calling thread's last libvirt error, so it comes right after the call that
 * failed: libvirt's own words and, where known, what to do. Returns -errno. */
int virt_fail(bool readonly, struct err *e);

/* The last libvirt error's code in this thread, a virErrorNumber. */
int virt_code(void);

#endif
