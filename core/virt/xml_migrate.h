/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_migrate.h - tells whether a domain has a device whose state QEMU cannot save. Pure.
 *
 * libvirt refuses a snapshot with the memory of such a domain with OPERATION_INVALID. It uses that
 * code also for temporary causes (a block job, a domain that has just been shut off). So snapfs
 * looks at the domain's XML.
 */
#ifndef SNAPFS_VIRT_XML_MIGRATE_H
#define SNAPFS_VIRT_XML_MIGRATE_H

#include <stdbool.h>

#include "base/error.h"

/* Tells whether a device prevents that QEMU saves the memory. `xml` is the <domain> as it runs;
 * `said` is libvirt's answer. QEMU can never save some devices. Other devices, such as a 9p share
 * that the guest has mounted, count only if `said` mentions migration. False if the document cannot
 * be read. */
bool xml_migrate_refused(const char *xml, const char *said);

#endif
