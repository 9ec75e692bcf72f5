/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options.h - the command line of snapfs-cat. */
#ifndef SNAPFS_IMAGE_CAT_OPTIONS_H
#define SNAPFS_IMAGE_CAT_OPTIONS_H

#include <stdint.h>

#include "image/source.h"

enum cat_action { CAT_BYTES, CAT_MAP, CAT_INFO, CAT_COPY, CAT_HELP, CAT_VERSION };

struct cat_options {
    enum cat_action action;
    struct image_source source;
    uint64_t offset, length; /* bytes of the disk; length UINT64_MAX: to the end */
    const char *output;      /* CAT_COPY: the file to make */
    const char *secret;      /* the file with the passphrase; NULL: none */
};

extern const char cat_help[];

/* Reads the command line. EINVAL with a sentence for any word that it does not understand. */
int cat_options_parse(int argc, char **argv, struct cat_options *ret, struct err *e);

#endif
