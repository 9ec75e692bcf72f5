/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hooks.h - what the reader does with each value of a domain (catalog/hooks.h). */
#ifndef SNAPFS_MODEL_READER_HOOKS_H
#define SNAPFS_MODEL_READER_HOOKS_H

#include "model/catalog/hooks.h"

extern const struct catalog_hooks reader_hooks;

#endif
