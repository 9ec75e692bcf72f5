/* SPDX-License-Identifier: GPL-3.0-or-later */
/* steps.h - the steps that make a snapshot (create/new_snapshot.h has their plan). */
#ifndef SNAPFS_MODEL_CREATE_STEPS_H
#define SNAPFS_MODEL_CREATE_STEPS_H

#include "model/journal/procedure.h"

extern const struct procedure_kind new_snapshot_kind;

#endif
