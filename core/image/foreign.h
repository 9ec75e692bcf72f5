/* foreign.h - files in formats that are not read here: can there be a file below? For the file
 * graph alone; bytes are never read by a guess. */
#ifndef SNAPFS_IMAGE_FOREIGN_H
#define SNAPFS_IMAGE_FOREIGN_H

#include <stdbool.h>

#include "image/file.h"

/* The format that the file looks like to one who probes, "raw" for none; NULL: it cannot be read.
 * Static. */
const char *foreign_guess(const struct image_file *f);

/* Is it certain that an image of this format has no backing file? */
bool foreign_stands_alone(const struct image_file *f, const char *format);

#endif
