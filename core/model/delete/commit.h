/* commit.h - inside core/model: the overlays of a snapshot that is deleted (delete/steps.h)
 * go into its contents. */
#ifndef SNAPFS_MODEL_DELETE_COMMIT_H
#define SNAPFS_MODEL_DELETE_COMMIT_H

#include "model/delete/steps.h"

/* Merges each disk that is not known to be merged, and notes it; asks before each whose bytes it
 * would change. A disk that cannot be merged is told in the remark. May be run again after it was
 * cut off at any place. Fails if libvirt's answer did not come; and, with deletion->refused set and
 * deletion->merging not, if the first merge is not allowed any more (EBUSY). */
int delete_merge(struct deletion *w, struct err *e);

#endif
