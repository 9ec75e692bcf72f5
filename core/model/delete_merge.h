/* delete_merge.h - inside core/model: the overlays of a snapshot that is deleted (delete_steps.h)
 * go into its contents. */
#ifndef SNAPFS_MODEL_DELETE_MERGE_H
#define SNAPFS_MODEL_DELETE_MERGE_H

#include "model/delete_steps.h"

/* Merges each disk that is not known to be, and notes it; one that cannot be is told in the remark.
 * May be run again after it was cut off at any place. Fails only where libvirt's answer did not
 * come. */
int delete_merge(struct deletion *w, struct err *e);

#endif
