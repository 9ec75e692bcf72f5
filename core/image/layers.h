/* SPDX-License-Identifier: GPL-3.0-or-later */
/* layers.h - the chain of one file, without its bytes (for the file graph). */
#ifndef SNAPFS_IMAGE_LAYERS_H
#define SNAPFS_IMAGE_LAYERS_H

#include <stdint.h>

#include "image/source.h"

struct image_layer {
    char *path;    /* as resolved against the overlay's directory */
    char *format;  /* NULL: the overlay names none */
    char *data;    /* its external data file, NULL for none */
    uint64_t size; /* the virtual size, bytes; 0 if only QEMU knows */
    uint64_t dev, ino;
};

/* Lists the layers from the top down, as far as they can be followed. They are the layers that
 * image_open would open. *ret_layers gets *ret_n layers; free them with image_layers_free.
 *
 * If a layer of source->below cannot be looked at, it has dev and ino 0, and the layers below it
 * still follow. If a layer's format is not given, the format is guessed from its bytes, so that the
 * file graph misses no file that an image uses. Returns 0 if the chain is whole. Otherwise returns
 * -errno with the fault, and still the layers that it found. *ret_unknown: the chain may continue
 * below them. */
int image_layers(const struct image_source *source, const struct image_policy *policy,
                 struct image_layer **ret_layers, size_t *ret_n, bool *ret_unknown, struct err *e);
void image_layers_free(struct image_layer *layers, size_t n);

#endif
