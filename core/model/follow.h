/* follow.h - the chain of one file. No locks; headers are read, nothing is written. */
#ifndef SNAPFS_MODEL_FOLLOW_H
#define SNAPFS_MODEL_FOLLOW_H

#include "image/image.h"

/* The file's layers, as image_layers gives them, but for those inside a snapfs mount, which are not
 * looked at; its chain has to be whole. */
int follow_layers(const char *path, const char *format, struct image_layer **ret, size_t *ret_n,
                  struct err *e);

#endif
