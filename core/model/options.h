/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options.h - the options of a mount. */
#ifndef SNAPFS_MODEL_OPTIONS_H
#define SNAPFS_MODEL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct model_options {
    const char *uri; /* NULL = libvirt's default */
    bool readonly;
    uint64_t cache_ns;        /* how old a domain or the list of domains may be */
    const char *const *globs; /* only domains whose name matches one (fnmatch); n_globs 0 = all */
    size_t n_globs;
    const char *const *allow; /* directories whose files a backing chain may name */
    size_t n_allow;
    bool untouched; /* reader/modified.h */
    bool flat;      /* every snapshot's real directory is in by-name/ */
    const char
        *create; /* what mkdir makes: words (create/words.h) joined by ':'; NULL = the default */
    /* Takes a line for the program's log about work that no user asked for; may be NULL. */
    void (*say)(bool failed, const char *line);
};

#endif
