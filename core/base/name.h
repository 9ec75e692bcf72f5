/* SPDX-License-Identifier: GPL-3.0-or-later */
/* name.h - how a domain's or snapshot's name is written in a directory.
 *
 * The bytes are UTF-8, and most stay as they are. These become %XX (upper-case hex):
 * - '/', '%' and control bytes;
 * - a leading '.';
 * - the '.' of a trailing ".raw", ".cow", ".qcow2" or ".changes";
 * - the first byte of a name that snapfs uses for an entry of its own.
 *
 * The coded name depends on the name alone, and can be decoded again. The exception is a coded name
 * of more than NAME_CODED_MAX bytes: it is cut, and ends in "~" and 16 hex digits of the name's
 * hash.
 */
#ifndef SNAPFS_BASE_NAME_H
#define SNAPFS_BASE_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum { NAME_CODED_MAX = 255, NAME_NEW_MAX = 200 };

/* Tells whether snapfs itself puts, or will put, an entry of this name into its directories. */
bool name_reserved(const char *name);

/* Codes a name. The caller owns the result, which is NULL if there is no memory. */
char *name_encode(const char *name);

/* Codes a name and adds "~" and 16 hex digits of `number`, to tell several things of one name
 * apart. The coded name is cut if the result would be too long. */
char *name_encode_marked(const char *name, uint64_t number);

/* Decodes `coded`; the caller owns the result. If name_encode never makes `coded`, it fails with
 * EINVAL, and the sentence says how the name is written. */
int name_decode(const char *coded, char **ret, struct err *e);
/* Decodes the name of a new snapshot, and checks the name as name_check_new does. */
int name_decode_new(const char *coded, char **ret, struct err *e);

/* Checks whether a new snapshot may have this name. Fails with EINVAL and the reason if the name:
 * - is empty, over NAME_NEW_MAX bytes, or not UTF-8;
 * - holds '/', ',', '"', '\' or a control byte, or begins with '.';
 * - has digits only, and fewer than ten, because QEMU would take it for a tag's id. */
int name_check_new(const char *name, struct err *e);

/* Tells whether QEMU's monitor would take the name for another one. libvirt names the snapshots of
 * a running domain by that monitor, which reads '\' as an escape and '"' as the end of the name. */
bool name_is_mangled(const char *name);

/* Tells whether the name has only [A-Za-z0-9._-]. QEMU's job ids allow no more, and so internal
 * snapshots from libvirt 10.9 on allow no more. */
bool name_is_plain(const char *name);

#endif
