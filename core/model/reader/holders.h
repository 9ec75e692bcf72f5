/* SPDX-License-Identifier: GPL-3.0-or-later */
/* holders.h - names the programs that have a snapshot's images open, so that a user can close them.
 *
 * snapfs finds processes in /proc/PID/fd, by the file's name and st_ino. It finds loop devices in
 * /sys/block/loop*, by the path of the backing file. It asks no file system, so it may be called
 * while a request to this mount waits for the answer. The search is bounded in time and in names.
 */
#ifndef SNAPFS_MODEL_READER_HOLDERS_H
#define SNAPFS_MODEL_READER_HOLDERS_H

#include "model/reader/open_images.h"

enum { HOLDERS_MAX = 8, HOLDERS_SEARCH_MS = 500 };

/* Adds "pid 12 (cat), /dev/loop0 mounted on '/mnt', …" to `out`. If none is found, adds for each
 * file which process opened it, and when. `d` is the domain of snapshot `s`. */
void holders_describe(const struct domain *d, const struct snapshot *s,
                      const struct open_files *files, struct text *out);

/* Returns whether a process that can be looked at has a descriptor of the file of that name and
 * st_ino. Also returns true if that cannot be told within HOLDERS_SEARCH_MS. */
bool holders_any(const char *file, uint64_t ino);

#endif
