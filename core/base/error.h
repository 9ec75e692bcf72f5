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
    char text[ERR_TEXT_MAX]; /* one sentence without a newline, UTF-8, cut when too long */
};

/* Fills `e` (may be NULL) and returns -no. The text is made printable (base/printable.h). */
int err_fail(struct err *e, int no, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* err_fail for an allocation that failed: -ENOMEM. */
int err_nomem(struct err *e);

/* The symbol of an errno, "EBUSY"; "E?" for one it does not know. Static storage. */
const char *err_name(int no);

/* Does this errno tell of our own want of memory or descriptors, and nothing of what was asked for?
 */
bool err_is_resource(int no);

/* After a change failed: did the connection fail, so that the change may have been made all the
 * same? */
bool err_is_unsure(const struct err *e);

/* Did libvirt's answer not come, or do we lack what it takes to go on? Then nothing follows from
 * the failure. */
bool err_is_open(const struct err *e);

#endif
