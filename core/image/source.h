/* SPDX-License-Identifier: GPL-3.0-or-later */
/* source.h - what a caller gives to open an image: where it is, and which files may be opened. */
#ifndef SNAPFS_IMAGE_SOURCE_H
#define SNAPFS_IMAGE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/secret.h"

enum { IMAGE_CHAIN_MAX = 256 /* layers; libvirt allows 200 */ };

struct image_below;

/* The place of the top layer, and the known layers below it.
 * - `format` is a libvirt or QEMU format name ("raw", "qcow2"). It is never guessed: NULL or "" is
 *   refused.
 * - `tag` is the name of the internal snapshot to show, matched exactly and never as an id; `id` is
 *   its id. If both are set, both must match. If neither is set, the image is the file's active
 *   state.
 * - With `memory` the image is not a disk but the saved state of a virtual machine. In a snapshot
 *   it is the state that QEMU wrote after the disk (ENOENT if there is none). A raw file is the
 *   state as a whole. */
struct image_source {
    const char *path;
    const char *format;
    const char *tag;
    const char *id;
    bool memory;
    const struct image_below *below; /* from the top down; NULL: headers name all layers */
    size_t n_below;                  /* number of layers in `below` */
    bool ends; /* the chain ends after `below`; else the last one's header continues it */
};

/* A layer below the top that the caller knows from another source than the headers. */
struct image_below {
    const char *path;   /* a file or URI; NULL: neither */
    bool anywhere;      /* `path` is NULL, and the layer may be any file */
    const char *format; /* NULL: the header above names it */
};

enum { IMAGE_ALLOW_PLAIN = 1 };

/* The caller's decisions about every file of a chain. All members may be NULL. */
struct image_policy {
    void *ctx;
    /* Decides whether a path (absolute, or as the user gave it) may be opened. Called before any
     * access to the path. Returns 0, IMAGE_ALLOW_PLAIN (only if it is a regular file), or -errno
     * with a sentence. If others than root and snapfs's own user can replace a link, it is called
     * for the real path too. NULL: every path may be opened. */
    int (*allow)(void *ctx, const char *path, struct err *e);
    /* Returns the format of the backing file `path` if the overlay's header names none, or names
     * "raw" for a "luks" file. NULL means that it is unknown; the chain is then refused. NULL
     * member: always unknown. */
    const char *(*format)(void *ctx, const char *path);
    /* Decides whether the header of `upper`, which names `lower`, counts, although the source has
     * `other` (NULL: nothing) directly below it. Returns 1, 0 if not, or -errno with a sentence if
     * it cannot tell. NULL member: 0. */
    int (*header_counts)(void *ctx, const char *upper, const char *lower, const char *other,
                         struct err *e);
    /* Gets the passphrase of the encrypted image `path`, or fails with -errno and a sentence. NULL
     * member: there is no passphrase. */
    int (*secret)(void *ctx, const char *path, struct secret *ret, struct err *e);
};

#endif
