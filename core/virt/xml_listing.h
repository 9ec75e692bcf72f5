/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_listing.h - the document that makes libvirt list a snapshot that was made. It is needed if
 * libvirt was cut off before it could list the snapshot itself. Pure. The caller owns the document,
 * which has the secrets of its sources. */
#ifndef SNAPFS_VIRT_XML_LISTING_H
#define SNAPFS_VIRT_XML_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct xml_listing {
    const char *request; /* the <domainsnapshot> that libvirt got, with every file named */
    const char *domain;  /* the <domain> at that time */
    const char *config;  /* the <domain> for its next start at that time; NULL: the same */
    const char *parent;  /* the current snapshot at that time; NULL for none */
    const char *state;   /* a running domain's word of virsh domstate */
    bool active;
    bool disk_only; /* without memory */
    int64_t created;
};

/* Writes the document. EINVAL if a source is not what it should be. */
int xml_listing_write(const struct xml_listing *l, char **ret, struct err *e);

#endif
