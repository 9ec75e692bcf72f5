/* SPDX-License-Identifier: GPL-3.0-or-later */
/* model.h - the model's interface for fs/: the domains and snapshots that libvirt knows, and their
 * images. The verbs (verbs.h) make changes. */
#ifndef SNAPFS_MODEL_MODEL_H
#define SNAPFS_MODEL_MODEL_H

#include "base/error.h"
#include "base/mem.h"
#include "model/activity/log.h"
#include "model/activity/progress.h"
#include "model/catalog/catalog.h"
#include "model/catalog/domain.h"
#include "model/catalog/domain_list.h"
#include "model/options.h"
#include "model/reader/info.h"
#include "model/reader/modified.h"
#include "model/reader/needed_by.h"
#include "model/reader/open.h"

/* Connects to libvirt. Call it after the last fork. The options' strings must outlive the model. */
int model_open(const struct model_options *o, struct model **ret, struct err *e);
void model_close(struct model *m); /* NULL allowed */
MEM_CLEANUP(struct model, model_close)
const char *model_uri(const struct model *m);
bool model_readonly(const struct model *m);

bool model_is_flat(const struct model *m);

/* Begins to undo or finish the operations of all domains that a crash has cut off. A thread of its
 * own does that, and goes on with those that this process leaves while libvirt does not answer. The
 * results are in the domains' logs. Does nothing for a read-only model. */
void model_recover(struct model *m);
/* Ends that at the next step's boundary; the next mount does the rest. */
void model_recover_stop(struct model *m);

/* Returns whether libvirt's daemon has other files than snapfs sees, so that no image can be
 * read. */
bool model_is_elsewhere(struct model *m);

#endif
