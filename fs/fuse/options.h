/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options.h - the command line. */
#ifndef SNAPFS_FUSE_OPTIONS_H
#define SNAPFS_FUSE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "fuse/log.h"
#include "node/tree.h"

/* Bytes that the kernel may ask for at a time: a page, the most that fits in one request (256
 * pages), and the fastest size. Smaller requests run in parallel, and their buffers stay in a
 * processor's cache. Larger ones make the reader wait. */
enum { READ_LEAST = 4096, READ_MOST = 1024 * 1024, READ_DEFAULT = 128 * 1024 };

struct strings {
    char **items;
    size_t n;
};

struct options {
    char *uri;        /* NULL: libvirt's default */
    char *mountpoint; /* NULL only with `help` or `version` */
    bool help, version, foreground, debug, readonly;
    bool untouched, flat;
    bool has_level; /* loglevel= was given */
    enum log_level level;
    uint64_t cache_ns;
    uint64_t memory;   /* bytes */
    uint64_t cow;      /* bytes that may be written to one .cow file */
    uint32_t max_read; /* bytes */
    char *create;      /* create=, NULL = not given */
    struct tree_options tree;
    struct strings domains, allow; /* domain=, allow= */
    struct strings libfuse;        /* -o words for libfuse to judge */
};

/* Fills `o`. If a word is wrong, it fails with EINVAL and a sentence. Call options_free in any
 * case. */
int options_parse(int argc, char **argv, struct options *o, struct err *e);
void options_free(struct options *o);

/* Prints every option, control file and control word. */
void options_help(FILE *out);

/* What an option does with its member of struct options. */
enum option_type {
    OPTION_OTHER, /* `set` handles the option; NULL: no effect */
    OPTION_YES,   /* bool */
    OPTION_NO,
    OPTION_USER,    /* uint32_t */
    OPTION_GROUP,   /* uint32_t */
    OPTION_MASK,    /* int */
    OPTION_SECONDS, /* uint64_t, ns */
    OPTION_MIB,     /* uint64_t, bytes */
    OPTION_BYTES,   /* uint32_t */
};

/* The rows of the table, for the help and for tests. */
struct option_row {
    const char *name;  /* "uid=", "ro", "-f"; a trailing '=' takes a value */
    const char *value; /* the word for the value in the help; NULL for none */
    const char *help;  /* NULL: accepted for mount(8) and fstab(5), without effect here */
    enum option_type type;
    size_t offset;        /* of the member */
    uint32_t least, most; /* in MiB or bytes */
    int (*set)(struct options *o, const char *value, struct err *e);
};
size_t option_count(void);
const struct option_row *option_at(size_t i);

#endif
