/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_files.h - the files of the host that libvirt or QEMU needs when a domain starts, besides the
 * layers below its disks. Pure.
 */
#ifndef SNAPFS_VIRT_XML_FILES_H
#define SNAPFS_VIRT_XML_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/mem.h"

struct xml_file {
    const char *what; /* "kernel", "disk", "directory of the log"; static */
    char *path;       /* absolute */
    char *instead;    /* the start works without `path` if this exists; NULL: none */
    char *target;     /* of a disk; else NULL */
};

struct xml_files {
    struct xml_file *items;
    size_t n;
};

/* Reads the files of a `root`: of a "domain", or of the <domain> of a "domainsnapshot" (no files if
 * it has none). With `reset_nvram` the template of the UEFI variables is needed, too. EINVAL if it
 * is another document. */
int xml_files_read(const char *xml, const char *root, bool reset_nvram, struct xml_files **ret,
                   struct err *e);
void xml_files_free(struct xml_files *f); /* NULL allowed */
MEM_CLEANUP(struct xml_files, xml_files_free)

#endif
