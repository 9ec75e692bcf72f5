/* SPDX-License-Identifier: GPL-3.0-or-later */
/* domain_list.h - which of libvirt's domains are shown. */
#ifndef SNAPFS_MODEL_CATALOG_DOMAIN_LIST_H
#define SNAPFS_MODEL_CATALOG_DOMAIN_LIST_H

/* The name of a domain that a procedure defines for a moment, so that libvirt makes overlays for
 * it; as a prefix of the uuid of the domain at work. Such a domain is not shown. */
#define REVERT_MAKER_PREFIX "snapfs-tmp-"

#endif
