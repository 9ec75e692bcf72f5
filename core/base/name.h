/* SPDX-License-Identifier: GPL-3.0-or-later */
/* name.h - how a domain's or snapshot's name stands in a directory.
 *
 * Bytes are UTF-8 and untouched, but for those that cannot stand there: '/', '%', control bytes, a
 * leading '.', the '.' of a trailing ".raw", ".cow", ".qcow2" or ".changes", and the first byte of a name that is one of our own
 * entries. Those become %XX (upper-case hex). The coding depends on the name alone and can be
 * inverted, but for a coded name past NAME_CODED_MAX bytes, which is cut and ends in "~" and 16 hex
 * digits of the name's hash.
 */
#ifndef SNAPFS_BASE_NAME_H
#define SNAPFS_BASE_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum { NAME_CODED_MAX = 255, NAME_NEW_MAX = 200 };

/* One of the entries that snapfs itself puts, or will put, into its directories. */
bool name_reserved(const char *name);

/* The coded name; owned by the caller. NULL when memory runs out. */
char *name_encode(const char *name);

/* The same with "~" and 16 hex digits of `number` behind it, for one of several things that have the
 * name; cut where that would be too long. */
char *name_encode_marked(const char *name, uint64_t number);

/* The name that `coded` stands for; owned by the caller. EINVAL when name_encode never makes
 * `coded`, the sentence saying how it would be written. */
int name_decode(const char *coded, char **ret, struct err *e);
/* The same of a name for a new snapshot, as name_check_new. */
int name_decode_new(const char *coded, char **ret, struct err *e);

/* May a new snapshot have this name? EINVAL with the reason: empty, over NAME_NEW_MAX bytes, not
 * UTF-8, holds '/', ',', '"', '\' or a control byte, begins with '.', digits only and fewer than
 * ten (QEMU would take it for a tag's id). */
int name_check_new(const char *name, struct err *e);

/* Does QEMU's monitor, by which libvirt names the snapshots of a running domain, take it for
 * another name? It reads '\' as the beginning of an escape, and '"' as the end of the name. */
bool name_is_mangled(const char *name);

/* Only [A-Za-z0-9._-]: what QEMU's job ids, and so internal snapshots from libvirt 10.9, allow. */
bool name_is_plain(const char *name);

#endif
