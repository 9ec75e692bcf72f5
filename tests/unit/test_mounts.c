/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_mounts.c - paths that do not lead into a snapfs mount are left alone; those that do are
 * tested on a real mount (tests/real). */
#include <errno.h>
#include <unistd.h>

#include "base/mounts.h"
#include "tap.h"

int main(void)
{
    struct mounts *m = mounts_read();
    struct err e = {0};
    TAP_OK(m != NULL, "read");
    TAP_OK(mounts_check(m, "/proc/self/mountinfo", NULL, &e) == 0, "a file elsewhere");
    TAP_OK(mounts_check(m, "/no/such/file", NULL, &e) == 0, "a file that is not there");
    TAP_OK(mounts_check(m, "/../..//etc/./passwd", NULL, &e) == 0, "an odd spelling");
    mounts_free(m);
    return tap_done();
}
