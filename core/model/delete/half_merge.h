/* SPDX-License-Identifier: GPL-3.0-or-later */
/* half_merge.h - inside core/model: a merge that QEMU may not have brought to its end.
 *
 * At the end of a merge below the live disk, QEMU puts the file above the overlay onto the base.
 * Only then does it write the base's tables, which it has had in its memory. If QEMU is killed
 * between the two, the chain is without the overlay, and the base is without its data. So the chain
 * proves a whole merge only if the job was seen to end. Otherwise snapfs compares the bytes. If they
 * differ, it puts the file above back onto the overlay, which still has all of its data. If QEMU
 * merges the live disk itself, it writes the tables first. */
#ifndef SNAPFS_MODEL_DELETE_HALF_MERGE_H
#define SNAPFS_MODEL_DELETE_HALF_MERGE_H

#include "model/delete/plan.h"

/* Looks at the file above in its own header, because libvirt's XML may not tell of the link. If it
 * is on the base, makes sure that the base has all of the overlay's data. Returns 0 if so, or if the
 * file above is on the overlay as before. Otherwise fails:
 *
 *   - with EIO after it has put the file above back onto the overlay;
 *   - with EAGAIN if it cannot do that now: the domain runs, or qemu-img failed. Snapshots with
 *     bytes in the file above are read wrongly until then. The message says what to do. */
int half_merge_settle(const struct delete *del, const struct delete_disk *disk, struct err *e);

/* Settles all merges, before the domain is started again. Fails only if one cannot be settled now. */
int half_merge_settle_all(const struct delete *del, struct err *e);

#endif
