/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_migrate.h - does a domain have a device whose state QEMU cannot save? Pure.
 *
 * libvirt refuses a snapshot with the memory of such a domain with the code that it has for passing
 * causes, too (OPERATION_INVALID: a block job, a domain that has just been shut off), so that the
 * domain itself is asked.
 */
#ifndef SNAPFS_VIRT_XML_MIGRATE_H
#define SNAPFS_VIRT_XML_MIGRATE_H

#include <stdbool.h>

#include "base/error.h"

/* `xml` is the <domain> as it runs, `said` what libvirt answered. Some devices cannot be saved in
 * any state; of others that is so only if `said` tells of migration, as of a 9p share that the
 * guest has mounted. False of a document that cannot be read. */
bool xml_migrate_refused(const char *xml, const char *said);

#endif
