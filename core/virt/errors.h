/* SPDX-License-Identifier: GPL-3.0-or-later */
/* errors.h - the errno for a failure of libvirt. Inside virt/ only. */
#ifndef SNAPFS_VIRT_ERRORS_H
#define SNAPFS_VIRT_ERRORS_H

#include <stdbool.h>

#include "base/error.h"

/* The code exists since libvirt 11.2, so older headers lack it. */
enum { AGENT_COMMAND_TIMEOUT = 112 /* VIR_ERR_AGENT_COMMAND_TIMEOUT */ };

/* Returns the errno (positive) for libvirt's error `code` (virErrorNumber) of `domain`
 * (virErrorDomain) with its `int1`. `readonly` tells whether the connection is read-only. Never 0,
 * ENOSYS or EXDEV. */
int virt_errno(int code, int domain, int int1, bool readonly);

/* Fills `e` from the calling thread's last libvirt error, with libvirt's own words and, if known,
 * an advice. Call it directly after the call that failed. Returns -errno. */
int virt_fail(bool readonly, struct err *e);

/* Returns the code of this thread's last libvirt error, a virErrorNumber. */
int virt_code(void);

#endif
