/* SPDX-License-Identifier: GPL-3.0-or-later */
/* source.h - the path and the format of a <source> of libvirt's XML. */
#ifndef SNAPFS_MODEL_STORAGE_SOURCE_H
#define SNAPFS_MODEL_STORAGE_SOURCE_H

struct volumes;
struct xml_source;

/* Returns a source's file, or the URI of its export on another host. Returns NULL for any other
 * kind of source. The result is borrowed. */
const char *policy_path(struct volumes *volumes, const struct xml_source *s);

/* Returns the format of a source. If libvirt's XML says raw and encrypted, the format is "luks" for
 * QEMU and snapfs. */
const char *policy_format(const struct xml_source *s);

#endif
