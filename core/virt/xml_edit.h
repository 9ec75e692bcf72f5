/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_edit.h - small changes to a libxml2 document, for the files that write libvirt's XML. Inside
 * virt/ only. */
#ifndef SNAPFS_VIRT_XML_EDIT_H
#define SNAPFS_VIRT_XML_EDIT_H

#include <libxml/tree.h>

#include "base/error.h"

int xml_set_attr(xmlNodePtr node, const char *name, const char *value, struct err *e);
int xml_add_child(xmlNodePtr node, const char *name, xmlNodePtr *ret, struct err *e);
int xml_add_text(xmlNodePtr node, const char *name, const char *text, struct err *e);

/* Return the <disk> of a <domain>, and that of a snapshot's <disks>; NULL if there is none. */
xmlNodePtr xml_find_domain_disk(const xmlNode *domain, const char *target);
xmlNodePtr xml_find_snapshot_disk(const xmlNode *disks, const char *target);

/* Tells whether the disk's <source> is that file. */
bool xml_is_on_file(xmlNodePtr disk, const char *file);

/* Tells whether the disk is on that volume of a pool. If either is NULL, it is not. */
bool xml_is_on_volume(xmlNodePtr disk, const char *pool, const char *volume);

/* Puts the disk, which was on another file or a volume, on that file. EINVAL if it has no <source>.
 * */
int xml_put_on_file(xmlNodePtr disk, const char *target, const char *file, const char *format,
                    struct err *e);

#endif
