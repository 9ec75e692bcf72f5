/* SPDX-License-Identifier: GPL-3.0-or-later */
/* error.h - one failure: an errno and a sentence for a person.
 *
 * A function that can fail takes a `struct err *` last and returns 0 or -errno. The function that
 * fails fills it; those above carry it up unchanged. core never prints.
 */
#ifndef SNAPFS_BASE_ERROR_H
#define SNAPFS_BASE_ERROR_H

#include <stdbool.h>

enum { ERR_TEXT_MAX = 1024 };

struct err {
    int no;                  /* a positive errno, 0 while nothing failed */
    char text[ERR_TEXT_MAX]; /* one sentence without a newline, UTF-8, cut if too long */
};

/* Fills `e` (may be NULL) and returns -no. err_fail makes the text printable (base/printable.h). */
int err_fail(struct err *e, int no, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* err_fail for an allocation that failed: -ENOMEM. */
int err_nomem(struct err *e);

/* Returns the symbol of an errno, such as "EBUSY", or "E?" if it knows none. Static storage. */
const char *err_name(int no);

/* Tells whether this errno reports that snapfs itself lacks memory or descriptors. Such an errno
 * says nothing about the object of the request. */
bool err_is_resource(int no);

/* Tells, after a change failed, whether the connection failed. If so, libvirt may still have made
 * the change. */
bool err_is_unsure(const struct err *e);

/* Tells whether libvirt did not answer, or snapfs lacks memory or descriptors. If so, the caller
 * can conclude nothing from the failure. */
bool err_is_open(const struct err *e);

#endif
