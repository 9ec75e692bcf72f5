/* SPDX-License-Identifier: GPL-3.0-or-later */
/* foreign.h - files in formats that snapfs does not read itself, but through QEMU (export.h): their
 * names, and what their headers tell of backing files. snapfs never guesses a format to read bytes.
 */
#ifndef SNAPFS_IMAGE_FOREIGN_H
#define SNAPFS_IMAGE_FOREIGN_H

#include <stdbool.h>

#include "image/file.h"

/* The numbers of the formats that QEMU reads for snapfs. */
enum foreign_format {
    FOREIGN_VMDK,
    FOREIGN_VDI,
    FOREIGN_QCOW,
    FOREIGN_QED,
    FOREIGN_PARALLELS,
    FOREIGN_VHDX,
    FOREIGN_VPC,
    FOREIGN_LUKS,
    FOREIGN_FORMATS
};

/* Returns the number of a format that QEMU reads for snapfs, by its libvirt or QEMU name; -1 if
 * QEMU does not. */
int foreign_find(const char *format);
const char *foreign_name(int i);    /* QEMU's name; static */
const char *foreign_options(int i); /* more options for QEMU (export.h); NULL: no secret */

/* Tells whether two names mean the same format, even if one is QEMU's and one libvirt's. */
bool foreign_same(const char *a, const char *b);

/* Returns the format that probing finds in the file, "raw" if it finds none; NULL if the file
 * cannot be read. Static. */
const char *foreign_guess(const struct image_file *f);

/* Tells whether an image of this format certainly has no backing file. */
bool foreign_has_no_backing(const struct image_file *f, const char *format);

/* Tells whether an image of this format may name other files, which QEMU would open. */
bool foreign_names_files(const char *format);

#endif
