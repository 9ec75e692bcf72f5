/* SPDX-License-Identifier: GPL-3.0-or-later */
/* interrupt.c - see interrupt.h. No locks. */
#include "fuse/interrupt.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { STATUS_MAX = 8192 }; /* of /proc/PID/status, which has about 60 short lines */

static uint64_t bit(int number)
{
    return UINT64_C(1) << (number - 1);
}

/* Returns the set of signals in that line, or 0 if the line is missing. The line is not the first
 * one, whose name has coded newlines. */
static uint64_t set_in(const char *status, const char *line)
{
    const char *found = strstr(status, line);
    uint64_t set = 0;
    return found && sscanf(found + strlen(line), "%" SCNx64, &set) == 1 ? set : 0;
}

bool interrupt_in_status(const char *status)
{
    uint64_t counts = bit(SIGHUP) | bit(SIGINT) | bit(SIGQUIT) | bit(SIGTERM) | bit(SIGKILL);
    uint64_t pending = set_in(status, "\nSigPnd:") | set_in(status, "\nShdPnd:");
    uint64_t kept = set_in(status, "\nSigBlk:") | set_in(status, "\nSigIgn:");
    return pending & counts & ~kept;
}

bool interrupt_pending(pid_t thread)
{
    char path[32], status[STATUS_MAX];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)thread);
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, status, sizeof(status) - 1);
    if (n < 0)
        return false;
    status[n] = '\0';
    return interrupt_in_status(status);
}

bool interrupt_of_request(fuse_req_t req)
{
    pid_t pid = fuse_req_ctx(req)->pid;
    return pid ? interrupt_pending(pid) : fuse_req_interrupted(req) != 0;
}
