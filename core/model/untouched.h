/* untouched.h - are the files of a snapshot's image as they were when libvirt wrote the snapshot
 * down?
 *
 * Who commits into a file below a domain's disk by hand (virsh blockcommit, qemu-img commit) leaves
 * libvirt's snapshots as they were, and once that has ended the file does not tell of it. But what
 * libvirt keeps of a snapshot is written after its files are: when the snapshot is made, and again,
 * of the one whose bytes are in the file then, when a delete has merged something into it. That is
 * asked of files that were seen to change under an open image, and, with the option `untouched`, of
 * all.
 */
#ifndef SNAPFS_MODEL_UNTOUCHED_H
#define SNAPFS_MODEL_UNTOUCHED_H

#include "model/model.h"

enum { TOUCHED_MAX = 1024 }; /* files that are remembered, the latest */

struct touched; /* files that were seen to change */

struct touched *touched_new(void);    /* NULL without memory */
void touched_free(struct touched *t); /* NULL allowed */

/* Of plain files, by their own time. EIO: the image reads one that was written to later than `s`
 * and each of the domain's snapshots that have their bytes in it were written down, as far as
 * libvirt's records can be seen. */
int untouched_check(const struct model *m, const struct domain *d, const struct snapshot *s,
                    const struct image *im, struct err *e);

#endif
