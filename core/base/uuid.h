/* SPDX-License-Identifier: GPL-3.0-or-later */
/* uuid.h - random UUIDs, for names of files and domains that must be unique. */
#ifndef SNAPFS_BASE_UUID_H
#define SNAPFS_BASE_UUID_H

#include <stdbool.h>

#include "base/error.h"

enum { UUID_LEN = 36 };

/* Makes a new UUID of version 4, in lower case. Fails with EIO if the kernel gives no random bytes.
 * */
int uuid_make(char ret[UUID_LEN + 1], struct err *e);

/* Tells whether `s` is a UUID in lower case. */
bool uuid_is(const char *s);

#endif
