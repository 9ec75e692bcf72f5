/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tap.h - a small TAP harness for tests in C. One process, one thread asserts.
 *
 *     TAP_OK(n == 3, "three layers, got %u", n);
 *     return tap_done();
 */
#ifndef SNAPFS_TESTS_TAP_H
#define SNAPFS_TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned tap_count, tap_failed;

__attribute__((format(printf, 4, 5), unused)) static bool tap_ok(bool ok, const char *file,
                                                                 int line, const char *fmt, ...)
{
    va_list ap;
    printf("%sok %u - ", ok ? "" : "not ", ++tap_count);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    if (!ok) {
        tap_failed++;
        printf("# at %s:%d\n", file, line);
    }
    fflush(stdout);
    return ok;
}

#define TAP_OK(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)

/* Equal strings, NULL-safe; shows both when they differ. */
__attribute__((unused)) static bool tap_str(const char *got, const char *want, const char *file,
                                            int line, const char *what)
{
    bool ok = got && want ? !strcmp(got, want) : got == want;
    tap_ok(ok, file, line, "%s", what);
    if (!ok)
        printf("# got  '%s'\n# want '%s'\n", got ? got : "(null)", want ? want : "(null)");
    return ok;
}

#define TAP_STR(got, want, what) tap_str((got), (want), __FILE__, __LINE__, (what))

/* Prints the plan; the exit status of main. A run without one assertion fails. */
__attribute__((unused)) static int tap_done(void)
{
    printf("1..%u\n", tap_count);
    return tap_failed || !tap_count ? 1 : 0;
}

#endif
