/* SPDX-License-Identifier: GPL-3.0-or-later */
/* uuid.h - random UUIDs, for the names of files and domains that nobody else may have. */
#ifndef SNAPFS_BASE_UUID_H
#define SNAPFS_BASE_UUID_H

#include <stdbool.h>

#include "base/error.h"

enum { UUID_LEN = 36 };

/* A new one of version 4, in lower case. EIO where the kernel gives no random bytes. */
int uuid_make(char ret[UUID_LEN + 1], struct err *e);

/* Is it one in lower case? */
bool uuid_is(const char *s);

#endif
