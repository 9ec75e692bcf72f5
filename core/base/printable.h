/* SPDX-License-Identifier: GPL-3.0-or-later */
/* printable.h - makes one line of UTF-8 from text that may hold any bytes. Every line of a log, of
 * `info`, of `job` and of an error passes through it. So names and libvirt's words in a line may be
 * anything. */
#ifndef SNAPFS_BASE_PRINTABLE_H
#define SNAPFS_BASE_PRINTABLE_H

/* Replaces bytes in place. A tab or line break becomes a blank. Each byte of another control
 * character, a line separator or a mark that changes the direction of text becomes '?'. Each byte
 * that is not UTF-8 becomes '?'. */
void printable(char *s);

#endif
