/* SPDX-License-Identifier: GPL-3.0-or-later */
/* source.h - a <source> of libvirt's XML: where its bytes are, and in which format. */
#ifndef SNAPFS_MODEL_STORAGE_SOURCE_H
#define SNAPFS_MODEL_STORAGE_SOURCE_H

struct volumes;
struct xml_source;

/* A source's file, or the URI of its export on another host; NULL: another kind. Borrowed. */
const char *policy_path(struct volumes *volumes, const struct xml_source *s);

/* The format of a source: what libvirt calls raw and encrypted is "luks" to QEMU and us. */
const char *policy_format(const struct xml_source *s);

#endif
