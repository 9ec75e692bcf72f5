/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_listing.h - the document by which libvirt lists a snapshot that was made, when libvirt itself
 * was cut off before it could. Pure; owned by the caller, and with the secrets of what it is made
 * of.
 */
#ifndef SNAPFS_VIRT_XML_LISTING_H
#define SNAPFS_VIRT_XML_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct xml_listing {
    const char *request; /* the <domainsnapshot> that libvirt was given, with every file named */
    const char *domain;  /* the <domain> as it was then, and */
    const char *config;  /* as it would be at its next start; NULL for the same */
    const char *parent;  /* the current snapshot then; NULL for none */
    const char *state;   /* a word of virsh domstate; of a running one */
    bool active;
    bool disk_only; /* without memory */
    int64_t created;
};

/* EINVAL when a document is not what it should be. */
int xml_listing_write(const struct xml_listing *l, char **ret, struct err *e);

#endif
