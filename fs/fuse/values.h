/* SPDX-License-Identifier: GPL-3.0-or-later */
/* values.h - the values of options: numbers and lists, each checked. */
#ifndef SNAPFS_FUSE_VALUES_H
#define SNAPFS_FUSE_VALUES_H

#include <stdint.h>

#include "base/error.h"
#include "fuse/options.h"

/* `name` is the option as written, for the sentence. EINVAL if the text is not such a value. */
int value_mask(const char *name, const char *text, int *ret, struct err *e); /* 0 to 0777 */
/* Reads a name that the system knows, or a number. */
int value_user(const char *name, const char *text, uint32_t *ret, struct err *e);
int value_group(const char *name, const char *text, uint32_t *ret, struct err *e);
int value_seconds(const char *name, const char *text, uint64_t *ret_ns, struct err *e);

/* Reads a number of MiB, from `least` to `most`, as bytes. */
int value_mib(const char *name, const char *text, uint32_t least, uint32_t most, uint64_t *ret,
              struct err *e);

/* Reads a number of bytes, from `least` to `most`. */
int value_bytes(const char *name, const char *text, uint32_t least, uint32_t most, uint32_t *ret,
                struct err *e);

int strings_add(struct strings *s, const char *item, struct err *e);
void strings_free(struct strings *s);

#endif
