/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hash.h - a stable 64-bit hash (FNV-1a with a final mix) for inode numbers and shortened names.
 *
 * The hash is the same in every run, on every machine, and in every version. Do not use it for a
 * table that is filled with foreign data: an attacker could choose data that slows the table down.
 */
#ifndef SNAPFS_BASE_HASH_H
#define SNAPFS_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

uint64_t hash_bytes(uint64_t h, const void *bytes, size_t len);

/* Hashes the string with its NUL, so that ("ab","c") and ("a","bc") differ. */
uint64_t hash_str(uint64_t h, const char *s);

uint64_t hash_u64(uint64_t h, uint64_t v);

/* Spreads the result over all 64 bits. Call it last. */
uint64_t hash_end(uint64_t h);

#endif
