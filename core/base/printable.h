/* SPDX-License-Identifier: GPL-3.0-or-later */
/* printable.h - text that may hold any bytes, in a line of UTF-8. Every line of a log, of `info`,
 * of `job` and of an error is made by it, whatever the names and the words of libvirt in it are. */
#ifndef SNAPFS_BASE_PRINTABLE_H
#define SNAPFS_BASE_PRINTABLE_H

/* Replaces, in place, each tab and line break by a blank; each byte of another control character,
 * of a line separator, of a mark that turns text around, and each byte that is no UTF-8, by '?'. */
void printable(char *s);

#endif
