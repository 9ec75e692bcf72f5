/* SPDX-License-Identifier: GPL-3.0-or-later */
/* holders.h - who has a snapshot's images open, by name, for who wants to close them.
 *
 * Found in /proc/PID/fd, by the file's name and st_ino, and in /sys/block/loop*, by the path of the
 * file that a loop device is on. Asks no file system, so that it may be called while a request to
 * this mount waits for the answer. Bounded in time and in names.
 */
#ifndef SNAPFS_MODEL_READER_HOLDERS_H
#define SNAPFS_MODEL_READER_HOLDERS_H

#include "model/reader/open_images.h"

enum { HOLDERS_MAX = 8, HOLDERS_SEARCH_MS = 500 };

/* Adds "pid 12 (cat), /dev/loop0 mounted on '/mnt', …" to `out`; if none of them is found, for each
 * file by whom and when it was opened. `d` is the domain that `s` is a snapshot of. */
void holders_describe(const struct domain *d, const struct snapshot *s,
                      const struct open_files *files, struct text *out);

/* Has any process that can be looked at a descriptor of the file of that name and st_ino? True also
 * if that cannot be told within HOLDERS_SEARCH_MS. */
bool holders_any(const char *file, uint64_t ino);

#endif
