/* SPDX-License-Identifier: GPL-3.0-or-later */
/* made.h - chains of images made up from any bytes, whose files are not stored but computed, and
 * the check that the reader answers as the format's specification says.
 *
 * made_try is the body of a fuzz target and of the test test_merged.c. made_files.c replaces the system calls by which
 * the reader looks at files; they can fail or change a file at the n-th call.
 * One thread.
 */
#ifndef SNAPFS_TESTS_MADE_H
#define SNAPFS_TESTS_MADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MADE_LAYERS = 256,
    MADE_TABLES = 4,    /* L2 tables, which the L1 entries take turns at */
    MADE_ENTRIES = 512, /* of each that may be other than null, */
    MADE_GROUP = 64,    /* so many entries in a row */
    MADE_L1 = 20480,
    MADE_CLUSTERS = 64, /* of data, */
    MADE_PACKED = 8,    /* the first of which begin with compressed ones */
    MADE_SECTOR = 512
};

struct made_packed {
    const uint8_t *bytes;
    size_t len;
};

struct made_layer {
    bool raw, extended, v2, zstd, snapshot;
    unsigned number, bits;
    uint64_t size, file_size; /* bytes */
    uint32_t l1_size;
    uint64_t l1_at, old_l1_at, snapshots_at, tables_at, data_at;
    uint64_t l1[MADE_L1];
    unsigned far;   /* the L1 entry that was last put anywhere */
    unsigned apart; /* entries of a table from one group to the next */
    uint64_t words[MADE_TABLES][MADE_ENTRIES], bitmaps[MADE_TABLES][MADE_ENTRIES];
    struct made_packed packed[2];
    uint8_t header[256], entry[64];
    uint64_t plain_word; /* the compressed cluster that was last checked against, */
    uint8_t *plain;      /* its bytes, */
    bool plain_good;     /* if it has any */
    bool changed;        /* all its bytes are others than they were */
};

struct made_chain {
    unsigned n;
    struct made_layer *layers[MADE_LAYERS];
    uint64_t round;                        /* counts the chains made */
    uint64_t calls, fail_every, change_at; /* calls of pread so far; 0: never */
};

extern struct made_chain made;

/* Bytes that run out are zeros. */
struct made_bytes {
    const uint8_t *p;
    size_t n;
};
uint64_t made_next(struct made_bytes *b, unsigned bytes);

/* Makes `made` from the bytes; at least `layers` layers. False: no memory. */
bool made_build(struct made_bytes *b, unsigned layers);
void made_drop(void);

/* The entry of an L2 table that the word of that number is for. */
uint64_t made_entry(const struct made_layer *l, uint64_t word);
uint64_t made_per_table(const struct made_layer *l);

/* The file of a layer: its path, the layer that an open descriptor belongs to, and its bytes. */
const char *made_path(unsigned layer);
struct made_layer *made_by_fd(int fd);
size_t made_read(const struct made_layer *l, void *to, size_t len, uint64_t offset);

/* Builds a chain and compares all answers of the reader. NULL, or the first thing that is wrong. */
const char *made_try(const uint8_t *data, size_t len, unsigned layers);

#endif
