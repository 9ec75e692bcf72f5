/* SPDX-License-Identifier: GPL-3.0-or-later */
/* descriptor.h - opens a file for reading, without effects on it: no wait, and no new access time. */
#ifndef SNAPFS_IMAGE_DESCRIPTOR_H
#define SNAPFS_IMAGE_DESCRIPTOR_H

/* Opens the file with `more` flags of open(2). Returns the descriptor, or -1 with errno. */
int descriptor_open(const char *path, int more);

#endif
