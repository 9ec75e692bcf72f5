/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mem.h - cleanup attributes, checked arithmetic, loads of either byte order. Header only.
 *
 * `autofree` and `autoclose` release a local variable on every way out of its scope. `take` hands
 * the value to another owner instead.
 */
#ifndef SNAPFS_BASE_MEM_H
#define SNAPFS_BASE_MEM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline void mem_cleanup_free(void *p)
{
    free(*(void **)p);
}

static inline void mem_cleanup_close(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

#define autofree __attribute__((cleanup(mem_cleanup_free)))
#define autoclose __attribute__((cleanup(mem_cleanup_close)))

/* Declares NAME_cleanup, for __attribute__((cleanup)), from a destructor that takes NULL. */
#define MEM_CLEANUP(type, destroy)                                                                 \
    static inline void destroy##_cleanup(type **p)                                                 \
    {                                                                                              \
        destroy(*p);                                                                               \
    }
#define autodestroy(destroy) __attribute__((cleanup(destroy##_cleanup)))

/* Yields the pointer's value, and sets the variable itself to NULL. */
#define take(p)                                                                                    \
    __extension__({                                                                                \
        __typeof__(p) *take_p_ = &(p);                                                             \
        __typeof__(p) take_v_ = *take_p_;                                                          \
        *take_p_ = NULL;                                                                           \
        take_v_;                                                                                   \
    })

/* Returns an array with room for one more item, for an array of `n` items that grows one by one.
 * Returns NULL if there is no memory. */
static inline void *mem_grow(void *items, size_t n, size_t size)
{
    return n & (n - 1) ? items : reallocarray(items, n ? n * 2 : 1, size);
}

/* Makes room for one more item in such an array. `items` is the variable that has it. Yields false,
 * and leaves the array as it is, if there is no memory. */
#define mem_room(items, n)                                                                         \
    __extension__({                                                                                \
        __typeof__(items) mem_room_ = mem_grow((items), (n), sizeof(*(items)));                    \
        if (mem_room_)                                                                             \
            (items) = mem_room_;                                                                   \
        mem_room_ != NULL;                                                                         \
    })

/* Tells whether all bytes are zero. `len` must be at least one. */
static inline bool mem_is_zero(const void *bytes, size_t len)
{
    const char *p = bytes;
    return p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

/* Compute a sum and a product. Return false if the result does not fit. */
static inline bool add_u64(uint64_t a, uint64_t b, uint64_t *ret)
{
    return !__builtin_add_overflow(a, b, ret);
}

static inline bool mul_u64(uint64_t a, uint64_t b, uint64_t *ret)
{
    return !__builtin_mul_overflow(a, b, ret);
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static inline uint16_t be16(const void *p)
{
    const uint8_t *b = p;
    return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint32_t be32(const void *p)
{
    const uint8_t *b = p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static inline uint64_t be64(const void *p)
{
    return (uint64_t)be32(p) << 32 | be32((const uint8_t *)p + 4);
}

static inline uint32_t le32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return le32toh(v);
}

static inline uint64_t le64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return le64toh(v);
}

#endif
